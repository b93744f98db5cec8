// Cgroups that others (engines, suites) make beside the containers: what was not there before is taken away again when it is empty.
/// <reference types="bun" />
import { readdirSync } from "node:fs";
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

/** The first level of every hierarchy. */
export function hostCgroups(): ReadonlySet<string> {
  return new Set([ROOT, ...directories(ROOT)].flatMap(directories));
}

/** `names`: only those, as other programs make cgroups at the same time. */
export function removeNewCgroups(before: ReadonlySet<string>, names: RegExp): void {
  for (const directory of hostCgroups()) {
    if (before.has(directory) || !names.test(basename(directory))) continue;
    Bun.spawnSync(["find", directory, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], { stderr: "ignore" });
  }
}
