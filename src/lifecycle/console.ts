// Where the terminal's master goes: to the engine's --console-socket, or to our own foreground loop.
import { check, UsageError } from "../errors.ts";
import type { Process } from "../spec/config.ts";
import { sys } from "../sys.ts";

const STREAM = 0;

export interface Console {
  /** Connected console socket, or -1. */
  readonly socket: number;
}

/** Refuses what cannot work before anything is made, with runc's rules. */
export function openConsole(process: Process | undefined, consoleSocket: string | undefined, detached: boolean): Console {
  const terminal = process?.terminal === true;
  if (consoleSocket === undefined) {
    if (terminal && detached)
      throw new UsageError(
        "cannot allocate tty if the runtime will detach without setting console socket",
        "give --console-socket, or set process.terminal to false",
      );
    return { socket: -1 };
  }
  if (!terminal || !detached)
    throw new UsageError("cannot use console socket if the runtime will not detach or allocate tty", "process.terminal must be true, and run needs --detach");
  return { socket: check(sys.connect(consoleSocket, STREAM), "connect to the console socket", consoleSocket, "connect") };
}

/** Hands the master over; the message is the name that runc sends. */
export function sendMaster(console: Console, master: number): void {
  check(sys.send_fd(console.socket, master, "/dev/ptmx"), "send the terminal", "console socket", "sendmsg");
  sys.close(master);
  sys.close(console.socket);
}

/** --pidfd-socket: the engine gets a pidfd of the container process. */
export function sendPidfd(path: string, pidfd: number): void {
  const socket = check(sys.connect(path, STREAM), "connect to the pidfd socket", path, "connect");
  const sent = sys.send_fd(socket, pidfd, "pidfd");
  sys.close(socket);
  check(sent, "send the pidfd", path, "sendmsg");
}
