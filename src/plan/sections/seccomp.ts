// linux.seccomp -> when init is handed the filter, and when it loads it.
import type { Process } from "../../spec/config.ts";
import type { CapabilityMasks } from "../capabilities.ts";
import type { Context } from "../context.ts";
import type { Op } from "../op-table.ts";
import { seccompFlags, usesNotify } from "../seccomp.ts";
import { capsOp, SYS_ADMIN, withEffective, withPermitted } from "./capabilities.ts";

const AT = "/linux/seccomp";
const TSYNC = 1;
const WAIT_KILLABLE_RECV = 32;

/** While the parent is there. */
export function receiveFilterOps({ config }: Context): Op[] {
  return config.linux?.seccomp === undefined ? [] : [{ op: "seccomp.receive", at: AT }];
}

/** Without no_new_privs the kernel asks for CAP_SYS_ADMIN to load a filter: init keeps it up to that moment, and no longer. */
export function needsSysAdmin({ config }: Context, process: Process): boolean {
  return config.linux?.seccomp !== undefined && process.noNewPrivileges !== true;
}

export interface LoadOps {
  /** The last moment when the parent is there: it has to hear of the listener. */
  readonly beforeStart: Op[];
  /** As late as possible: a filter has to allow only what init still does, which is capset and execve. */
  readonly last: Op[];
}

/** `masks`: the program's capabilities, which init has now. `keep`: what it needs beside them when the filter is loaded before `start`. */
export function loadFilterOps(context: Context, process: Process, masks: CapabilityMasks, keep: number): LoadOps {
  const { seccomp } = context.config.linux ?? {};
  if (seccomp === undefined) return { beforeStart: [], last: [] };
  const listener = usesNotify(seccomp);
  // With a listener the kernel refuses TSYNC, which means nothing for a process with one thread; without one, what is about the listener.
  const flags = seccompFlags(seccomp) & ~(listener ? TSYNC : WAIT_KILLABLE_RECV);
  const load: Op = { op: "seccomp.load", at: AT, flags, listener: listener ? 1 : 0 };
  const before = listener ? withPermitted(masks, context, keep) : masks;
  const ops = needsSysAdmin(context, process) ? [capsOp(AT, withEffective(before, context, SYS_ADMIN)), load, capsOp(AT, before)] : [load];
  return listener ? { beforeStart: ops, last: [] } : { beforeStart: [], last: ops };
}
