// linux.intelRdt: a class of service of the cache and the memory bandwidth, and a group that measures (Documentation/arch/x86/resctrl.rst).
import { check, StateError, SystemError } from "../errors.ts";
import type { IntelRdt } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { EEXIST, ENOENT, readFile, writeOrThrow } from "./files.ts";

const AT = "/linux/intelRdt";

/** What delete has to take away again. */
export interface RdtRecord {
  /** Directories that we made, the inner one first. */
  readonly made: readonly string[];
}

/** What create has made so far. */
export interface RdtGroups {
  /** For delete as well, the inner one first. */
  readonly made: string[];
  /** A class that config.json names stays, unless create fails (spec 8.51, 1.08). */
  readonly named: string[];
}

/** The mount point of resctrl (spec 8.50: none is an error). */
export function findResctrl(): string {
  const table = sys.read_text("/proc/self/mountinfo");
  const line = typeof table === "number" ? undefined : table.split("\n").find((text) => text.includes(" - resctrl "));
  const point = line?.split(" ")[4];
  if (point === undefined)
    throw new StateError("TS6201", "linux.intelRdt needs a mounted resctrl", {
      pointer: AT,
      hint: "mount -t resctrl resctrl /sys/fs/resctrl, if the processor has it",
    });
  return point;
}

/** Puts the process into its group; `root`: where resctrl is mounted. What was made is told also when a later step fails. */
export function applyRdt(root: string, rdt: IntelRdt, id: string, pid: number, groups: RdtGroups): RdtRecord {
  const { closID, l3CacheSchema, memBwSchema, schemata = [], enableMonitoring } = rdt;
  const lines = [l3CacheSchema, memBwSchema].filter((line) => line !== undefined && line !== "") as string[];
  const group = closID === "/" ? root : `${root}/${closID ?? id}`;
  const isNew = closID === "/" ? false : makeGroup(group, closID, lines.length + schemata.length > 0, groups);
  // Spec 8.54: a class that is there keeps its limits, so they must be the ones that are asked for.
  if (!isNew && closID !== undefined && closID !== "/") compareSchemata(group, lines);
  else if (lines.length > 0) writeOrThrow(`${group}/schemata`, `${lines.join("\n")}\n`, AT);
  // Last (spec 8.52), one write for each: the kernel takes as many lines as fit, and names the one it refuses.
  for (const [index, line] of schemata.entries()) writeOrThrow(`${group}/schemata`, `${line}\n`, `${AT}/schemata/${index}`);
  writeOrThrow(`${group}/tasks`, String(pid), `${AT}/closID`);
  if (enableMonitoring === true) {
    const monitor = `${group}/mon_groups/${id}`;
    const result = sys.mkdir(monitor, 0o755);
    if (result < 0) throw new SystemError("make the monitoring group", monitor, "mkdir", -result, { pointer: `${AT}/enableMonitoring` });
    groups.made.unshift(monitor);
    writeOrThrow(`${monitor}/tasks`, String(pid), `${AT}/enableMonitoring`);
  }
  return { made: groups.made };
}

/** True when it was made now. */
function makeGroup(group: string, closID: string | undefined, hasSchemata: boolean, { made, named }: RdtGroups): boolean {
  // Without limits of its own a class that is named must be there (spec 8.55).
  if (closID !== undefined && !hasSchemata) {
    if (sys.stat_mode(group) === -ENOENT) throw new SystemError("find the class of service", group, "stat", ENOENT, { pointer: `${AT}/closID` });
    return false;
  }
  const result = sys.mkdir(group, 0o755);
  if (result === -EEXIST) return false;
  check(result, "make the class of service", group, "mkdir");
  (closID === undefined ? made : named).push(group);
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

export function removeRdt({ made }: RdtRecord): void {
  for (const directory of made) {
    const result = sys.rmdir(directory);
    if (result < 0 && result !== -ENOENT) throw new SystemError("remove the class of service", directory, "rmdir", -result);
  }
}
