// linux.resources -> the writes to cgroup files, in order. Pure. Devices are not here: see device-rules.ts.
import { ConfigError } from "../errors.ts";
import type { Int64, Resources } from "../spec/config.ts";
import { LimitList, type LimitWrite } from "./limit-list.ts";
import { limitsV1 } from "./limits-v1.ts";
import { limitsV2 } from "./limits-v2.ts";

export interface Limits {
  readonly writes: readonly LimitWrite[];
  /** What is accepted but has no effect on any kernel of today. */
  readonly warnings: readonly string[];
  /** memory.checkBeforeUpdate on v2: usage must be below this limit (v1 kernels check it themselves). */
  readonly usageBelow?: { readonly limit: Int64; readonly at: string };
}

/** Throws one ConfigError with everything that is wrong, or that this version of cgroups cannot do. */
export function compileLimits(resources: Resources | undefined, version: "v1" | "v2"): Limits {
  const list = new LimitList();
  if (resources !== undefined) {
    if (version === "v1") limitsV1(list, resources);
    else limitsV2(list, resources);
  }
  const [first] = list.findings;
  if (first !== undefined) throw new ConfigError(first.code, "config.json", list.findings);
  const { writes, warnings, usageBelow } = list;
  return usageBelow === undefined ? { writes, warnings } : { writes, warnings, usageBelow };
}

/** Controllers whose files are written; the core has no name to enable. */
export function controllersOf({ writes }: Limits): string[] {
  return [...new Set(writes.map(({ controller }) => controller))].filter((name) => name !== "cgroup");
}
