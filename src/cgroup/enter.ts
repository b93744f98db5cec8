// How a new process gets into the cgroup of a container that is there: born in the v2 one, by its own writes into the v1 ones.
import { check, UsageError } from "../errors.ts";
import { sys } from "../sys.ts";
import type { CgroupPlaceRecord } from "./driver.ts";
import { O_WRONLY, openDirectory, readFile, readWords } from "./files.ts";

export interface CgroupEntry {
  /** Directory for CLONE_INTO_CGROUP, or -1. */
  readonly directory: number;
  /** Where that is, below the container's own: "/a/b", or "". */
  readonly below: string;
  /** Open files in which the process writes 0; the caller closes them. */
  readonly files: readonly number[];
}

/**
 * `wanted`: the values of --cgroup, "path" or "controller[,controller]:path", below the container's cgroup.
 * `byFile`: join v2 by a write as well, so that the process begins outside.
 */
export function openEntry(places: readonly CgroupPlaceRecord[], wanted: readonly string[], byFile: boolean): CgroupEntry {
  const below = readWanted(places, wanted);
  const entry = { directory: -1, below: "" };
  const files: number[] = [];
  for (const place of places) {
    const path = `${place.path}${below(place)}`;
    const isV2 = place.controllers.length === 0;
    if (isV2) entry.below = below(place);
    if (isV2 && !byFile) entry.directory = openDirectory(path, "open the cgroup");
    else files.push(check(sys.open(`${path}/${isV2 ? "cgroup.procs" : "tasks"}`, O_WRONLY, 0), "open the cgroup", path, "open"));
  }
  return { ...entry, files };
}

/** v2 forbids processes where controllers are enabled for children (EBUSY): then the one that the container's process has moved to. */
export function openOwnV2(place: CgroupPlaceRecord, pid: number): number {
  const path = ownV2(place, pid);
  return openDirectory(path, "open the cgroup of the container's process");
}

/** The same for one who may not put a process there: what systemd is to be told. */
export function ownBelow(place: CgroupPlaceRecord, pid: number): string {
  const isInner = readWords(`${place.path}/cgroup.subtree_control`).length > 0;
  return isInner ? ownV2(place, pid).slice(place.path.length) : "";
}

function ownV2(place: CgroupPlaceRecord, pid: number): string {
  const line = String(readFile(`/proc/${pid}/cgroup`))
    .split("\n")
    .find((text) => text.startsWith("0::"));
  return `${place.mountpoint}${line?.slice("0::".length) ?? ""}`;
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
