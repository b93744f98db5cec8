// linux.namespaces, id mappings, time offsets (spec 8.02 to 8.07), and what needs a namespace of its own (spec 7.17).
import type { Config, NamespaceType } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";
import { hasNamespace, makesNamespace, namespaceHint, pointerPart } from "./namespace-set.ts";

/** Of the kernel: UID_GID_MAP_MAX_EXTENTS, and the end of the ids (the last 32-bit number is none). */
const MAX_MAPPINGS = 340;
const IDS_END = 4294967295;

export function namespaceProblems(config: Config): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<NamespaceType>();
  for (const [index, { type, path = "" }] of (config.linux?.namespaces ?? []).entries()) {
    const pointer = `/linux/namespaces/${index}`;
    if (seen.has(type)) problems.push({ pointer: `${pointer}/type`, message: `the namespace "${type}" is there twice` });
    seen.add(type);
    if (path !== "" && !path.startsWith("/")) problems.push({ pointer: `${pointer}/path`, message: `the namespace path "${path}" is not absolute` });
  }
  for (const name of ["hostname", "domainname"] as const) {
    if ((config[name] ?? "") !== "" && !hasNamespace(config, "uts"))
      problems.push({ pointer: `/${name}`, message: `${name} needs a uts namespace: it would change the host`, hint: namespaceHint("uts") });
  }
  if (Object.keys(config.linux?.netDevices ?? {}).length > 0 && !hasNamespace(config, "network"))
    problems.push({ pointer: "/linux/netDevices", message: "netDevices need a network namespace to go to", hint: namespaceHint("network") });
  return [...problems, ...mappingProblems(config), ...timeProblems(config)];
}

function mappingProblems(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const kind of ["uidMappings", "gidMappings"] as const) {
    const mappings = config.linux?.[kind] ?? [];
    const pointer = `/linux/${kind}`;
    if (mappings.length > 0 && !hasNamespace(config, "user"))
      problems.push({ pointer, message: `linux.${kind} needs a user namespace`, hint: namespaceHint("user") });
    if (mappings.length === 0 && makesNamespace(config, "user"))
      problems.push({ pointer: "/linux/namespaces", message: `a new user namespace needs linux.${kind}` });
    if (mappings.length > MAX_MAPPINGS) problems.push({ pointer, message: `the kernel takes ${MAX_MAPPINGS} mappings, not ${mappings.length}` });
    for (const [index, { containerID, hostID, size }] of mappings.entries()) {
      if (size === 0) problems.push({ pointer: `${pointer}/${index}/size`, message: "a mapping needs a size above 0" });
      if (containerID + size > IDS_END || hostID + size > IDS_END)
        problems.push({ pointer: `${pointer}/${index}`, message: `the mapping goes beyond the last id, ${IDS_END - 1}` });
    }
  }
  return problems;
}

function timeProblems(config: Config): Problem[] {
  const clocks = Object.keys(config.linux?.timeOffsets ?? {});
  if (clocks.length === 0) return [];
  const problems: Problem[] = [];
  if (!makesNamespace(config, "time"))
    problems.push({ pointer: "/linux/timeOffsets", message: "linux.timeOffsets needs a new time namespace", hint: namespaceHint("time") });
  for (const clock of clocks) {
    if (clock !== "monotonic" && clock !== "boottime")
      problems.push({ pointer: `/linux/timeOffsets/${pointerPart(clock)}`, message: `"${clock}" is no clock of a time namespace: monotonic and boottime are` });
  }
  return problems;
}
