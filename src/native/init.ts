// The parent's side of tsrun-init: start it with a plan, answer its sync points. Its records are read by events.ts.
// The protocol is drawn in docs/architecture.md ("The sync protocol"); the other side is native/init/report.c.
import { check, SystemError } from "../errors.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/plan.ts";
import { sys } from "../sys.ts";

const SIGKILL = 9;
const KILL_TIMEOUT_MS = 10_000;
const ECHILD = 10;
const EACCES = 13;
const EPIPE = 32;
const ECONNRESET = 104;
const NOT_YOURS_HINT =
  "cgroup.procs of the cgroup that this process and the container's have in common must be writable: start tsrun inside of a cgroup that is yours";

export interface InitProcess {
  /** As the runtime sees it; changes once when init forks into joined namespaces. */
  pid: number;
  pidfd: number;
  /** Our end of the sync socket. */
  readonly sync: number;
}

export interface InitFds {
  /** Directory of the cgroup v2 that init is born into, or -1. */
  readonly cgroup: number;
  readonly preserve: number;
  /** Listening start socket, or -1. */
  readonly start: number;
  /** Where hooks inside the container write, or -1. */
  readonly hookLog: number;
}

export function startInit(plan: Plan, fds: InitFds): InitProcess {
  const pid = sys.spawn_init(plan.cloneFlags, encodePlan(plan), fds.cgroup, fds.preserve, fds.start, fds.hookLog);
  if (pid === -EACCES && fds.cgroup >= 0) throw new SystemError("start the container's init in its cgroup", "", "clone3", EACCES, { hint: NOT_YOURS_HINT });
  check(pid, "start the container's init", `clone flags 0x${plan.cloneFlags.toString(16)}`, "clone3");
  return { pid, sync: sys.out(0), pidfd: sys.out(1) };
}

/** Lets init go on from a sync point. */
export function answer(init: InitProcess, point: number): void {
  checkSent(sys.send_byte(init.sync, point));
}

/** Hands init open files: of its cgroups, of its seccomp filter; of the container when it enters one. */
export function sendFiles(init: InitProcess, files: readonly number[]): void {
  for (const fd of files) checkSent(sys.send_fd(init.sync, fd, "c"));
}

/** That init is gone shows at the next record, with the reason. Anything else it would wait for in vain. */
function checkSent(result: number): void {
  if (result !== -EPIPE && result !== -ECONNRESET) check(result, "answer the container's init", "sync socket", "sendmsg");
}

/** init forked: its child is the container process, a child of ours by CLONE_PARENT. */
export function adoptFork(init: InitProcess, pid: number): void {
  const pidfd = sys.pidfd_open(pid);
  if (pidfd < 0) {
    // Not waited for yet, so that the pid is still its own; nobody else would kill it.
    sys.kill(pid, SIGKILL);
    sys.wait_pid(pid, KILL_TIMEOUT_MS);
    check(pidfd, "watch the container's process", String(pid), "pidfd_open");
  }
  sys.wait_pid(init.pid, 5000);
  sys.close(init.pidfd);
  init.pid = pid;
  init.pidfd = pidfd;
}

/** Ends init and everything it set up in its own namespaces; returns when it is gone. */
export function killInit(init: InitProcess): void {
  sys.pidfd_signal(init.pidfd, SIGKILL);
  const waited = sys.wait_pid(init.pid, KILL_TIMEOUT_MS);
  // Whoever told of its failure may have waited for it.
  if (waited !== -ECHILD) check(waited, "kill the container's init", String(init.pid), "wait4");
}
