// File descriptors that the caller passes to the program: --preserve-fds, and socket activation (sd_listen_fds(3)).
import { UsageError } from "../errors.ts";
import { O_PATH, sys } from "../sys.ts";

const FIRST = 3;

/** LISTEN_FDS of our environment: how many sockets from fd 3 on. */
export function listenFds(): number {
  const text = sys.getenv("LISTEN_FDS");
  return typeof text === "string" && /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
}

export function listenEnv(): string[] {
  const count = listenFds();
  return count === 0 ? [] : [`LISTEN_FDS=${count}`, "LISTEN_PID=1"];
}

/** An fd that is promised must be there. */
export function checkPreserved(count: number): number {
  for (let fd = FIRST; fd < FIRST + count; fd++) {
    const probe = sys.open(`/proc/self/fd/${fd}`, O_PATH, 0);
    if (probe < 0) throw new UsageError(`file descriptor ${fd} is to be preserved, but is not open`, "--preserve-fds counts from fd 3");
    sys.close(probe);
  }
  return count;
}
