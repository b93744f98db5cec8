// The parent's share of id-mapped mounts (spec 6.07, 6.08): only it may give a mount a mapping that is not the container's own.
import { check, SystemError } from "../errors.ts";
import type { Op } from "../plan/op-table.ts";
import type { Config, IdMapping, Mount } from "../spec/config.ts";
import { sys } from "../sys.ts";

const EINVAL = 22;

type BindOp = Op & { op: "mount.bind" };

/** The clone that init attaches. `pid`: init, for mounts that take the mapping of its user namespace. */
export function idmappedTree(op: BindOp, config: Config, pid: number): number {
  const tree = check(sys.open_tree(op.source, Number(op.recursive)), "clone the mount", op.source, "open_tree");
  const mount = mountOf(op, config);
  const userns = mount?.uidMappings === undefined ? openUserns(pid) : makeUserns(op.at, mount);
  giveMapping(tree, mount?.options?.includes("ridmap") === true ? 1 : 0, userns, { object: op.source, at: op.at, what: "the filesystem of the source" });
  return tree;
}

/** A filesystem that init has made and nobody sees yet. */
export function idmapMount(op: Op | undefined, fd: number, config: Config): void {
  const mount = op === undefined ? undefined : mountOf(op, config);
  if (op?.op !== "mount.fs" || mount === undefined) throw new Error("init asks for the mapping of what is no mount");
  giveMapping(fd, 0, makeUserns(op.at, mount), { object: op.target, at: op.at, what: `"${op.type}"` });
  sys.close(fd);
}

function mountOf({ at }: Op, { mounts }: Config): Mount | undefined {
  return mounts?.[Number(at.split("/")[2])];
}

function giveMapping(mount: number, wholeTree: 0 | 1, userns: number, { object, at, what }: { object: string; at: string; what: string }): void {
  const result = sys.idmap_mount(mount, wholeTree, userns);
  sys.close(userns);
  if (result < 0)
    throw new SystemError("map the ids of the mount", object, "mount_setattr", -result, {
      pointer: at,
      ...(result === -EINVAL ? { hint: `the kernel may have no id-mapped mounts of ${what}` } : {}),
    });
}

function openUserns(pid: number): number {
  const path = `/proc/${pid}/ns/user`;
  return check(sys.open(path, 0, 0), "open the container's user namespace", path, "open");
}

function makeUserns(at: string, { uidMappings = [], gidMappings = [] }: Mount): number {
  const lines = (mappings: readonly IdMapping[]) => mappings.map((map) => `${map.containerID} ${map.hostID} ${map.size}\n`).join("");
  const userns = sys.make_userns(lines(uidMappings), lines(gidMappings));
  if (userns < 0) throw new SystemError("make a user namespace with the mount's mappings", at, "write", -userns, { pointer: `${at}/uidMappings` });
  return userns;
}
