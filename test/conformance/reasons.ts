// Why a test of the suite cannot pass with tsrun: the machine, the test itself, or a decision that docs/compat.md explains.

const LEAF_WEIGHT = "machine: the kernel has no blkio.leaf_weight (gone since Linux 5.0)";
const HUGETLB = "machine: no hugetlb controller";
const NETWORK = "machine: no net_cls and net_prio controllers";
const KERNEL_MEMORY = "machine: the kernel has no limits of kernel memory any more";
const PIDS = "test: compares the addresses of two numbers and not the numbers";

export const REASONS: Readonly<Record<string, string>> = {
  delete: "decision: delete of a created container works, as in runc and crun, because containerd calls it so",
  delete_resources: PIDS,
  hooks: "test: expects other words than its hooks write (`post-start1` for `post-start1 called`)",
  hooks_stdin: "test: wants the status `created` in prestart hooks; the specification says `creating`",
  linux_cgroups_blkio: LEAF_WEIGHT,
  linux_cgroups_relative_blkio: LEAF_WEIGHT,
  linux_cgroups_hugetlb: HUGETLB,
  linux_cgroups_relative_hugetlb: HUGETLB,
  linux_cgroups_network: NETWORK,
  linux_cgroups_relative_network: NETWORK,
  linux_cgroups_memory: KERNEL_MEMORY,
  linux_cgroups_relative_memory: KERNEL_MEMORY,
  linux_cgroups_pids: PIDS,
  linux_cgroups_relative_pids: PIDS,
  linux_mount_label: "machine: no SELinux",
  linux_process_apparmor_profile: "machine: no AppArmor",
  misc_props: "test: the bundle lacks the program that its config names",
  pidfile: "test: kills a container whose program (`true`) has ended long ago",
  poststart: "test: a race between the hook and the program, who both write a line",
  poststart_fail: "test: wants a warning when a poststart hook fails; since runtime-spec 1.2 the container is stopped, with an error",
  prestart: "test: wants prestart hooks to be called by start; the specification says create",
  process_capabilities: "machine: CAP_SYS_RESOURCE is not there to be given",
  process_capabilities_fail: "test: an unknown capability must be a warning since runtime-spec 1.1",
  process_rlimits: "test: its Go program raises its own soft limit of open files before it looks",
  start: "test: calls start of a config without process an error when it is one, as it must be",
};
