// ociVersion (spec 1.06): SemVer 2.0.0, major 1; a newer minor is accepted with a warning.
import type { Config } from "../../spec/config.ts";
import { SPEC_VERSION } from "../../spec/version.ts";
import type { Problem } from "../rules.ts";

/** A number of a pre-release has no leading zeros. A literal: it is compiled with the tool, not at each start. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

export function versionProblems(config: Config): Problem[] {
  const pointer = "/ociVersion";
  const match = SEMVER.exec(config.ociVersion);
  if (match === null)
    return [{ pointer, message: `ociVersion "${config.ociVersion}" is not a version of SemVer 2.0.0`, hint: `for example "${SPEC_VERSION}"` }];
  if (match[1] !== "1") return [{ pointer, message: `ociVersion "${config.ociVersion}" is not supported: its major version is not 1` }];
  return [];
}

export function versionWarnings(config: Config): string[] {
  const minor = Number(config.ociVersion.split(".")[1]);
  if (minor <= Number(SPEC_VERSION.split(".")[1])) return [];
  return [`ociVersion ${config.ociVersion} is newer than ${SPEC_VERSION}: properties that are not known are ignored`];
}
