// Writes compiled limits into the files of a cgroup that is there.
import { ConfigError } from "../errors.ts";
import { whyMissing } from "./controllers.ts";
import type { CgroupPlaceRecord } from "./driver.ts";
import { EINVAL, ENOENT, EOPNOTSUPP, readFile, writeError, writeFile } from "./files.ts";
import type { LimitWrite } from "./limit-list.ts";
import type { Limits } from "./limits.ts";

type Places = readonly CgroupPlaceRecord[];

/** One write, and what was in the file before. */
export interface Written {
  readonly path: string;
  readonly value: string;
  readonly before: string;
}

/** The first write that fails throws. `keep`: is told each file's old content before it changes. */
export function writeLimits(places: Places, version: "v1" | "v2", limits: Limits, keep?: (written: Written) => void): void {
  if (limits.usageBelow !== undefined) checkUsage(places, limits.usageBelow);
  const again: LimitWrite[] = [];
  for (const write of limits.writes) if (!writeOne(places, version, write, write.again === true, keep)) again.push(write);
  for (const write of again) writeOne(places, version, write, false, keep);
}

type Keep = ((written: Written) => void) | undefined;

/** False: to be tried again later. */
function writeOne(places: Places, version: "v1" | "v2", write: LimitWrite, mayWait: boolean, keep: Keep): boolean {
  const place = placeOf(places, version, write);
  const path = `${place.path}/${write.file}`;
  let result = writeKept(path, write.value, keep);
  if (result >= 0) return true;
  // A device whose scheduler is not the one that the file is for is not supported.
  if ((result === -ENOENT || result === -EOPNOTSUPP) && write.instead !== undefined) {
    result = writeKept(`${place.path}/${write.instead.file}`, write.instead.value, keep);
    if (result >= 0) return true;
  }
  if (result === -ENOENT && write.optional) return true;
  if (result === -EINVAL && mayWait) return false;
  throw writeError(path, write.value, result, write.at, result === -ENOENT && version === "v2" ? whyMissing(place, write.controller) : undefined);
}

function writeKept(path: string, value: string, keep: Keep): number {
  if (keep === undefined) return writeFile(path, value);
  const before = readFile(path);
  const result = writeFile(path, value);
  if (result >= 0 && typeof before === "string") keep({ path, value, before });
  return result;
}

function placeOf(places: Places, version: "v1" | "v2", { controller, at }: LimitWrite): CgroupPlaceRecord {
  const place = places.find(({ controllers }) => (version === "v2" ? controllers.length === 0 : controllers.includes(controller)));
  if (place !== undefined) return place;
  throw noController(controller, at);
}

export function noController(controller: string, at: string): ConfigError {
  const hint = "see /proc/cgroups, and whether cgroups are mounted";
  return new ConfigError("TS1104", "config.json", [{ pointer: at, message: `this machine has no cgroup controller "${controller}"`, hint }]);
}

function checkUsage(places: Places, { limit, at }: NonNullable<Limits["usageBelow"]>): void {
  const unified = places.find(({ controllers }) => controllers.length === 0);
  const usage = Number(readFile(`${unified?.path}/memory.current`));
  if (usage > limit)
    throw new ConfigError("TS1103", "config.json", [{ pointer: at, message: `the memory limit ${limit} is below the present usage ${usage}` }]);
}
