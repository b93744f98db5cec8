// linux.intelRdt: a class of service of the cache and the memory bandwidth, and a group that measures (Documentation/arch/x86/resctrl.rst).
import { check, StateError, SystemError } from "../errors.ts";
import type { IntelRdt } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { EEXIST, ENOENT, parentOf, readFile, writeFile, writeOrThrow } from "./files.ts";

const AT = "/linux/intelRdt";

/** The groups of a container: what exec and update work on, and what delete has to take away again. */
export interface RdtRecord {
  /** Directories that hold its processes: the class of service, then the group that measures. */
  readonly groups: readonly string[];
  /** Directories that we made, the inner one first. */
  readonly made: readonly string[];
}

/** The mount point of resctrl (spec 8.50: none is an error). */
export function findResctrl(): string {
  const table = sys.read_lossy("/proc/self/mountinfo");
  const line = typeof table === "number" ? undefined : table.split("\n").find((text) => text.includes(" - resctrl "));
  const point = line?.split(" ")[4];
  if (point === undefined)
    throw new StateError("TS6201", "linux.intelRdt needs a mounted resctrl", {
      pointer: AT,
      hint: "mount -t resctrl resctrl /sys/fs/resctrl, if the processor has it",
    });
  return point;
}

/**
 * Puts the process into its group; `root`: where resctrl is mounted. `made`: all that was made, told also when a later step fails: a create
 * that fails takes it back. The record is what delete removes: a class that the config names stays then (spec 8.51).
 */
export function applyRdt(root: string, rdt: IntelRdt, id: string, pid: number, made: string[]): RdtRecord {
  const { closID, l3CacheSchema, memBwSchema, schemata = [], enableMonitoring } = rdt;
  const lines = [l3CacheSchema, memBwSchema].filter((line) => line !== undefined && line !== "") as string[];
  const group = closID === "/" ? root : `${root}/${closID ?? id}`;
  const isNew = closID === "/" ? false : makeGroup(group, closID, lines.length + schemata.length > 0, made);
  // Spec 8.54: a class that is there keeps its limits, so they must be the ones that are asked for.
  if (!isNew && closID !== undefined && closID !== "/") compareSchemata(group, lines);
  else if (lines.length > 0) writeSchemata(group, lines, AT);
  // Last (spec 8.52), one write for each: the kernel takes as many lines as fit, and names the one it refuses.
  for (const [index, line] of schemata.entries()) writeSchemata(group, [line], `${AT}/schemata/${index}`);
  writeOrThrow(`${group}/tasks`, String(pid), `${AT}/closID`);
  const groups = [group];
  if (enableMonitoring === true) {
    const monitor = `${group}/mon_groups/${id}`;
    const result = sys.mkdir(monitor, 0o755);
    if (result < 0) throw new SystemError("make the monitoring group", monitor, "mkdir", -result, { pointer: `${AT}/enableMonitoring` });
    made.unshift(monitor);
    writeOrThrow(`${monitor}/tasks`, String(pid), `${AT}/enableMonitoring`);
    groups.push(monitor);
  }
  // A class that the config names outlives the container (spec 8.51); one that was made for a failed create does not (1.08).
  return { groups, made: closID === undefined ? made : made.filter((directory) => directory !== group) };
}

/** A process of an exec: the runtime's child is in none of the container's groups. */
export function joinRdt({ groups }: RdtRecord, pid: number): void {
  for (const group of groups) writeOrThrow(`${group}/tasks`, String(pid), AT);
}

/** One write: the kernel takes all of its lines or none. What it says of a line that it refuses is in info/last_cmd_status. */
export function writeSchemata(group: string, lines: readonly string[], at?: string): void {
  const path = `${group}/schemata`;
  const result = writeFile(path, `${lines.join("\n")}\n`);
  if (result >= 0) return;
  const said = [group, parentOf(group)].map((directory) => readFile(`${directory}/info/last_cmd_status`)).find((text) => typeof text === "string");
  throw new SystemError(`write "${lines.join("; ")}" to`, path, "write", -result, {
    pointer: at,
    hint: said === undefined ? "see schemata in the root directory of resctrl for the resources and domains of this machine" : `the kernel says: ${said}`,
  });
}

/** True when it was made now. */
function makeGroup(group: string, closID: string | undefined, hasSchemata: boolean, made: string[]): boolean {
  // Without limits of its own a class that is named must be there (spec 8.55).
  if (closID !== undefined && !hasSchemata) {
    if (sys.stat_mode(group) === -ENOENT) throw new SystemError("find the class of service", group, "stat", ENOENT, { pointer: `${AT}/closID` });
    return false;
  }
  const result = sys.mkdir(group, 0o755);
  if (result === -EEXIST) return false;
  check(result, "make the class of service", group, "mkdir");
  made.push(group);
  return true;
}

function compareSchemata(group: string, wanted: readonly string[]): void {
  const text = readFile(`${group}/schemata`);
  const present = typeof text === "string" ? text.split("\n").map(normal) : [];
  for (const line of wanted.flatMap((one) => one.split("\n")))
    if (!present.includes(normal(line)))
      throw new StateError("TS6202", `the class of service "${group}" has other limits than "${line}"`, { pointer: AT, hint: "use another closID, or none" });
}

/** "L3:0=f;1=f" however it is spaced. */
function normal(line: string): string {
  return line.replaceAll(/\s/g, "").toLowerCase();
}

export function removeRdt({ made }: Pick<RdtRecord, "made">): void {
  for (const directory of made) {
    const result = sys.rmdir(directory);
    if (result < 0 && result !== -ENOENT) throw new SystemError("remove the class of service", directory, "rmdir", -result);
  }
}
