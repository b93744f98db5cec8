// kill: send a signal to the container process (runtime-spec, "Kill").
import { openCgroup } from "../cgroup/existing.ts";
import { check } from "../errors.ts";
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
  if (all) {
    cgroup.signalAll(signal);
    return;
  }
  const status = currentStatus(root, record);
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
