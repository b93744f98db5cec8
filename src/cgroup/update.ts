// New limits for a cgroup that is there: only what is asked for is written, and all of it or nothing.
import type { Resources } from "../spec/config.ts";
import { giveControllers } from "./controllers.ts";
import type { CgroupRecord } from "./driver.ts";
import { parentOf, readFile, writeFile } from "./files.ts";
import { isSet } from "./limit-list.ts";
import { compileLimits, controllersOf } from "./limits.ts";
import { resourceProperties } from "./systemd-properties.ts";
import { setUnitProperties } from "./systemd-unit.ts";
import { type Written, writeLimits } from "./write-limits.ts";

/** Throws when one of the limits cannot be set; those that were set before it are what they were. Returns warnings. */
export function updateLimits(record: CgroupRecord, resources: Resources): readonly string[] {
  const version = record.layout === "v2" ? "v2" : "v1";
  const limits = compileLimits(version === "v2" ? withPresent(record, resources) : resources, version);
  const unified = record.places.find(({ controllers }) => controllers.length === 0);
  if (version === "v2" && unified !== undefined) giveControllers(unified, controllersOf(limits));
  const done: Written[] = [];
  try {
    writeLimits(record.places, version, limits, (written) => done.push(written));
    if (record.unit !== undefined) setUnitProperties(record.unit, resourceProperties(limits.writes));
  } catch (error) {
    for (const written of done.reverse()) takeBack(written);
    throw error;
  }
  // systemd has written its own values meanwhile, and it rounds some.
  if (record.unit !== undefined) writeLimits(record.places, version, limits);
  return limits.warnings;
}

/** One file of v2 holds what are two limits of the specification; what of it is not asked for stays as it is. */
function withPresent(record: CgroupRecord, resources: Resources): Resources {
  const read = (file: string) => String(readFile(`${record.places[0]?.path}/${file}`));
  const { memory, cpu } = resources;
  const amount = (text: string) => (text === "max" ? -1 : BigInt(text));
  const present: { -readonly [K in "memory" | "cpu"]?: NonNullable<Resources[K]> } = {};
  // Swap counts memory as well.
  if (isSet(memory?.swap) && !isSet(memory.limit)) present.memory = { ...memory, limit: amount(read("memory.max")) };
  const [quota = "max", period = "100000"] = read("cpu.max").split(" ");
  if (isSet(cpu?.period) && !isSet(cpu.quota)) present.cpu = { ...cpu, quota: amount(quota) };
  if (isSet(cpu?.quota) && !isSet(cpu.period)) present.cpu = { ...cpu, period: BigInt(period) };
  return { ...resources, ...present };
}

/** A line for each device: one that was not there is taken away by the word for "no limit". */
const PER_DEVICE: readonly (readonly [file: RegExp, none: string])[] = [
  [/\/io\.max$/, "rbps=max wbps=max riops=max wiops=max"],
  [/\/io(\.bfq)?\.weight$/, "default"],
  [/\/rdma\.max$/, "hca_handle=max hca_object=max"],
  [/\/blkio\.[a-z._]*_device$/, "0"],
];

function takeBack({ path, value, before }: Written): void {
  const none = PER_DEVICE.find(([file]) => file.test(path))?.[1];
  const [key = ""] = value.split(" ");
  if (none === undefined) writeBack(path, before);
  // Without a device it is the default weight.
  else if (!value.includes(" ")) writeFile(path, before.split("\n")[0] ?? "");
  else writeFile(path, before.split("\n").find((line) => line.startsWith(`${key} `)) ?? `${key} ${none}`);
}

/** Nothing at all would be no write. A cpuset with processes cannot be empty again: it gets what it had by its being empty. */
function writeBack(path: string, before: string): void {
  if (writeFile(path, before === "" ? "\n" : before) >= 0 || before !== "") return;
  const directory = parentOf(path);
  writeFile(path, String(readFile(`${parentOf(directory)}${path.slice(directory.length)}.effective`)));
}
