// process.user (spec 7.14): ids that the kernel takes, and that the container's user namespace maps.
import type { Config, IdMapping } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";
import { makesNamespace } from "./namespace-set.ts";

/** To setresuid(2) and its like it means "leave as it is", so that the program would stay root. */
const NO_ID = 4294967295;

export function userProblems(config: Config): Problem[] {
  const { process, linux } = config;
  if (process === undefined) return [];
  const own = makesNamespace(config, "user");
  const uids = own ? (linux?.uidMappings ?? []) : undefined;
  const gids = own ? (linux?.gidMappings ?? []) : undefined;
  const { uid, gid, additionalGids } = process.user;
  const at = "/process/user";
  const problems = [...idProblem(`${at}/uid`, "uid", uid, uids), ...idProblem(`${at}/gid`, "gid", gid, gids)];
  for (const [index, group] of (additionalGids ?? []).entries()) problems.push(...idProblem(`${at}/additionalGids/${index}`, "gid", group, gids));
  return problems;
}

function idProblem(pointer: string, kind: "uid" | "gid", id: number, mappings: readonly IdMapping[] | undefined): Problem[] {
  if (id === NO_ID) return [{ pointer, message: `${id} is no ${kind}: the kernel reads it as "unchanged"` }];
  if (mappings === undefined || mappings.some((map) => id >= map.containerID && id < map.containerID + map.size)) return [];
  return [{ pointer, message: `${kind} ${id} is not mapped in the container's user namespace`, hint: `add it to linux.${kind}Mappings` }];
}
