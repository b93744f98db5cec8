// linux.namespaces and linux.timeOffsets -> the flags of the first clone3, and the ops that join or make the rest.
import { type Context, isJoined, isNew, pointerIf } from "../context.ts";
import { CLONE, type NamespaceType } from "../kernel-flags.ts";
import type { Op } from "../op-table.ts";
import { HIDE, idmapOps } from "./idmap.ts";

/** Order of joining: the user namespace gives the rights to join the others; after the mount namespace the other paths are gone. */
const JOIN_ORDER: readonly NamespaceType[] = ["user", "ipc", "uts", "network", "pid", "cgroup", "time", "mount"];

/** Made by one clone3, of the first process or of the fork. cgroup and time come later: their moment is not the start of the process. */
const CLONED: readonly NamespaceType[] = ["user", "mount", "uts", "ipc", "network", "pid"];

export interface NamespaceStart {
  readonly cloneFlags: number;
  readonly ops: readonly Op[];
}

/** How init gets into its namespaces, up to being root in its user namespace. */
export function startNamespaces(context: Context): NamespaceStart {
  const made = newFlags(context);
  // The namespaces that are joined and the ones that are made do not depend on one another.
  if (!needsForkStage(context)) return { cloneFlags: made, ops: [HIDE, ...joinOps(context)] };
  if (isNew(context, "user")) {
    // Alone and first: execve of init in a user namespace without mappings would take all capabilities away, and the other
    // namespaces are to belong to it. They are made by the fork, when the mappings are there.
    const ops: Op[] = [
      ...joinOps(context),
      { op: "ns.unshare", at: context.namespaces.user?.at ?? "", flags: CLONE.user },
      ...idmapOps(context),
      ...timeOps(context),
      forkOp(context, made - CLONE.user),
    ];
    return { cloneFlags: 0, ops };
  }
  return { cloneFlags: 0, ops: [...hiddenJoinOps(context), forkOp(context, made), ...idmapOps(context)] };
}

function hiddenJoinOps(context: Context): Op[] {
  const ops = [...joinOps(context), ...timeOps(context)];
  // The file of the clock offsets belongs to the host's root once init is hidden: others have to write it before.
  return isNew(context, "time") && context.facts.euid !== 0 ? [...ops, HIDE] : [HIDE, ...ops];
}

/**
 * The first process cannot be init itself: a pid or time namespace takes in only the children of the process that joins or
 * makes it; a user namespace must have its mappings before the others are made in it.
 */
function needsForkStage(context: Context): boolean {
  const { user, time } = context.namespaces;
  return user !== undefined || time !== undefined || isJoined(context, "pid");
}

function newFlags(context: Context): number {
  let flags = 0;
  for (const type of CLONED) if (isNew(context, type)) flags += CLONE[type];
  return flags;
}

function joinOps(context: Context): Op[] {
  const ops: Op[] = [];
  for (const type of JOIN_ORDER) {
    const request = context.namespaces[type];
    if (request?.path !== undefined) ops.push({ op: "ns.join", at: `${request.at}/path`, type: CLONE[type], path: request.path });
  }
  return ops;
}

function timeOps(context: Context): Op[] {
  const request = context.namespaces.time;
  if (request === undefined || request.path !== undefined) return [];
  const ops: Op[] = [{ op: "ns.unshare", at: request.at, flags: CLONE.time }];
  let text = "";
  for (const [clock, offset] of Object.entries(context.config.linux?.timeOffsets ?? {})) {
    if (offset !== undefined) text += `${clock} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n`;
  }
  // The kernel freezes the offsets as soon as a process is in the namespace: now, before the fork.
  if (text !== "") ops.push({ op: "time.offsets", at: "/linux/timeOffsets", text });
  return ops;
}

function forkOp(context: Context, flags: number): Op {
  return { op: "init.fork", at: pointerIf(context.config.linux?.namespaces, "/linux/namespaces"), flags };
}

/** A new cgroup namespace takes the cgroup that init is in at this moment as its root: only after cgroup.join. */
export function cgroupNamespaceOps(context: Context): Op[] {
  const request = context.namespaces.cgroup;
  return request !== undefined && request.path === undefined ? [{ op: "ns.unshare", at: request.at, flags: CLONE.cgroup }] : [];
}
