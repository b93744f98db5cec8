// cgroup v2: a controller works in a cgroup when every cgroup above has it enabled for its children. Gives them, and says what keeps one away.
import { pathDown } from "./directories.ts";
import type { CgroupPlaceRecord } from "./driver.ts";
import { EACCES, EBUSY, EOPNOTSUPP, EPERM, EROFS, parentOf, readFile, readWords, writeFile } from "./files.ts";

const available = (path: string) => readWords(`${path}/cgroup.controllers`);
const given = (path: string) => readWords(`${path}/cgroup.subtree_control`);
const above = (place: CgroupPlaceRecord) => [place.mountpoint, ...pathDown(place).slice(0, -1)];

/**
 * A new cgroup gets all that there is: its statistics need controllers too. Before anybody is in it, as it costs the kernel a migration later.
 * Where a cgroup above has processes of its own only what is wanted is tried: it would become the root of threads, and all below it threaded.
 */
export function giveAllControllers(place: CgroupPlaceRecord, wanted: () => readonly string[]): void {
  // The one above has mostly given everything before.
  if (missing(available(place.mountpoint), given(parentOf(place.path))).length === 0) return;
  for (const path of above(place)) {
    const left = missing(available(path), given(path));
    if (left.length > 0) give(path, hasOwnProcesses(path) ? left.filter((name) => wanted().includes(name)) : left);
  }
}

/** What cannot be given shows when its files are written: see whyMissing. */
export function giveControllers(place: CgroupPlaceRecord, wanted: readonly string[]): void {
  if (missing(wanted, given(parentOf(place.path))).length === 0) return;
  for (const path of above(place)) give(path, missing(wanted, given(path)));
}

/** The reason that a controller's file is not in the cgroup. */
export function whyMissing(place: CgroupPlaceRecord, controller: string): string {
  for (const path of above(place)) {
    if (!available(path).includes(controller)) return `"${path}" has no controller "${controller}"`;
    if (given(path).includes(controller)) continue;
    switch (writeFile(`${path}/cgroup.subtree_control`, `+${controller}`)) {
      case -EBUSY:
        return `"${path}" has processes of its own, and then it cannot give the controller "${controller}" to cgroups below it`;
      case -EOPNOTSUPP:
        return `"${path}" is in threaded mode, which the controller "${controller}" does not know`;
      case -EACCES:
      case -EPERM:
      case -EROFS:
        return `"${path}" does not give the controller "${controller}" to cgroups below it, and it is not ours to change`;
      default:
        return `"${path}" does not give the controller "${controller}" to cgroups below it`;
    }
  }
  return "this kernel has no such file";
}

function missing(all: readonly string[], there: readonly string[]): string[] {
  return all.filter((name) => !there.includes(name));
}

/** All at once, as each write makes the kernel go through the tree; one that is refused takes the others with it. */
function give(path: string, names: readonly string[]): void {
  const write = (text: string) => writeFile(`${path}/cgroup.subtree_control`, text);
  if (names.length === 0 || write(names.map((name) => `+${name}`).join(" ")) >= 0 || names.length === 1) return;
  for (const name of names) write(`+${name}`);
}

/** The root of all may have some, and give nevertheless. */
function hasOwnProcesses(path: string): boolean {
  return typeof readFile(`${path}/cgroup.type`) === "string" && readWords(`${path}/cgroup.procs`).length > 0;
}

/** Those that are shared out to threads, and work in a threaded cgroup (cgroups(7), "Thread mode"). */
const THREADED: readonly string[] = ["cpu", "cpuset", "perf_event", "pids"];

export function domainControllers(wanted: readonly string[]): string[] {
  return missing(wanted, THREADED);
}
