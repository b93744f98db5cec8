// A mount of type cgroup -> what the container sees at /sys/fs/cgroup: its own cgroups, on v1, hybrid and v2 machines.
import type { Context, ParsedMount } from "../context.ts";
import { ATTR } from "../kernel-flags.ts";
import { type Op, SYNC_POINTS } from "../op-table.ts";
import type { CgroupMount } from "../plan.ts";
import { labelledData } from "./mount-label.ts";
import { cgroupNamespaceOps } from "./namespaces.ts";
import { readonlyMount } from "./readonly-mount.ts";

const SAFE = ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC;

/** Init goes into its cgroups, whose limits are written by now, and makes them the root of its cgroup namespace. */
export function joinCgroupOps(context: Context): Op[] {
  const { cgroup, config } = context;
  const at = config.linux?.cgroupsPath === undefined ? "" : "/linux/cgroupsPath";
  // Also without files to join: what the parent does for the process (limits, OOM score) must be there before the program runs.
  const ops: Op[] = [{ op: "sync.wait", at, point: SYNC_POINTS.cgroup }];
  if (cgroup.layout !== "none" && cgroup.joinFiles > 0) ops.push({ op: "cgroup.join", at, count: cgroup.joinFiles });
  return [...ops, ...cgroupNamespaceOps(context)];
}

/** The mount of type cgroup. */
export function cgroupMountOps(context: Context, mount: ParsedMount): Op[] {
  const { cgroup } = context;
  if (cgroup.layout !== "v2") return hierarchyOps(context, mount);
  const own = cgroup.mounts[0];
  if (context.namespaces.cgroup !== undefined) return [kernelMount(mount, mount.target, "cgroup2", mount.options.data.join(","))];
  // Without a cgroup of its own there is nothing to show: never the host's tree (CVE-2023-25809).
  return own === undefined ? hierarchyOps(context, mount) : [bindMount(mount, mount.target, own)];
}

/** v1 and hybrid: a small tmpfs with one directory for each hierarchy. */
function hierarchyOps(context: Context, mount: ParsedMount): Op[] {
  const { at, target, options } = mount;
  const { propagation } = options;
  const visible = context.cgroup.layout === "none" ? [] : context.cgroup.mounts.filter(({ name }) => name !== "");
  const data = labelledData(context, "tmpfs", ["mode=755"]);
  const ops: Op[] = [
    {
      op: "mount.fs",
      at,
      source: "tmpfs",
      target,
      type: "tmpfs",
      flags: 0,
      attrSet: SAFE,
      data,
      propagation,
      copyUp: 0,
      mode: -1,
      rootLabel: "",
      idmap: 0,
      whole: 0,
    },
  ];
  for (const hierarchy of visible) {
    const directory = `${target}/${hierarchy.name}`;
    ops.push(
      context.namespaces.cgroup === undefined
        ? bindMount(mount, directory, hierarchy)
        : kernelMount(mount, directory, hierarchy.controllers.length === 0 ? "cgroup2" : "cgroup", hierarchyData(hierarchy)),
    );
    for (const controller of hierarchy.controllers) {
      // cpu and cpuacct share a hierarchy, and programs look for either.
      if (controller === hierarchy.name || controller.startsWith("name=")) continue;
      ops.push({ op: "path.symlink", at, link: hierarchy.name, target: `${target}/${controller}`, requires: "", replace: 0 });
    }
  }
  if (options.readonly || visible.length === 0) ops.push(readonlyMount(at, target));
  return ops;
}

function hierarchyData({ controllers }: CgroupMount): string {
  const words = controllers.join(",");
  return words.startsWith("name=") ? `none,${words}` : words;
}

/** Inside a cgroup namespace the kernel itself shows the container's part of the hierarchy. */
function kernelMount({ at, options }: ParsedMount, target: string, type: string, data: string): Op {
  // Read-only by the mount alone: the superblock is the one of the host's hierarchy.
  return {
    op: "mount.fs",
    at,
    source: "cgroup",
    target,
    type,
    flags: 0,
    attrSet: options.attrSet | SAFE,
    data,
    propagation: options.propagation,
    copyUp: 0,
    mode: -1,
    rootLabel: "",
    idmap: 0,
    whole: 0,
  };
}

function bindMount({ at, options }: ParsedMount, target: string, { hostPath }: CgroupMount): Op {
  return {
    op: "mount.bind",
    at,
    source: hostPath,
    given: 0,
    target,
    recursive: 1,
    attrSet: options.attrSet | SAFE,
    attrClear: options.attrClear & ~SAFE,
    recAttrSet: 0,
    recAttrClear: 0,
    propagation: options.propagation,
  };
}
