// What no schema can say, one file per section of config.json. Every rule reports; loading fails once, with all findings.
import type { Finding } from "../errors.ts";
import type { Config } from "../spec/config.ts";
import { cgroupProblems } from "./rules/cgroup.ts";
import { deviceProblems } from "./rules/devices.ts";
import { hookProblems } from "./rules/hooks.ts";
import { findLabelProblems } from "./rules/labels.ts";
import { machineProblems } from "./rules/machine.ts";
import { mountProblems } from "./rules/mounts.ts";
import { namespaceProblems } from "./rules/namespaces.ts";
import { pathProblems } from "./rules/paths.ts";
import { processProblems } from "./rules/process.ts";
import { rootProblems } from "./rules/root.ts";
import { seccompProblems } from "./rules/seccomp.ts";
import { sysctlProblems } from "./rules/sysctl.ts";
import { userProblems } from "./rules/user.ts";
import { versionProblems } from "./rules/version.ts";

/** A finding of a rule; `code` where it is not TS1103. */
export interface Problem extends Finding {
  readonly code?: string;
}

const RULES: readonly ((config: Config) => Problem[])[] = [
  versionProblems,
  rootProblems,
  processProblems,
  userProblems,
  mountProblems,
  hookProblems,
  namespaceProblems,
  deviceProblems,
  pathProblems,
  sysctlProblems,
  cgroupProblems,
  seccompProblems,
  machineProblems,
  findLabelProblems,
];

export function findProblems(config: Config): Problem[] {
  return RULES.flatMap((rule) => rule(config));
}
