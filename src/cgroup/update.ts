// New limits for a cgroup that is there: only what is asked for is written, and all of it or nothing.
import type { Resources } from "../spec/config.ts";
import { enableControllers } from "./directories.ts";
import type { CgroupRecord } from "./driver.ts";
import { readFile, writeFile } from "./files.ts";
import { compileLimits } from "./limits.ts";
import { resourceProperties } from "./systemd-properties.ts";
import { setUnitProperties } from "./systemd-unit.ts";
import { type Written, writeLimits } from "./write-limits.ts";

/** Throws when one of the limits cannot be set; those that were set before it are what they were. Returns warnings. */
export function updateLimits(record: CgroupRecord, resources: Resources): readonly string[] {
  const version = record.layout === "v2" ? "v2" : "v1";
  const limits = compileLimits(withPresentLimit(record, resources), version);
  const unified = record.places.find(({ controllers }) => controllers.length === 0);
  if (version === "v2" && unified !== undefined)
    enableControllers(
      unified,
      [...new Set(limits.writes.map(({ controller }) => controller))].filter((name) => name !== "cgroup"),
    );
  const done: Written[] = [];
  try {
    writeLimits(record.places, version, limits, (written) => done.push(written));
  } catch (error) {
    for (const { path, before } of done.reverse()) writeFile(path, before);
    throw error;
  }
  if (record.unit !== undefined) setUnitProperties(record.unit, resourceProperties(resources, version));
  return limits.warnings;
}

/** Swap alone, on v2: the specification's number counts memory as well, so that the present memory limit is needed. */
function withPresentLimit(record: CgroupRecord, resources: Resources): Resources {
  const { memory } = resources;
  if (record.layout !== "v2" || memory?.swap === undefined || (memory.limit ?? 0) !== 0) return resources;
  const text = readFile(`${record.places[0]?.path}/memory.max`);
  return { ...resources, memory: { ...memory, limit: text === "max" ? -1 : BigInt(text) } };
}
