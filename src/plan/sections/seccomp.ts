// linux.seccomp -> when init is handed the filter, and when it loads it.
import type { Process } from "../../spec/config.ts";
import type { Context } from "../context.ts";
import type { Op } from "../op-table.ts";
import { seccompFlags, usesNotify } from "../seccomp.ts";

const AT = "/linux/seccomp";
const TSYNC = 1;

/** While the parent is there. */
export function receiveFilterOps({ config }: Context): Op[] {
  return config.linux?.seccomp === undefined ? [] : [{ op: "seccomp.receive", at: AT }];
}

export interface LoadOps {
  /** While init still has CAP_SYS_ADMIN: without no_new_privs the kernel asks for it. */
  readonly privileged: Op[];
  /** The last step in which the parent is there: it has to hear of the listener. */
  readonly beforeStart: Op[];
  /** As late as possible, so that the filter has to allow the least of what init does. */
  readonly last: Op[];
}

export function loadFilterOps({ config }: Context, process: Process): LoadOps {
  const seccomp = config.linux?.seccomp;
  if (seccomp === undefined) return { privileged: [], beforeStart: [], last: [] };
  const listener = usesNotify(seccomp);
  // With a listener the kernel refuses TSYNC, which means nothing for a process with one thread.
  const flags = listener ? seccompFlags(seccomp) & ~TSYNC : seccompFlags(seccomp);
  const load: Op[] = [{ op: "seccomp.load", at: AT, flags, listener: listener ? 1 : 0 }];
  if (process.noNewPrivileges !== true) return { privileged: load, beforeStart: [], last: [] };
  return listener ? { privileged: [], beforeStart: load, last: [] } : { privileged: [], beforeStart: [], last: load };
}
