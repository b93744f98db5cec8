// mounts (spec 6.02, 6.03, 6.08) and what may not be mounted over /proc (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561).
import type { Config, Mount } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";
import { hasNamespace } from "./namespace-set.ts";

/** Files of procfs that engines cover on purpose (lxcfs and the like); nothing that a runtime writes to is among them. */
const COVERABLE = /^\/proc\/(cpuinfo|diskstats|meminfo|stat|swaps|uptime|loadavg|slabinfo|net\/dev|sys\/kernel\/ns_last_pid|sys\/crypto\/fips_enabled)$/;

export function mountProblems(config: Config): Problem[] {
  const mounts = config.mounts ?? [];
  const problems: Problem[] = [];
  for (const [index, mount] of mounts.entries()) problems.push(...problemsOf(mount, `/mounts/${index}`), ...idmapProblems(config, mount, `/mounts/${index}`));
  return problems;
}

function problemsOf(mount: Mount, pointer: string): Problem[] {
  const problems: Problem[] = [];
  if (mount.destination === "") problems.push({ pointer: `${pointer}/destination`, message: "a mount needs a destination" });
  if (isBind(mount) && !isRemount(mount) && (mount.source ?? "") === "") problems.push({ pointer, message: "a bind mount needs a source" });
  if ((mount.uidMappings === undefined) !== (mount.gidMappings === undefined)) {
    problems.push({ pointer, message: "uidMappings and gidMappings of a mount must be given together" });
  }
  if (coversProc(mount)) {
    problems.push({
      pointer: `${pointer}/destination`,
      message: `"${mount.destination}" cannot be mounted because it is inside /proc`,
      hint: "at /proc there may be a proc filesystem only, below it a few files",
    });
  }
  return problems;
}

/** Spec 6.07: a mapping comes from the mount, or from the container's own user namespace. */
function idmapProblems(config: Config, mount: Mount, pointer: string): Problem[] {
  const word = mount.options?.find((option) => option === "idmap" || option === "ridmap");
  if (word === undefined || mount.uidMappings !== undefined || hasNamespace(config, "user")) return [];
  return [{ pointer: `${pointer}/options`, message: `${word} needs uidMappings and gidMappings, of the mount or of a user namespace` }];
}

/** Spec 6.03: the words decide, not the type. */
function isBind(mount: Mount): boolean {
  return mount.options?.some((option) => option === "bind" || option === "rbind") === true;
}

function isRemount(mount: Mount): boolean {
  return mount.options?.includes("remount") === true;
}

function coversProc(mount: Mount): boolean {
  const target = cleaned(mount.destination);
  if (target !== "/proc") return target.startsWith("/proc/") && !COVERABLE.test(target) && !isRemount(mount);
  // Whether a bind mount's source is a procfs is asked of the kernel: load.ts.
  return mount.type !== "proc" && !isBind(mount) && !isRemount(mount);
}

/** Mounts that put another directory at /proc: harmless only when it is a procfs too. */
export function bindsOverProc(config: Config): { readonly index: number; readonly source: string }[] {
  const found: { index: number; source: string }[] = [];
  for (const [index, mount] of (config.mounts ?? []).entries()) {
    if (isBind(mount) && !isRemount(mount) && cleaned(mount.destination) === "/proc") found.push({ index, source: mount.source ?? "" });
  }
  return found;
}

/** The destination as the kernel will see it, "." and ".." taken out. */
function cleaned(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
