// run: create and start in one; in the foreground, wait for the program and delete the container.
import { check } from "../errors.ts";
import { warn } from "../log.ts";
import { isAlive } from "../state/status.ts";
import { sys } from "../sys.ts";
import { type BuildOptions, type Built, withBuilt } from "./build.ts";
import { publish } from "./create.ts";
import { destroyIfThere } from "./destroy.ts";
import { runHooks, stateOf } from "./hooks.ts";
import { listenNotify, managerSocket, passReadiness } from "./notify.ts";

export interface RunOptions extends BuildOptions {
  readonly detach: boolean;
  /** Do not delete the container at the end. */
  readonly keep: boolean;
  /** Adopt the container's orphans, so that they are waited for. */
  readonly subreaper: boolean;
}

/** Returns the program's exit code, 128 + n when signal n ended it; 0 when detached. */
export function runContainer(options: RunOptions): number {
  if (!options.detach && options.subreaper) check(sys.set_subreaper(1), "become a subreaper", "", "prctl");
  // From the program's first moment on, our signals are its signals.
  if (!options.detach) check(sys.hold_signals(), "hold signals back", "", "sigprocmask");
  const built = withBuilt(options, { startWait: false, detached: options.detach }, (made, undo) => {
    publish(options, made, undo);
    // The program runs: also without hooks of create, its end is that of a container (spec 3.17).
    made.onHooks();
    runHooks("poststart", made.record.poststart, stateOf(made.record, "running", made.record.pid));
    return made;
  });
  tellManager(built);
  if (options.detach) return 0;
  const code = sys.foreground(built.init.pid, built.init.pidfd, built.master, options.subreaper ? 1 : 0);
  if (!options.keep) destroyIfThere(options.root, built.record, built.cgroup);
  return check(code, "wait for the container", options.id, "wait4");
}

function tellManager(built: Built): void {
  const manager = managerSocket();
  if (manager === undefined) return;
  try {
    passReadiness(listenNotify(built.directory, built.bundle.config), manager, built.init.pid, () => isAlive(built.record));
  } catch (error) {
    warn(error instanceof Error ? error.message : String(error));
  }
}
