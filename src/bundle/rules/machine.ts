// linux.intelRdt (spec 8.53), linux.memoryPolicy (spec 8.60) and linux.personality (spec 8.62).
import type { Config, IntelRdt, MemoryPolicy } from "../../spec/config.ts";
import { maskWords } from "../../spec/number-list.ts";
import type { Problem } from "../rules.ts";

export function machineProblems(config: Config): Problem[] {
  const { intelRdt, memoryPolicy, personality } = config.linux ?? {};
  const problems: Problem[] = [];
  if (intelRdt !== undefined) problems.push(...rdtProblems(intelRdt));
  if (memoryPolicy !== undefined) problems.push(...policyProblems(memoryPolicy));
  if ((personality?.flags ?? []).length > 0)
    problems.push({ pointer: "/linux/personality/flags", message: "linux.personality has no flags that are supported" });
  return problems;
}

function rdtProblems({ closID = "/", l3CacheSchema = "", schemata = [] }: IntelRdt): Problem[] {
  const problems: Problem[] = [];
  const at = "/linux/intelRdt";
  // It becomes a directory below the mount point of resctrl; "/" is the mount point.
  if (closID !== "/" && (closID === "" || closID === "." || closID === ".." || /[/\n]/.test(closID)))
    problems.push({ pointer: `${at}/closID`, message: `"${closID}" is not the name of a class of service` });
  if (l3CacheSchema.includes("\n")) problems.push({ pointer: `${at}/l3CacheSchema`, message: "l3CacheSchema is more than one line" });
  for (const [index, line] of schemata.entries())
    if (line.includes("\n")) problems.push({ pointer: `${at}/schemata/${index}`, message: "an entry of schemata is more than one line" });
  return problems;
}

const WITHOUT_NODES: readonly string[] = ["MPOL_DEFAULT", "MPOL_LOCAL"];
const WITH_NODES: readonly string[] = ["MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED_MANY"];

function policyProblems({ mode, nodes = "" }: MemoryPolicy): Problem[] {
  const at = "/linux/memoryPolicy";
  if (nodes !== "" && (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(nodes) || maskWords(nodes) === undefined))
    return [{ pointer: `${at}/nodes`, message: `"${nodes}" is not a list of memory nodes`, hint: 'for example "0-3,7"' }];
  if (nodes !== "" && WITHOUT_NODES.includes(mode)) return [{ pointer: `${at}/nodes`, message: `${mode} takes no nodes` }];
  if (nodes === "" && WITH_NODES.includes(mode)) return [{ pointer: at, message: `${mode} needs nodes` }];
  return [];
}
