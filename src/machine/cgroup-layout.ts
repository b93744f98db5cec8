// /proc/self/mountinfo and /proc/self/cgroup -> the cgroup hierarchies of this machine, and where this process is in them.
import { checkText } from "../errors.ts";
import type { CgroupHierarchy, CgroupLayout } from "../plan/plan.ts";
import { sys } from "../sys.ts";

interface CgroupMountLine {
  readonly v2: boolean;
  /** The part of the hierarchy that is mounted; not "/" inside of many containers. */
  readonly root: string;
  readonly mountpoint: string;
  /** Super block options: the controllers are among them. */
  readonly options: readonly string[];
}

/** mountinfo writes space, tab, newline and backslash as octal. */
function unescapePath(path: string): string {
  return path.includes("\\") ? path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))) : path;
}

/**
 * The cgroup mounts among the lines of mountinfo. The separator " - " occurs once in a line (spaces in paths are
 * escaped), so that searching for it with the type is enough; splitting hundreds of lines is slow on an interpreter.
 */
export function parseCgroupMounts(mountinfo: string): CgroupMountLine[] {
  const separator = " - cgroup";
  const mounts: CgroupMountLine[] = [];
  for (let at = mountinfo.indexOf(separator); at >= 0; at = mountinfo.indexOf(separator, at + 1)) {
    const start = mountinfo.lastIndexOf("\n", at) + 1;
    const newline = mountinfo.indexOf("\n", at);
    const [, , , root = "/", mountpoint = ""] = mountinfo.slice(start, at).split(" ");
    const [type, , options = ""] = mountinfo.slice(at + 3, newline < 0 ? undefined : newline).split(" ");
    if (type !== "cgroup" && type !== "cgroup2") continue;
    mounts.push({ v2: type === "cgroup2", root: unescapePath(root), mountpoint: unescapePath(mountpoint), options: options.split(",") });
  }
  return mounts;
}

/** Where `path` of /proc/self/cgroup is below a mount of `root`; "/" when it is outside of it. */
function pathInMount(path: string, root: string): string {
  if (root === "/") return path;
  return path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}

/** Both files -> the layout. A hierarchy that is not mounted is left out; of several mounts the first is taken. */
export function parseCgroupLayout(mountinfo: string, ownCgroups: string): CgroupLayout {
  const mounts = parseCgroupMounts(mountinfo);
  // Beside a cgroup2 on /sys/fs/cgroup itself, v1 hierarchies (name=systemd, for old guests) hold no controller.
  const pure = mounts.find((mount) => mount.v2 && mount.mountpoint === "/sys/fs/cgroup");
  const unified = pure ?? mounts.find((mount) => mount.v2);
  const hierarchies: CgroupHierarchy[] = [];
  for (const line of ownCgroups.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const names = line.slice(first + 1, second);
    const controllers = names === "" ? [] : names.split(",");
    const [controller] = controllers;
    if (pure && controller !== undefined) continue;
    const mount = controller === undefined ? unified : mounts.find((candidate) => !candidate.v2 && candidate.options.includes(controller));
    if (mount === undefined) continue;
    const { mountpoint } = mount;
    const name = mount === pure ? "" : mountpoint.slice(mountpoint.lastIndexOf("/") + 1);
    hierarchies.push({ name, controllers, mountpoint, ownPath: pathInMount(line.slice(second + 1), mount.root) });
  }
  return { layout: layoutOf(hierarchies), hierarchies };
}

function layoutOf(hierarchies: readonly CgroupHierarchy[]): CgroupLayout["layout"] {
  const v1 = hierarchies.some((hierarchy) => hierarchy.controllers.length > 0);
  if (!hierarchies.some((hierarchy) => hierarchy.controllers.length === 0)) return v1 ? "v1" : "none";
  return v1 ? "hybrid" : "v2";
}

let known: CgroupLayout | undefined;

/** Read on first use, then kept: the runtime never moves itself or mounts anything on the host. */
export function readCgroupLayout(): CgroupLayout {
  known ??= parseCgroupLayout(readProc("/proc/self/mountinfo"), readProc("/proc/self/cgroup"));
  return known;
}

function readProc(path: string): string {
  return checkText(sys.read_lossy(path), "read the cgroup layout", path, "read");
}
