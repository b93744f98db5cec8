// process.capabilities, process.user, process.noNewPrivileges -> from root in the namespaces to the container's user.

import type { Process } from "../../spec/config.ts";
import { capabilityMasks } from "../capabilities.ts";
import { type Context, pointerIf, refuse } from "../context.ts";
import type { Op } from "../op-table.ts";

const AT = "/process/capabilities";

/** What other sections have to do in between: with root's rights, and with the user's. */
export interface Between {
  readonly beforeIds: readonly Op[];
  readonly afterIds: readonly Op[];
}

export function credentialOps(context: Context, process: Process, { beforeIds, afterIds }: Between): Op[] {
  const { options, facts } = context;
  // Absent means none, as in runc and crun: the caller's capabilities are not the container's.
  const { masks, warnings } = capabilityMasks(process.capabilities ?? {}, facts.lastCap, grantableMask(context), AT);
  context.warnings.push(...warnings);
  const at = pointerIf(process.capabilities, AT);
  const { uid, gid, additionalGids = [] } = process.user;
  if (additionalGids.length > 0 && !options.setgroups) refuse("/process/user/additionalGids", "the user namespace forbids to set groups");
  const ops: Op[] = [];
  if (uid !== 0) ops.push({ op: "stdio.own", at: "/process/user/uid", uid });
  ops.push(
    // While init still has CAP_SETPCAP.
    { op: "cred.bounding", at: pointerIf(process.capabilities?.bounding, `${AT}/bounding`), keep: masks.bounding, last: facts.lastCap },
    ...beforeIds,
    { op: "cred.ids", at: "/process/user", uid, gid, setgroups: options.setgroups ? 1 : 0, groups: additionalGids.map(String) },
    ...afterIds,
    { op: "cred.caps", at, effective: masks.effective, permitted: masks.permitted, inheritable: masks.inheritable },
    // After the ids (setresuid clears it) and after capset (only what is permitted and inheritable can be raised).
    { op: "cred.ambient", at: pointerIf(process.capabilities?.ambient, `${AT}/ambient`), mask: masks.ambient },
  );
  if (process.noNewPrivileges === true) ops.push({ op: "cred.no_new_privs", at: "/process/noNewPrivileges" });
  return ops;
}

/** In a user namespace of its own init has every capability; elsewhere those that the runtime has. */
function grantableMask({ namespaces, facts }: Context): number {
  return namespaces.user === undefined ? facts.grantable : 2 ** (facts.lastCap + 1) - 1;
}
