// How a new process gets into the cgroup of a container that is there: born in the v2 one, by its own writes into the v1 ones.
import { check, UsageError } from "../errors.ts";
import { sys } from "../sys.ts";
import type { CgroupPlaceRecord } from "./driver.ts";
import { O_WRONLY, readFile } from "./files.ts";

const O_DIRECTORY_PATH = 0o10200000;

export interface CgroupEntry {
  /** Directory for CLONE_INTO_CGROUP, or -1. */
  readonly directory: number;
  /** Open files in which the process writes 0; the caller closes them. */
  readonly files: readonly number[];
}

/**
 * `wanted`: the values of --cgroup, "path" or "controller[,controller]:path", below the container's cgroup.
 * `byFile`: join v2 by a write as well, so that the process begins outside.
 */
export function openEntry(places: readonly CgroupPlaceRecord[], wanted: readonly string[], byFile: boolean): CgroupEntry {
  const below = readWanted(places, wanted);
  let directory = -1;
  const files: number[] = [];
  for (const place of places) {
    const path = `${place.path}${below(place)}`;
    const isV2 = place.controllers.length === 0;
    if (isV2 && !byFile) directory = check(sys.open(path, O_DIRECTORY_PATH, 0), "open the cgroup", path, "open");
    else files.push(check(sys.open(`${path}/${isV2 ? "cgroup.procs" : "tasks"}`, O_WRONLY, 0), "open the cgroup", path, "open"));
  }
  return { directory, files };
}

/** v2 forbids processes where controllers are enabled for children (EBUSY): then the one that the container's process has moved to. */
export function openOwnV2(place: CgroupPlaceRecord, pid: number): number {
  const line = String(readFile(`/proc/${pid}/cgroup`))
    .split("\n")
    .find((text) => text.startsWith("0::"));
  const path = `${place.mountpoint}${line?.slice("0::".length) ?? ""}`;
  return check(sys.open(path, O_DIRECTORY_PATH, 0), "open the cgroup of the container's process", path, "open");
}

function readWanted(places: readonly CgroupPlaceRecord[], wanted: readonly string[]): (place: CgroupPlaceRecord) => string {
  let all = "";
  const byController = new Map<string, string>();
  for (const text of wanted) {
    const colon = text.indexOf(":");
    const path = clean(text.slice(colon + 1));
    if (colon < 0) all = path;
    else for (const name of text.slice(0, colon).split(",")) byController.set(known(places, name), path);
  }
  return ({ controllers }) => byController.get(controllers.find((name) => byController.has(name)) ?? "") ?? all;
}

function known(places: readonly CgroupPlaceRecord[], name: string): string {
  if (!places.some(({ controllers }) => controllers.includes(name)))
    throw new UsageError(`--cgroup: the container has no cgroup controller "${name}"`, "on cgroup v2 give the path alone");
  return name;
}

/** "/a/b", or "" for the container's own. */
function clean(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new UsageError(`--cgroup: "${path}" must stay below the container's cgroup`);
  return parts.map((part) => `/${part}`).join("");
}
