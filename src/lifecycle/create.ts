// create: build the container, up to the point where its program would run (runtime-spec, "Create").
import { type StateRecord, writeAtomically } from "../state/record.ts";
import { sys } from "../sys.ts";
import { type BuildOptions, type Built, withBuilt } from "./build.ts";
import { sendPidfd } from "./console.ts";
import { writePidFile } from "./pid-file.ts";
import type { Undo } from "./undo.ts";

export function createContainer(options: BuildOptions): StateRecord {
  return withBuilt(options, { startWait: true, detached: true }, (built, undo) => {
    publish(options, built, undo);
    sys.close(built.init.sync);
    return built.record;
  });
}

/** Tells the world: the files that engines wait for, last of all state.json, which makes the container exist. */
export function publish({ pidFile, pidfdSocket }: BuildOptions, built: Built, undo: Undo): void {
  if (pidFile !== undefined) writePidFile(pidFile, built.init.pid, undo);
  if (pidfdSocket !== undefined) sendPidfd(pidfdSocket, built.init.pidfd);
  writeAtomically(`${built.directory}/state.json`, JSON.stringify(built.record));
}
