// Undo what create built, then run the poststop hooks (runtime-spec, "Lifecycle", steps 12 and 13).
import type { ExistingCgroup } from "../cgroup/driver.ts";
import { openCgroup } from "../cgroup/existing.ts";
import { removeRdt } from "../cgroup/intel-rdt.ts";
import { StateError } from "../errors.ts";
import { warn } from "../log.ts";
import type { StateRecord } from "../state/record.ts";
import { isAlive } from "../state/status.ts";
import { directoryOf, remove } from "../state/store.ts";
import { sys } from "../sys.ts";
import { runHooksTolerantly, stateOf } from "./hooks.ts";
import { removeHostMounts } from "./host-mounts.ts";
import { removeOwnBundle } from "./own-bundle.ts";

const SIGKILL = 9;
const KILL_TIMEOUT_MS = 10_000;

/** The container's process is killed when it still lives. A failing poststop hook is a warning (spec 3.22). */
export function destroy(root: string, record: StateRecord, cgroup: ExistingCgroup = openCgroup(record.cgroup)): void {
  endProcesses(record, cgroup);
  if (record.hostMounts) removeHostMounts(record.rootfs);
  cgroup.remove();
  if (record.rdt !== undefined) removeRdt(record.rdt);
  if (record.ownBundle) removeOwnBundle(record.bundle);
  remove(directoryOf(root, record.id));
  if (record.poststop !== undefined) runHooksTolerantly("poststop", record.poststop, stateOf(record, "stopped", 0), (error) => warn(error.message));
}

/** Without a pid namespace of its own the container's other processes outlive its first one: the cgroup knows them. */
function endProcesses(record: StateRecord, cgroup: ExistingCgroup): void {
  if (isAlive(record)) {
    const pidfd = sys.pidfd_open(record.pid);
    if (pidfd >= 0) {
      if (isAlive(record)) sys.pidfd_signal(pidfd, SIGKILL);
      cgroup.thaw();
      const gone = sys.pidfd_wait(pidfd, KILL_TIMEOUT_MS);
      sys.close(pidfd);
      if (gone === 0)
        throw new StateError("TS4007", `container init still running: "${record.id}" (process ${record.pid})`, {
          hint: `it did not die of SIGKILL within ${KILL_TIMEOUT_MS / 1000} s: see /proc/${record.pid}/stack`,
        });
    }
  }
  if (!record.ownPidNamespace) cgroup.killAll(KILL_TIMEOUT_MS);
}
