// What this runtime knows, from the tables that it works by (runtime-spec, "Features Structure").
import { SPEC_VERSION, TSRUN_VERSION } from "../spec/version.ts";
import { capabilityNames } from "./capabilities.ts";
import { CLONE } from "./kernel-flags.ts";
import { knownMountOptions } from "./mount-options.ts";
import { MEMORY_POLICIES, MEMORY_POLICY_FLAGS } from "./scheduling.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHITECTURES, SECCOMP_FLAGS, SECCOMP_OPERATORS } from "./seccomp.ts";
import { HOOK_KINDS } from "./sections/hooks.ts";

/** bundle/rules/version.ts accepts 1.x. */
const OLDEST_VERSION = "1.0.0";

export function features(): object {
  return {
    ociVersionMin: OLDEST_VERSION,
    ociVersionMax: SPEC_VERSION,
    hooks: HOOK_KINDS,
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: Object.keys(CLONE).sort(),
      capabilities: capabilityNames(),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions: Object.keys(SECCOMP_ACTIONS),
        operators: Object.keys(SECCOMP_OPERATORS),
        archs: SECCOMP_ARCHITECTURES,
        knownFlags: Object.keys(SECCOMP_FLAGS),
        supportedFlags: Object.keys(SECCOMP_FLAGS),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: { modes: Object.keys(MEMORY_POLICIES), flags: Object.keys(MEMORY_POLICY_FLAGS) },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { "io.tsrun.version": TSRUN_VERSION },
    potentiallyUnsafeConfigAnnotations: ["org.systemd.property."],
  };
}
