// Makes and removes the directories of a cgroup; remembers which of them are ours.
import { checkText, SystemError } from "../errors.ts";
import { sys } from "../sys.ts";
import type { CgroupPlaceRecord } from "./driver.ts";
import { EBUSY, EEXIST, ENODEV, ENOENT, parentOf, readCounter, readFile, readOrThrow, writeOrThrow } from "./files.ts";
import { CGROUPS_PATH } from "./place.ts";

const REMOVE_TRIES = 60;
const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 50;

/** 0 when the whole path is there, -errno otherwise; counts in `place.made` what was made. */
export function makeDirectories(place: CgroupPlaceRecord): number {
  const made = sys.mkdir(place.path, 0o755);
  if (made >= 0) {
    place.made = 1;
    return 0;
  }
  if (made === -EEXIST) return 0;
  if (made !== -ENOENT) return made;
  const missing = [place.path];
  for (let path = parentOf(place.path); path.length > place.mountpoint.length; path = parentOf(path)) missing.push(path);
  for (const path of missing.reverse()) {
    const result = sys.mkdir(path, 0o755);
    if (result >= 0) place.made++;
    else if (result !== -EEXIST) return result;
  }
  return 0;
}

/** Directories from the mount point down to the cgroup, without the mount point. */
export function pathDown(place: CgroupPlaceRecord): string[] {
  const paths: string[] = [];
  for (let path = place.path; path.length > place.mountpoint.length; path = parentOf(path)) paths.unshift(path);
  return paths;
}

/** A cgroup that is there already may be joined when nobody is in it or below it (spec 8.30). */
export function refuseOccupied(place: CgroupPlaceRecord): void {
  if (place.made > 0) return;
  const processes = listBelow(place.path).length;
  if (processes > 0) throw unfit(place, `is not empty: ${processes} process(es) found`, "give each container a cgroupsPath of its own");
}

/** One that is frozen, by itself or with one above it, would hold the container's init for ever (spec 8.30). */
export function refuseFrozen(place: CgroupPlaceRecord): void {
  const isV1 = place.controllers.length > 0;
  const isFrozen = isV1 ? /^FR/.test(String(readFile(`${place.path}/freezer.state`))) : readCounter(`${place.path}/cgroup.events`, "frozen") === 1;
  if (isFrozen) throw unfit(place, "is unexpectedly frozen", `thaw it by ${isV1 ? "freezer.state" : "cgroup.freeze"}, or the one above it that is frozen`);
}

function unfit({ path }: CgroupPlaceRecord, what: string, hint: string): SystemError {
  return new SystemError(`use the container's cgroup, which ${what}`, path, "none", EBUSY, { pointer: CGROUPS_PATH, hint });
}

/** Processes of a cgroup and those below. One that is gone has none; one that cannot be read is no empty one. */
export function listBelow(path: string): number[] {
  const processes = sys.cgroup_processes(path);
  if (processes === -ENOENT || processes === -ENODEV || processes === "") return [];
  return checkText(processes, "list the container's processes", `${path}/cgroup.procs`, "read").trimEnd().split("\n").map(Number);
}

/** A new cpuset has no cpus and no memory nodes, and takes no process: each directory gets those of the one above. */
export function fillCpuset(place: CgroupPlaceRecord): void {
  if (place.made === 0) return;
  for (const path of pathDown(place).slice(-place.made)) {
    for (const file of ["cpuset.cpus", "cpuset.mems"]) inheritCpuset(path, file, place.mountpoint);
  }
}

/** The one above may be new as well, made a moment ago by another create. */
function inheritCpuset(path: string, file: string, mountpoint: string): void {
  const above = parentOf(path);
  let value = readOrThrow(`${above}/${file}`);
  if (value === "" && above !== mountpoint) {
    inheritCpuset(above, file, mountpoint);
    value = readOrThrow(`${above}/${file}`);
  }
  writeOrThrow(`${path}/${file}`, value, CGROUPS_PATH);
}

/** Removes the container's directory with what the container made below it, then the ones above that we made and nobody else uses. */
export function removeDirectories(place: CgroupPlaceRecord): void {
  if (place.made === 0) return;
  const result = removeTree(place.path);
  if (result < 0 && result !== -ENOENT) throw new SystemError("remove the cgroup", place.path, "rmdir", -result);
  let path = parentOf(place.path);
  for (let left = place.made - 1; left > 0; left--) {
    // In use by others: theirs now.
    if (sys.rmdir(path) < 0) return;
    path = parentOf(path);
  }
}

/** EBUSY lasts until the kernel has let go of the last process, a moment after its parent heard of its end. */
function removeTree(path: string): number {
  let wait = FIRST_WAIT_MS;
  let result = 0;
  for (let tries = 0; tries < REMOVE_TRIES; tries++) {
    result = sys.rmdir(path);
    if (result !== -EBUSY) return result;
    sys.remove_cgroups_below(path);
    result = sys.rmdir(path);
    if (result !== -EBUSY) return result;
    sys.sleep_ms(wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
  return result;
}
