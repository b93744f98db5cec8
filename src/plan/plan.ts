// The plan: what tsrun-init is to do, as pure data. Compiled from a bundle, encoded to bytes for init, or printed by explain.ts.
import type { Op } from "./op-table.ts";

export interface Plan {
  /** CLONE_NEW* flags of the clone3 that starts init. */
  readonly cloneFlags: number;
  readonly ops: readonly Op[];
  /** What goes on with less than the config asks for (a capability that cannot be granted), one sentence each with its JSON pointer in front. */
  readonly warnings: readonly string[];
}

/** Where one cgroup hierarchy of the container is on the host, as far as the mount section needs it. */
export interface CgroupMount {
  /** Name of the directory below /sys/fs/cgroup ("cpu,cpuacct", "systemd", "unified"), "" for a pure v2 machine. */
  readonly name: string;
  /** Controllers as /proc/self/cgroup names them: ["cpu", "cpuacct"], ["name=systemd"], [] for v2. */
  readonly controllers: readonly string[];
  /** The container's cgroup directory on the host, absolute. */
  readonly hostPath: string;
  /** The hierarchy's mount point on the host, absolute. */
  readonly mountpoint: string;
}

/** One mounted cgroup hierarchy of this machine. */
export interface CgroupHierarchy {
  /** Name of the directory below /sys/fs/cgroup, "" for a pure v2 machine (see CgroupMount). */
  readonly name: string;
  /** As /proc/self/cgroup names them, [] for v2. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** The runtime's own cgroup, relative to the mount point: "/" or "/a/b". */
  readonly ownPath: string;
}

/** All of them. "hybrid": controllers in v1 hierarchies, and a v2 hierarchy beside them. */
export interface CgroupLayout {
  readonly layout: "v1" | "hybrid" | "v2" | "none";
  readonly hierarchies: readonly CgroupHierarchy[];
}

/** What the compiler must know of cgroups: the layout and where the container lives. */
export interface CgroupView {
  readonly layout: "v1" | "hybrid" | "v2" | "none";
  readonly mounts: readonly CgroupMount[];
  /** How many files init is handed at the cgroup sync point (0: it was born in its cgroup, or has none). */
  readonly joinFiles: number;
}

/** Facts of this machine that decide between ops. */
export interface MachineFacts {
  /** Effective uid and gid of the runtime. */
  readonly euid: number;
  readonly egid: number;
  /** Number of the last capability that the kernel knows (capabilities(7)). */
  readonly lastCap: number;
  /** Mask of the capabilities that the runtime has and may pass on (CapPrm and CapBnd of proc_pid_status(5)). */
  readonly grantable: number;
  /** The runtime itself runs in a user namespace (/proc/self/uid_map is not the initial one): device nodes cannot be made, even as root. */
  readonly inUserNamespace?: boolean;
  /** The runtime itself is in an AppArmor profile. */
  readonly confined?: boolean;
}

/** What create, run and (later) exec decide beyond config.json. */
export interface PlanOptions {
  readonly id: string;
  /** Bundle directory, absolute host path. */
  readonly bundle: string;
  /** Root filesystem, absolute host path. */
  readonly rootfs: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
  /** create: wait for start; run: go straight to the program. */
  readonly startWait: boolean;
  /** State JSON for hooks inside the container, cut where init writes its own pid; by hook kind. */
  readonly hookState: { readonly creating: readonly [string, string]; readonly created: readonly [string, string] };
  /** More environment for the program (LISTEN_FDS, NOTIFY_SOCKET). */
  readonly extraEnv: readonly string[];
  /** Host directory of the sd_notify socket to bind at /run/notify, if any. */
  readonly notifyDir?: string;
  /** May setgroups(2) be called in the container's user namespace, as far as is known? (false with a single, unprivileged mapping) */
  readonly setgroups: boolean;
}
