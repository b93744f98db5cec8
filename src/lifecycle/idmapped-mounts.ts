// The parent's share of id-mapped bind mounts (spec 6.07, 6.08): only it may give a mount of the host another mapping.
import { check, SystemError } from "../errors.ts";
import type { Op } from "../plan/op-table.ts";
import type { Config, IdMapping } from "../spec/config.ts";
import { sys } from "../sys.ts";

const EINVAL = 22;

type BindOp = Op & { op: "mount.bind" };

/** The clone that init attaches. `pid`: init, for mounts that take the mapping of its user namespace. */
export function idmappedTree(op: BindOp, config: Config, pid: number): number {
  const mount = config.mounts?.[Number(op.at.split("/")[2])];
  const userns = mount?.uidMappings === undefined ? openUserns(pid) : makeUserns(op.at, mount.uidMappings, mount.gidMappings ?? []);
  const tree = sys.idmap_tree(op.source, op.recursive === 1 ? 1 : 0, mount?.options?.includes("ridmap") === true ? 1 : 0, userns);
  sys.close(userns);
  if (tree >= 0) return tree;
  throw new SystemError("map the ids of the mount", op.source, "mount_setattr", -tree, {
    pointer: op.at,
    ...(tree === -EINVAL ? { hint: "the filesystem of the source may not support id-mapped mounts" } : {}),
  });
}

function openUserns(pid: number): number {
  const path = `/proc/${pid}/ns/user`;
  return check(sys.open(path, 0, 0), "open the container's user namespace", path, "open");
}

function makeUserns(at: string, uids: readonly IdMapping[], gids: readonly IdMapping[]): number {
  const lines = (mappings: readonly IdMapping[]) => mappings.map((map) => `${map.containerID} ${map.hostID} ${map.size}\n`).join("");
  const userns = sys.make_userns(lines(uids), lines(gids));
  if (userns < 0) throw new SystemError("make a user namespace with the mount's mappings", at, "write", -userns, { pointer: `${at}/uidMappings` });
  return userns;
}
