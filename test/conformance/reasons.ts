// Why a test of the suite cannot pass with tsrun: the machine, the test itself, or a decision that docs/compat.md explains.
import type { MachineResult, Verdict } from "./machine.ts";

/** One for all machines, or by the version of cgroups. */
type Reason = string | Readonly<Partial<Record<MachineResult["cgroup"], string>>>;

const KNOWS_V1 = "test: knows cgroup v1 alone (`cgroupv2 is not supported yet`)";
const ASKS_V1 = "test: asks for what only cgroup v1 has, and the specification wants an error then";
const onV1 = (reason: string, v2 = KNOWS_V1): Reason => ({ v1: reason, v2 });

const LEAF_WEIGHT = onV1("machine: the kernel has no blkio.leaf_weight (gone since Linux 5.0)", ASKS_V1);
const HUGETLB = onV1("machine: no hugetlb controller");
const NETWORK = onV1("machine: no net_cls and net_prio controllers", ASKS_V1);
const KERNEL_MEMORY = onV1("machine: the kernel has no limits of kernel memory any more", ASKS_V1);
const PIDS = onV1("test: compares the addresses of two numbers and not the numbers");
const ONLY_V1: Reason = { v2: KNOWS_V1 };

const REASONS: Readonly<Record<string, Reason>> = {
  delete: "decision: delete of a created container works, as in runc and crun, because containerd calls it so",
  delete_only_create_resources: { v2: "test: looks for cgroup v1's files" },
  delete_resources: PIDS,
  hooks: "test: expects other words than its hooks write (`post-start1` for `post-start1 called`)",
  hooks_stdin: "test: wants the status `created` in prestart hooks; the specification says `creating`",
  linux_cgroups_blkio: LEAF_WEIGHT,
  linux_cgroups_cpus: ONLY_V1,
  linux_cgroups_devices: ONLY_V1,
  linux_cgroups_hugetlb: HUGETLB,
  linux_cgroups_memory: KERNEL_MEMORY,
  linux_cgroups_network: onV1("machine: no net_cls and net_prio controllers", "test: falls over the one line of /proc/self/cgroup that cgroup v2 has"),
  linux_cgroups_pids: PIDS,
  linux_cgroups_relative_blkio: LEAF_WEIGHT,
  linux_cgroups_relative_cpus: ONLY_V1,
  linux_cgroups_relative_devices: ONLY_V1,
  linux_cgroups_relative_hugetlb: HUGETLB,
  linux_cgroups_relative_memory: KERNEL_MEMORY,
  linux_cgroups_relative_network: NETWORK,
  linux_cgroups_relative_pids: PIDS,
  linux_mount_label: "machine: no SELinux",
  linux_process_apparmor_profile: { v1: "machine: no AppArmor" },
  misc_props: "test: the bundle lacks the program that its config names",
  pidfile: "test: kills a container whose program (`true`) has ended long ago",
  poststart: "test: a race between the hook and the program, who both write a line",
  poststart_fail: "test: wants a warning when a poststart hook fails; since runtime-spec 1.2 the container is stopped, with an error",
  prestart: "test: wants prestart hooks to be called by start; the specification says create",
  process_capabilities: { v1: "machine: CAP_SYS_RESOURCE is not there to be given" },
  process_capabilities_fail: "test: an unknown capability must be a warning since runtime-spec 1.1",
  process_rlimits: "test: its Go program raises its own soft limit of open files before it looks",
  start: "test: calls start of a config without process an error when it is one, as it must be",
};

/** Undefined: not known, or there is nothing to explain. */
export function reasonOf(test: string, { cgroup, verdicts }: MachineResult): string | undefined {
  const reason = REASONS[test];
  if (verdicts[test]?.["tsrun"] === "pass" || reason === undefined) return undefined;
  return typeof reason === "string" ? reason : reason[cgroup];
}

/** `true` may be there still when the test looks for it: that a peer passed is chance. */
const BY_CHANCE = ["pidfile"];

/** tsrun does not pass, and a peer does or nobody knows why. */
export function isFailure(test: string, result: MachineResult): boolean {
  const row: Readonly<Record<string, Verdict>> = result.verdicts[test] ?? {};
  const peerPasses = Object.values(row).includes("pass") && !BY_CHANCE.includes(test);
  return row["tsrun"] !== "pass" && (peerPasses || reasonOf(test, result) === undefined);
}
