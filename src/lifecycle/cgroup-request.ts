// What a create asks of cgroups: of its config, its flags, and who calls it.
import type { CgroupRequest } from "../cgroup/driver.ts";
import { isRootless } from "../machine/rootless.ts";
import type { MachineFacts } from "../plan/plan.ts";
import type { Config } from "../spec/config.ts";

export interface CgroupOptions {
  readonly id: string;
  readonly rootless: "auto" | "true" | "false";
  readonly systemdCgroup: boolean;
}

export function cgroupRequest({ id, rootless, systemdCgroup }: CgroupOptions, { linux, annotations }: Config, facts: MachineFacts): CgroupRequest {
  return {
    id,
    cgroupsPath: linux?.cgroupsPath,
    resources: linux?.resources,
    rootless: rootless === "auto" ? isRootless() : rootless === "true",
    unprivileged: facts.euid !== 0 || facts.inUserNamespace === true,
    systemd: systemdCgroup,
    annotations,
  };
}
