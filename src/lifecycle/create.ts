// create: build the container, up to the point where its program would run (runtime-spec, "Create").
import { type StateRecord, writeAtomically } from "../state/record.ts";
import { sys } from "../sys.ts";
import { type BuildOptions, type Built, withBuilt } from "./build.ts";
import { sendPidfd } from "./console.ts";

export function createContainer(options: BuildOptions): StateRecord {
  return withBuilt(options, { startWait: true, detached: true }, (built) => {
    publish(options, built);
    sys.close(built.init.sync);
    return built.record;
  });
}

/** Tells the world: the files that engines wait for, last of all state.json, which makes the container exist. */
export function publish(options: BuildOptions, built: Built): void {
  if (options.pidFile !== undefined) writeAtomically(options.pidFile, String(built.init.pid));
  if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, built.init.pidfd);
  writeAtomically(`${built.directory}/state.json`, JSON.stringify(built.record));
}
