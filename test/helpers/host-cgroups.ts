// Cgroups that others (engines, suites) make beside the containers: what was not there before is taken away again when it is empty.
/// <reference types="bun" />
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

const ROOT = "/sys/fs/cgroup";

/** None when it is gone meanwhile. */
function directories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [`${path}/${one.name}`] : []));
  } catch {
    return [];
  }
}

/** This process's own, in every hierarchy. */
function ownCgroups(): string[] {
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n");
  return lines.flatMap((line) => {
    const [, controllers = "", ...path] = line.split(":");
    const hierarchies = controllers === "" ? ["", "/unified"] : [`/${controllers.replace("name=", "")}`];
    return hierarchies.map((hierarchy) => `${ROOT}${hierarchy}${path.join(":")}`.replace(/\/$/, ""));
  });
}

/** The first level of every hierarchy, and what is below the own cgroup: there a relative path begins. */
export function hostCgroups(): ReadonlySet<string> {
  return new Set([ROOT, ...directories(ROOT), ...ownCgroups()].flatMap(directories));
}

/** `names`: only those, as other programs make cgroups at the same time. */
export function removeNewCgroups(before: ReadonlySet<string>, names: RegExp): void {
  for (const directory of hostCgroups()) {
    if (before.has(directory) || !names.test(basename(directory))) continue;
    Bun.spawnSync(["find", directory, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], { stderr: "ignore" });
  }
}
