// kill: send a signal to the container process (runtime-spec, "Kill").
import { openCgroup } from "../cgroup/existing.ts";
import { check, StateError } from "../errors.ts";
import { isAlive } from "../state/status.ts";
import { load } from "../state/store.ts";
import { sys } from "../sys.ts";
import { currentStatus, notRunning } from "./query.ts";

const SIGKILL = 9;
const ESRCH = 3;

/** `all`: every process of the container's cgroup, also when the container process is gone (runc's --all). */
export function killContainer(root: string, id: string, signal: number, all: boolean): void {
  const record = load(root, id);
  const cgroup = openCgroup(record.cgroup);
  const status = currentStatus(root, record);
  // Spec 3.18: neither created nor running. A create that was killed half way is ended by delete --force.
  if (status === "creating") throw new StateError("TS4004", `cannot kill a container that is being created: "${id}"`);
  if (all) {
    cgroup.signalAll(signal);
    return;
  }
  if (status === "stopped") throw notRunning(id);
  const pidfd = sys.pidfd_open(record.pid);
  // Open first, then look: the pid may have been given to another process in between.
  if (pidfd === -ESRCH || !isAlive(record)) throw notRunning(id);
  check(pidfd, "open the container's process", id, "pidfd_open");
  const sent = sys.pidfd_signal(pidfd, signal);
  sys.close(pidfd);
  if (sent === -ESRCH) throw notRunning(id);
  check(sent, "signal the container's process", id, "pidfd_send_signal");
  // A frozen process takes SIGKILL only when it is thawed (cgroup v1).
  if (signal === SIGKILL && status === "paused") cgroup.thaw();
}
