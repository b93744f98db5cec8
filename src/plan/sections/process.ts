// process -> how init is scheduled, where it stands, and the program that takes its place.

import type { Process, Scheduler } from "../../spec/config.ts";
import { maskWords } from "../../spec/number-list.ts";
import type { CapabilityMasks } from "../capabilities.ts";
import { type Context, refuse } from "../context.ts";
import type { Op } from "../op-table.ts";
import { IO_CLASSES, MEMORY_POLICIES, MEMORY_POLICY_FLAGS, PERSONALITIES, SCHEDULER_FLAGS, SCHEDULER_POLICIES } from "../scheduling.ts";
import { capsOp, SYS_NICE, withEffective } from "./capabilities.ts";
import { programEnv, searchPaths } from "./env.ts";

const AT_SCHEDULER = "/process/scheduler";

/** Nothing of the caller stays with init: signals, session, keyring. */
export function detachOps(context: Context): Op[] {
  const ops: Op[] = [
    { op: "signal.reset", at: "" },
    { op: "session.new", at: "" },
  ];
  // The name lets a later exec join the same keyring.
  if (!context.options.noNewKeyring) ops.push({ op: "keyring.new", at: "", name: `_ses.${context.options.id}` });
  return ops;
}

/** A process with a deadline may not fork, and init forks for the startContainer hooks: it gets its deadline after them. */
export function isScheduledLate({ config }: Context, { scheduler }: Process): boolean {
  return scheduler?.policy === "SCHED_DEADLINE" && (config.hooks?.startContainer ?? []).length > 0;
}

/** `masks`: what init has afterwards. */
export function lateSchedulerOps(context: Context, { scheduler }: Process, masks: CapabilityMasks): Op[] {
  if (scheduler === undefined) return [];
  return [capsOp(AT_SCHEDULER, withEffective(masks, context, SYS_NICE)), schedulerOp(scheduler), capsOp(AT_SCHEDULER, masks)];
}

function schedulerOp({ policy, flags = [], nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 }: Scheduler): Op {
  const at = AT_SCHEDULER;
  let bits = 0;
  for (const [index, flag] of flags.entries()) bits |= numberOf(SCHEDULER_FLAGS, flag, `${at}/flags/${index}`);
  return { op: "scheduler.set", at, policy: numberOf(SCHEDULER_POLICIES, policy, `${at}/policy`), flags: bits, nice, priority, runtime, deadline, period };
}

/** After the cgroup is joined: a v1 cpu cgroup without real-time budget refuses to take a real-time process. */
export function schedulingOps(context: Context, process: Process): Op[] {
  const ops: Op[] = [];
  const { scheduler, ioPriority } = process;
  if (scheduler !== undefined && !isScheduledLate(context, process)) ops.push(schedulerOp(scheduler));
  if (ioPriority !== undefined) {
    const at = "/process/ioPriority";
    ops.push({ op: "ioprio.set", at, class: numberOf(IO_CLASSES, ioPriority.class, `${at}/class`), priority: ioPriority.priority });
  }
  ops.push(...memoryPolicyOps(context));
  const domain = context.config.linux?.personality?.domain;
  if (domain !== undefined) {
    const at = "/linux/personality/domain";
    ops.push({ op: "personality.set", at, domain: numberOf(PERSONALITIES, domain, at) });
  }
  return ops;
}

/** In the cgroup, whose cpuset.mems the kernel takes the nodes from. */
function memoryPolicyOps({ config }: Context): Op[] {
  const policy = config.linux?.memoryPolicy;
  if (policy === undefined) return [];
  const at = "/linux/memoryPolicy";
  const { mode, nodes = "", flags = [] } = policy;
  let bits = numberOf(MEMORY_POLICIES, mode, `${at}/mode`);
  for (const [index, flag] of flags.entries()) bits |= numberOf(MEMORY_POLICY_FLAGS, flag, `${at}/flags/${index}`);
  const words = nodes === "" ? [] : (maskWords(nodes) ?? refuse(`${at}/nodes`, `"${nodes}" is not a list of memory nodes`));
  return [{ op: "mempolicy.set", at, mode: bits, words }];
}

function numberOf(table: Readonly<Record<string, number>>, word: string, at: string): number {
  const number = Object.hasOwn(table, word) ? table[word] : undefined;
  return number ?? refuse(at, `unknown value ${word}`);
}

/** While the root is writable: a missing working directory is made. */
export function makeCwdOps(context: Context): Op[] {
  const { process } = context.config;
  return process === undefined || process.cwd === "/" ? [] : [{ op: "cwd.make", at: "/process/cwd", path: process.cwd }];
}

/** As root first (a directory that only root may enter), and as the user when root may not (root squashed on NFS or FUSE). */
export function enterCwdOps(process: Process): { asRoot: Op[]; asUser: Op[] } {
  const enter = (optional: number): Op[] => [{ op: "cwd.enter", at: "/process/cwd", path: process.cwd, optional }];
  return { asRoot: enter(1), asUser: enter(0) };
}

/** The last look at the program before `created` is reported: that it cannot be found fails create, not start. */
export function lookupOps(context: Context, process: Process): Op[] {
  const file = process.args?.[0] ?? "";
  if (file === "") refuse("/process/args", "no program to run");
  const ops: Op[] = [];
  // Absent: the caller's umask stays (spec 7.15).
  const { umask } = process.user;
  if (umask !== undefined) ops.push({ op: "umask.set", at: "/process/user/umask", mask: umask });
  ops.push(
    { op: "fds.close", at: "", preserve: context.options.preserveFds },
    { op: "exec.lookup", at: "/process/args/0", file, paths: file.includes("/") ? [] : searchPaths(context, process) },
  );
  return ops;
}

/** The program takes the place of init. */
export function execOps(context: Context, process: Process): Op[] {
  return [{ op: "exec.run", at: "/process/args", args: process.args ?? [], env: programEnv(context, process) }];
}
