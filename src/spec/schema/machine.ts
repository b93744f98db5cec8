// What concerns the machine's memory system: linux.intelRdt and linux.memoryPolicy (runtime-spec, config-linux.md).
import { boolean, form, list, object, oneOf, optional, string, strings } from "./kinds.ts";

export const intelRdt = object({
  closID: optional(string),
  l3CacheSchema: optional(string),
  memBwSchema: optional(form("^MB:[^\\n]*$")),
  schemata: optional(strings),
  enableMonitoring: optional(boolean),
});

const mode = oneOf<string>("MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL");
const flag = oneOf<string>("MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES");

export const memoryPolicy = object({ mode, nodes: optional(string), flags: optional(list(flag)) });
