// linux.cgroupsPath -> where the container's cgroup is in every hierarchy. Pure: the same value gives the same place.
import { ConfigError } from "../errors.ts";
import type { CgroupHierarchy, CgroupLayout } from "../plan/plan.ts";

/** JSON pointer of the value that decides. */
export const CGROUPS_PATH = "/linux/cgroupsPath";

/** One hierarchy and the container's directory in it. */
export interface CgroupPlace {
  readonly hierarchy: CgroupHierarchy;
  /** Absolute host path of the directory. */
  readonly path: string;
}

/**
 * Absolute: below the mount point. Relative: below the runtime's own cgroup (v1), or beside it (v2, where a cgroup with
 * processes cannot give controllers to its children). Absent: as a relative path that is the container's id.
 */
export function placeCgroup(cgroupsPath: string | undefined, id: string, layout: CgroupLayout): CgroupPlace[] {
  const wanted = cgroupsPath === undefined || cgroupsPath === "" ? id : cgroupsPath;
  const inner = cleanPath(wanted);
  return layout.hierarchies.map((hierarchy) => {
    const base = wanted.startsWith("/") ? "/" : basePath(hierarchy.ownPath, layout.layout === "v2");
    return { hierarchy, path: `${hierarchy.mountpoint}${base === "/" ? "" : base}/${inner}` };
  });
}

function basePath(ownPath: string, v2: boolean): string {
  // "/../x" is a cgroup outside of the cgroup namespace: it cannot be reached below the mount point.
  if (ownPath.startsWith("/..")) return "/";
  return v2 ? ownPath.slice(0, ownPath.lastIndexOf("/")) || "/" : ownPath;
}

/** The components of the path, joined; one that climbs would leave the mount point and is refused. */
function cleanPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0) throw invalid("names the root cgroup", 'use a path with a name, such as "/tsrun/web"');
  if (parts.includes("..")) throw invalid(`"${path}" has a ".." component`, "write the path without it");
  if (path.includes("\0") || path.includes("\n")) throw invalid("has a NUL or newline character", undefined);
  return parts.join("/");
}

function invalid(message: string, hint: string | undefined): ConfigError {
  return new ConfigError("TS1103", "config.json", [{ pointer: CGROUPS_PATH, message: `cgroupsPath ${message}`, ...(hint === undefined ? {} : { hint }) }]);
}
