// process.capabilities, process.user, process.noNewPrivileges -> from root in the namespaces to the container's user.

import type { Process } from "../../spec/config.ts";
import { type CapabilityMasks, capabilityMasks, hasBit } from "../capabilities.ts";
import { type Context, impossible, pointerIf, setgroupsMode } from "../context.ts";
import type { Op } from "../op-table.ts";

const AT = "/process/capabilities";

/** What init may need to the end, as numbers to be added. */
export const SYS_ADMIN = 2 ** 21;
export const SYS_NICE = 2 ** 23;

/** The program's capability sets: absent means none, as in runc and crun: the caller's capabilities are not the container's. */
export function programMasks(context: Context, process: Process): CapabilityMasks {
  const { masks, warnings } = capabilityMasks(process.capabilities ?? {}, context.facts.lastCap, grantableMask(context), AT);
  context.warnings.push(...warnings);
  return masks;
}

export interface Credentials {
  readonly masks: CapabilityMasks;
  /** Capabilities that init still needs, for a seccomp filter or the scheduler: they stay permitted, though not effective. */
  readonly keep: number;
  /** The second try at the working directory, as the user (see sections/process.ts). */
  readonly enterCwd: readonly Op[];
}

export function credentialOps(context: Context, process: Process, { masks, keep, enterCwd }: Credentials): Op[] {
  const { options, facts } = context;
  const at = pointerIf(process.capabilities, AT);
  const { uid, gid, additionalGids = [] } = process.user;
  if (additionalGids.length > 0 && !options.setgroups)
    impossible("/process/user/additionalGids", "the user namespace forbids to set groups", "leave them out, or map a range of groups: see newgidmap(1)");
  const ops: Op[] = [];
  if (uid !== 0) ops.push({ op: "stdio.own", at: "/process/user/uid", uid });
  ops.push(
    // While init still has CAP_SETPCAP.
    { op: "cred.bounding", at: pointerIf(process.capabilities?.bounding, `${AT}/bounding`), keep: masks.bounding, last: facts.lastCap },
    { op: "cred.ids", at: "/process/user", uid, gid, setgroups: setgroupsMode(context), groups: additionalGids.map(String) },
    ...enterCwd,
    capsOp(at, withPermitted(masks, context, keep)),
    // After the ids (setresuid clears it) and after capset (only what is permitted and inheritable can be raised).
    { op: "cred.ambient", at: pointerIf(process.capabilities?.ambient, `${AT}/ambient`), mask: masks.ambient },
  );
  if (process.noNewPrivileges === true) ops.push({ op: "cred.no_new_privs", at: "/process/noNewPrivileges" });
  return ops;
}

export function capsOp(at: string, { effective, permitted, inheritable }: CapabilityMasks): Op {
  return { op: "cred.caps", at, effective, permitted, inheritable };
}

/** The same sets with these capabilities permitted, as far as the runtime has them to give. */
export function withPermitted(masks: CapabilityMasks, context: Context, more: number): CapabilityMasks {
  return { ...masks, permitted: withBits(masks.permitted, grantableMask(context), more) };
}

/** Permitted and effective. */
export function withEffective(masks: CapabilityMasks, context: Context, more: number): CapabilityMasks {
  return { ...withPermitted(masks, context, more), effective: withBits(masks.effective, grantableMask(context), more) };
}

function withBits(mask: number, grantable: number, more: number): number {
  let sum = mask;
  for (const weight of [SYS_ADMIN, SYS_NICE]) if (hasBit(more, weight) && hasBit(grantable, weight) && !hasBit(mask, weight)) sum += weight;
  return sum;
}

/** In a user namespace of its own init has every capability; elsewhere those that the runtime has. */
function grantableMask({ namespaces, facts }: Context): number {
  return namespaces.user === undefined ? facts.grantable : 2 ** (facts.lastCap + 1) - 1;
}
