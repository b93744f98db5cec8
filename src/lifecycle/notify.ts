// sd_notify(3): a service manager that starts the container hears READY=1 from its program. The program talks to a socket of ours,
// bound at /run/notify; we pass its READY on, with MAINPID, since the manager would not believe a pid of another namespace.
import { check } from "../errors.ts";
import { warn } from "../log.ts";
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";

const DATAGRAM = 2;
const POLL_MS = 100;
const ETIMEDOUT = 110;
const EEXIST = 17;

/** Where the container sees the socket. */
export const NOTIFY_ENV = "NOTIFY_SOCKET=/run/notify/notify.sock";

export function notifyDirectory(directory: string): string {
  return `${directory}/notify`;
}

/** The manager's socket as our environment names it, or undefined. */
export function managerSocket(): string | undefined {
  const path = sys.getenv("NOTIFY_SOCKET");
  return typeof path === "number" || path === "" ? undefined : path;
}

/** The directory that is bound into the container; made at create, since mounts are. */
export function makeNotifyDirectory(directory: string, config: Config): string {
  const path = notifyDirectory(directory);
  const made = sys.mkdir(path, 0o755);
  if (made !== -EEXIST) check(made, "make the notify directory", path, "mkdir");
  labelAsMount(path, config);
  return path;
}

/** Listens; any user of the container may write. */
export function listenNotify(directory: string, config: Config): number {
  const path = `${notifyDirectory(directory)}/notify.sock`;
  sys.unlink(path);
  const socket = check(sys.listen(path, DATAGRAM), "listen for readiness", path, "bind");
  check(sys.chmod(path, 0o777), "open the notify socket to the container", path, "chmod");
  labelAsMount(path, config);
  return socket;
}

/** With linux.mountLabel the container may use nothing that has another label. Without its word the container works all the same. */
function labelAsMount(path: string, { linux }: Config): void {
  const label = linux?.mountLabel ?? "";
  const result = label === "" ? 0 : sys.set_label(path, label);
  if (result < 0) warn(`the container may not be able to notify: its mount label cannot be given to "${path}" (errno ${-result})`);
}

/** Passes the first READY= on and returns; also when the container is gone. */
export function passReadiness(socket: number, manager: string, pid: number, isAlive: () => boolean): void {
  do {
    const message = sys.recv_text(socket, POLL_MS);
    if (message === -ETIMEDOUT) continue;
    const line = typeof message === "string" ? message.split("\n").find((text) => text.startsWith("READY=")) : undefined;
    if (line === undefined) continue;
    const target = check(sys.connect(manager, DATAGRAM), "reach the service manager", manager, "connect");
    // One datagram: a manager that only waits for READY may be gone before a second one.
    check(sys.send_text(target, `${line}\nMAINPID=${pid}`), "tell the service manager", manager, "sendmsg");
    sys.close(target);
    return;
  } while (isAlive());
}
