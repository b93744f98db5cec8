// Reads a container's cgroup files on whatever layout the machine has.
/// <reference types="bun" />
import { existsSync, readFileSync } from "node:fs";
import type { Notes } from "./spec.ts";

function mountpoints(): { point: string; controllers: string[]; isV2: boolean }[] {
  const found: { point: string; controllers: string[]; isV2: boolean }[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [type = "", , options = ""] = after.split(" ");
    if (type === "cgroup" || type === "cgroup2") found.push({ point: before.split(" ")[4] ?? "", controllers: options.split(","), isV2: type === "cgroup2" });
  }
  return found;
}

/** The host directory of the process's cgroup for a controller; undefined when the machine has no such hierarchy. */
export function cgroupDirectory(pid: number, controller: string): string | undefined {
  for (const line of readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n")) {
    const [id = "", names = "", ...path] = line.split(":");
    if (id === "0" ? !isV2(controller) : !names.split(",").includes(controller)) continue;
    const mount = mountpoints().find((one) => (id === "0" ? one.isV2 : one.controllers.includes(controller)));
    if (mount !== undefined) return mount.point + path.join(":");
  }
  return undefined;
}

/** Where the hierarchy of a controller is mounted. */
export function mountpointOf(controller: string): string {
  const v2 = isV2(controller);
  return mountpoints().find((one) => (v2 ? one.isV2 : one.controllers.includes(controller)))?.point ?? "";
}

/** Does cgroup v2 rule this controller? */
export function isV2(controller: string): boolean {
  return !mountpoints().some((one) => !one.isV2 && one.controllers.includes(controller));
}

/** The value of a control file, named for both versions. */
export function cgroupValue(pid: number, controller: string, v1File: string, v2File: string): string | undefined {
  const directory = cgroupDirectory(pid, controller);
  if (directory === undefined) return undefined;
  const path = `${directory}/${isV2(controller) ? v2File : v1File}`;
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

/** Where v1 has other controllers, one on the v2 side of the machine rules no container. */
export function needsController(name: string): Notes {
  const isAlone = () => !mountpoints().some((one) => !one.isV2 && one.controllers.includes("pids"));
  return { needs: [{ name: `the ${name} controller beside the others`, ci: false, isThere: () => isAlone() || !isV2(name) }] };
}
