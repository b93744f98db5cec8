// cgroupsPath of the systemd driver, "slice:prefix:name" -> the unit and where its cgroup is. Pure.
import { ConfigError } from "../errors.ts";
import { CGROUPS_PATH } from "./place.ts";

export interface UnitName {
  /** "system.slice", "a-b.slice". */
  readonly slice: string;
  /** "docker-1234.scope". */
  readonly unit: string;
  /** Path of the unit's cgroup below the mount point of a hierarchy. */
  readonly path: string;
}

const EMPTY_PREFIX = "tsrun";

/** `user`: a user's own systemd, whose default slice is another, and below whose own cgroup the path counts. */
export function unitName(cgroupsPath: string | undefined, id: string, user: boolean): UnitName {
  const [slice = "", prefix = "", name = "", ...rest] = cgroupsPath ? cgroupsPath.split(":") : ["", EMPTY_PREFIX, id];
  if (rest.length > 0 || name === "") throw invalid(`"${cgroupsPath}" is not of the form slice:prefix:name`, 'for example "system.slice:docker:1234"');
  if (name.endsWith(".slice")) throw invalid(`"${cgroupsPath}" names a slice, which holds no process`, "its last part becomes a scope");
  const unit = `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  if (!/^[\w:.@\\-]+$/.test(unit)) throw invalid(`"${unit}" is not the name of a systemd unit`);
  const parent = slice === "" ? (user ? "user.slice" : "system.slice") : slice;
  return { slice: parent, unit, path: `${slicePath(parent)}/${unit}` };
}

/** systemd.slice(5): "a-b.slice" is below "a.slice", and "-.slice" is the root. */
export function slicePath(slice: string): string {
  if (slice === "-.slice") return "";
  const stem = slice.slice(0, -".slice".length);
  if (!/^[\w:.\\]+(-[\w:.\\]+)*\.slice$/.test(slice)) throw invalid(`"${slice}" is not the name of a slice`, 'for example "system.slice" or "a-b.slice"');
  const parts = stem.split("-");
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("-")}.slice`).join("");
}

function invalid(message: string, hint?: string): ConfigError {
  return new ConfigError("TS1103", "config.json", [{ pointer: CGROUPS_PATH, message: `cgroupsPath ${message}`, ...(hint === undefined ? {} : { hint }) }]);
}
