// Undo what create built, then run the poststop hooks (runtime-spec, "Lifecycle", steps 12 and 13).
import type { ExistingCgroup } from "../cgroup/driver.ts";
import { openCgroup } from "../cgroup/existing.ts";
import { removeRdt } from "../cgroup/intel-rdt.ts";
import { check, StateError } from "../errors.ts";
import { warn } from "../log.ts";
import type { StateRecord } from "../state/record.ts";
import { isAlive } from "../state/status.ts";
import { directoryOf, lockOf, remove } from "../state/store.ts";
import { sys } from "../sys.ts";
import { runHooksTolerantly, stateOf } from "./hooks.ts";
import { removeHostMounts } from "./host-mounts.ts";
import { removeOwnBundle } from "./own-bundle.ts";

const SIGKILL = 9;
const ESRCH = 3;
const KILL_TIMEOUT_MS = 10_000;
const LOOK_MS = 100;

/** The container's process is killed when it still lives. `held`: its lock. A failing poststop hook is a warning (spec 3.22). */
export function destroy(root: string, record: StateRecord, held: number, cgroup: ExistingCgroup = openCgroup(record.cgroup)): void {
  endProcess(record, cgroup);
  // Without a pid namespace of its own the container's other processes outlive its first one: the cgroup knows them.
  if (!record.ownPidNamespace) cgroup.killAll(KILL_TIMEOUT_MS);
  // The init of an exec that came with a pause is not in the container yet, and stands still in its cgroup for ever; thawed, it ends.
  if (cgroup.isFrozen()) cgroup.thaw();
  if (record.hostMounts) removeHostMounts(record.rootfs);
  cgroup.remove();
  if (record.rdt !== undefined) removeRdt(record.rdt);
  if (record.ownBundle) removeOwnBundle(record.bundle);
  remove(directoryOf(root, record.id));
  // Whoever waits for it finds the container gone; hooks may take their time.
  sys.close(held);
  if (record.poststop !== undefined) runHooksTolerantly("poststop", record.poststop, stateOf(record, "stopped", 0), (error) => warn(error.message));
}

/** Unless a delete was faster: then everything is done, and what has the id now is not ours. */
export function destroyIfThere(root: string, record: StateRecord, cgroup?: ExistingCgroup): void {
  const locked = lockOf(root, record);
  if (locked !== undefined) destroy(root, locked.record, locked.held, cgroup);
}

/** Returns when the process is gone: what it uses cannot be removed before. */
function kill(record: StateRecord, cgroup: ExistingCgroup, pidfd: number): void {
  const sent = isAlive(record) ? sys.pidfd_signal(pidfd, SIGKILL) : -ESRCH;
  if (sent !== -ESRCH) check(sent, "kill the container's process", record.id, "pidfd_send_signal");
  let gone = 0;
  for (let waited = 0; gone === 0 && waited < KILL_TIMEOUT_MS; waited += LOOK_MS) {
    // A frozen process dies when it is thawed (cgroup v1); a pause may be at work at the same time.
    if (sent >= 0 && cgroup.isFrozen()) cgroup.thaw();
    gone = check(sys.pidfd_wait(pidfd, LOOK_MS), "wait for the end of the container's process", record.id, "poll");
  }
  sys.close(pidfd);
  if (gone === 0)
    throw new StateError("TS4007", `container init still running: "${record.id}" (process ${record.pid})`, {
      hint: `it did not die of SIGKILL within ${KILL_TIMEOUT_MS / 1000} s: see /proc/${record.pid}/stack`,
    });
}

export function endProcess(record: StateRecord, cgroup: ExistingCgroup): void {
  if (!isAlive(record)) return;
  const pidfd = sys.pidfd_open(record.pid);
  if (pidfd !== -ESRCH) kill(record, cgroup, check(pidfd, "open the container's process", record.id, "pidfd_open"));
}
