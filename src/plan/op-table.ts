// THE table of plan operations. From it come the `Op` type, the encoder, the explain text and the C header
// (native/gen/ops.gen.h). An op is one step of tsrun-init that can fail with one meaning; TypeScript decides
// which ops there are and in which order, C obeys. How to add one: a row here, a function in native/init, a line in a section.

/** Field kinds on the wire: `num` unsigned 64 bit, `int` signed 64 bit, `str` bytes without NUL, `list` of `str`. */
export type FieldKind = "num" | "int" | "str" | "list";

export interface OpRow {
  readonly number: number;
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly doc: string;
}

/**
 * Paths called `target` are container paths: init resolves them under the root fd with openat2(RESOLVE_IN_ROOT)
 * at run time, until root.pivot; afterwards `/` is the container's own root. Paths called `source` are host paths.
 */
export const OPS = {
  // --- joining and making namespaces, before anything else ---
  "ns.join": {
    number: 1,
    fields: { type: "num", path: "str" },
    doc: "Open the host path and setns(fd, type); the kernel refuses a namespace of another type.",
  },
  "ns.unshare": { number: 2, fields: { flags: "num" }, doc: "unshare(flags), for what clone3 cannot do at the right moment (time, cgroup)." },
  "time.offsets": { number: 3, fields: { text: "str" }, doc: "Write the text to /proc/self/timens_offsets, between unshare(CLONE_NEWTIME) and init.fork." },
  "init.fork": {
    number: 4,
    fields: { flags: "num" },
    doc: "clone3(flags | CLONE_PARENT): the child, a member of the joined pid and time namespaces, goes on with the next op; this process reports the child's pid and leaves.",
  },
  "cred.undumpable": { number: 5, fields: {}, doc: "prctl(PR_SET_DUMPABLE, 0): nobody can ptrace init or open its /proc files (CVE-2016-9962)." },
  "sync.ask": { number: 6, fields: { point: "num" }, doc: "Tell the parent that this sync point is reached and wait for its answer (see SYNC_POINTS)." },
  "sync.wait": { number: 7, fields: { point: "num" }, doc: "Wait for the parent's answer at this point without asking: the parent works ahead of init." },
  "user.become_root": {
    number: 8,
    fields: { setgroups: "num" },
    doc: "setresgid(0), setresuid(0) in the user namespace that was just joined or given its mappings, then setgroups of none: 1; 0: it is denied there; 2: it may be (a namespace that is joined), and EPERM is no error.",
  },
  "signal.reset": { number: 9, fields: {}, doc: "Every signal disposition to default, the mask empty: nothing is inherited from the caller." },
  "session.new": { number: 10, fields: {}, doc: "setsid(); that init already leads a session is no error." },
  "keyring.new": {
    number: 11,
    fields: { name: "str" },
    doc: "keyctl(JOIN_SESSION_KEYRING, name), then give the possessor's rights to the user as well. A kernel without keyrings (ENOSYS) is no error.",
  },
  "cgroup.join": {
    number: 12,
    fields: { count: "num" },
    doc: "Receive `count` open files (tasks or cgroup.procs) from the parent, in as many messages as it needs, and write 0 to each.",
  },
  "personality.set": { number: 13, fields: { domain: "num" }, doc: "personality(domain)." },
  "scheduler.set": {
    number: 14,
    fields: { policy: "num", flags: "num", nice: "int", priority: "num", runtime: "num", deadline: "num", period: "num" },
    doc: "sched_setattr of init.",
  },
  "affinity.set": {
    number: 16,
    fields: { words: "list" },
    doc: "sched_setaffinity of init; the mask as decimal words of 64 processors each, the lowest first.",
  },
  "ns.enter": {
    number: 17,
    fields: { flags: "num" },
    doc: "exec: receive a pidfd of the container's process from the parent and setns(pidfd, flags) into all of its namespaces at once.",
  },
  "root.enter": { number: 18, fields: {}, doc: "exec, without a mount namespace: receive the container's root directory from the parent, and chroot into it." },
  "ioprio.set": { number: 15, fields: { class: "num", priority: "num" }, doc: "ioprio_set(IOPRIO_WHO_PGRP, 0, class << 13 | priority)." },

  // --- the root filesystem ---
  "mountns.propagation": {
    number: 20,
    fields: { flags: "num" },
    doc: 'mount("/", flags): cut the new mount namespace off its origin (MS_SLAVE or MS_PRIVATE or as rootfsPropagation says).',
  },
  "root.bind": {
    number: 21,
    fields: { source: "str" },
    doc: "Clone the rootfs tree of the host path (open_tree, recursive), attach it over itself and keep its fd as the root fd. Its parent mount is made private when it is shared, for pivot_root.",
  },
  "root.follow": {
    number: 39,
    fields: { source: "str" },
    doc: "rootfsPropagation slave, in place of root.bind: the same, but its mount stays a slave of the host's, whose later mounts below it appear in the container. Nothing is shared in this mount namespace.",
  },
  "mount.fs": {
    number: 22,
    fields: {
      source: "str",
      target: "str",
      type: "str",
      flags: "num",
      attrSet: "num",
      data: "str",
      propagation: "list",
      copyUp: "num",
      mode: "int",
      rootLabel: "str",
      idmap: "num",
      whole: "num",
    },
    doc: "Mount a new filesystem: fsopen/fsmount with superblock MS_* flags, MOUNT_ATTR_* attrSet and data; target directory made when missing. propagation: MS_* numbers applied in order after the mount. copyUp: first copy what the target holds into it. mode >= 0: a tmpfs without mode= in its data takes the target's own mode, or this one when the target was missing. rootLabel: written to security.selinux of the new root directory. idmap: the sync point at which the parent gives the detached mount its mapping, 0 for none. whole = 1: by mount(2), for what fsconfig cannot take.",
  },
  "mount.bind": {
    number: 23,
    fields: {
      source: "str",
      given: "num",
      target: "str",
      recursive: "num",
      attrSet: "num",
      attrClear: "num",
      recAttrSet: "num",
      recAttrClear: "num",
      propagation: "list",
    },
    doc: "Clone the host path (open_tree), or receive the clone from the parent (given = 1: it is id-mapped), set its attributes on the top mount (attr*) and on the whole tree (recAttr*), attach it. A missing target is made as a file or a directory, as the source is. atime bits are one field: clear MOUNT_ATTR__ATIME when one of them is set.",
  },
  "mount.remount": {
    number: 24,
    fields: {
      target: "str",
      bind: "num",
      flags: "num",
      attrSet: "num",
      attrClear: "num",
      recAttrSet: "num",
      recAttrClear: "num",
      data: "str",
      propagation: "list",
    },
    doc: "Change an existing mount: bind = its own attributes only, and those of the tree below it (recAttr*); otherwise the superblock (flags, data) as well.",
  },
  "mount.propagation": { number: 25, fields: { target: "str", propagation: "list" }, doc: "Change the propagation of an existing mount." },
  "device.node": {
    number: 26,
    fields: { target: "str", type: "str", major: "num", minor: "num", mode: "num", uid: "num", gid: "num" },
    doc: "mknod (type c, b or p) by fd under the resolved parent, which is made when missing; then owner and mode. An existing file must be that very device (spec 8.12), else EEXIST.",
  },
  "device.bind": {
    number: 27,
    fields: { source: "str", target: "str", type: "str", major: "num", minor: "num" },
    doc: "For user namespaces: bind the host's device node, after a check that it is that device, over an empty file made at the target.",
  },
  "path.symlink": {
    number: 28,
    fields: { link: "str", target: "str", requires: "str", replace: "num" },
    doc: "Make the symbolic link `target` with the text `link`. Skipped when `requires` is not empty and not there. An existing entry stays, unless replace is 1 and it is not a directory.",
  },
  "path.mask": {
    number: 29,
    fields: { target: "str", label: "str" },
    doc: "Hide a path: a file behind the verified null device (1:3), a directory behind one shared, empty, read-only tmpfs with this SELinux label. A missing path is fine.",
  },
  "path.readonly": { number: 30, fields: { target: "str" }, doc: "Bind the path over itself, recursively read-only. A missing path is fine." },
  "root.readonly": { number: 32, fields: {}, doc: "The root mount becomes read-only (its submounts keep theirs)." },
  "root.pivot": { number: 33, fields: {}, doc: 'pivot_root(".", ".") into the root fd, detach the old root, chdir("/").' },
  "root.move": {
    number: 34,
    fields: {},
    doc: "--no-pivot, for a rootfs on ramfs: cover the procfs and sysfs of the host, move the root mount over / and chroot into it.",
  },
  "root.chroot": { number: 35, fields: {}, doc: "Without a mount namespace of its own: chroot into the root fd." },
  "root.propagation": { number: 36, fields: { flags: "num" }, doc: "Give the container's / the propagation that rootfsPropagation asks for." },
  "null.open": {
    number: 37,
    fields: {},
    doc: "Before root.pivot: open the host's /dev/null, check that it is char 1:3, and replace any of the fds 0-2 that is closed with it.",
  },

  "root.open": {
    number: 38,
    fields: { source: "str" },
    doc: "Without a mount namespace of its own, in place of root.bind: the directory at the host path becomes the root fd, nothing is mounted.",
  },

  // --- inside the namespaces ---
  "host.name": { number: 40, fields: { name: "str" }, doc: "sethostname." },
  "host.domain": { number: 41, fields: { name: "str" }, doc: "setdomainname." },
  "net.loopback": { number: 42, fields: {}, doc: "Set the loopback interface of the new network namespace up." },
  "sysctl.write": {
    number: 43,
    fields: { path: "str", value: "str" },
    doc: "Write below /proc/sys (path without that prefix) over a procfs that is verified: fsopen'ed by init, or the container's /proc with no over-mounts (openat2 RESOLVE_NO_XDEV, fstatfs PROC_SUPER_MAGIC).",
  },
  "terminal.open": {
    number: 44,
    fields: { width: "num", height: "num", console: "num" },
    doc: "After root.pivot: open /dev/pts/ptmx, its peer by TIOCGPTPEER, set the size when not 0x0, send the master to the parent, bind the peer on /dev/console (console = 1), make it the controlling terminal and fds 0-2.",
  },
  "hook.run": {
    number: 45,
    fields: { path: "str", args: "list", env: "list", timeoutMs: "num", stateBefore: "str", stateAfter: "str" },
    doc: "Run a hook in init's namespaces: state on stdin = stateBefore + init's own pid + stateAfter; output to the hook log fd; 0 = no time limit. Fails with ETIMEDOUT (killed), or ECHILD and the wait status as value.",
  },
  "rlimit.set": { number: 46, fields: { resource: "num", soft: "num", hard: "num" }, doc: "prlimit of init." },
  "cwd.make": { number: 47, fields: { path: "str" }, doc: "Make the working directory and its missing parents (0755) as root." },
  "cwd.enter": {
    number: 48,
    fields: { path: "str", optional: "num" },
    doc: "chdir and prove by getcwd that it lies inside the root (CVE-2024-21626: ENOENT otherwise). optional = 1: EACCES and EPERM are left to the second try, made as the user. Does nothing when an earlier try did it.",
  },
  "umask.set": { number: 49, fields: { mask: "num" }, doc: "umask." },
  "cred.bounding": { number: 50, fields: { keep: "num", last: "num" }, doc: "PR_CAPBSET_DROP of each capability 0..last whose bit is not in keep." },
  "cred.ids": {
    number: 51,
    fields: { uid: "num", gid: "num", setgroups: "num", groups: "list" },
    doc: "PR_SET_KEEPCAPS, setgroups (as in user.become_root: 0 and 2 do without when there are none to set), setresgid, setresuid.",
  },
  "cred.caps": { number: 52, fields: { effective: "num", permitted: "num", inheritable: "num" }, doc: "capset." },
  "cred.ambient": { number: 53, fields: { mask: "num" }, doc: "Clear the ambient set, then raise each capability of the mask." },
  "cred.no_new_privs": { number: 54, fields: {}, doc: "prctl(PR_SET_NO_NEW_PRIVS, 1)." },
  "fds.close": {
    number: 55,
    fields: { preserve: "num" },
    doc: "Only 0-2, `preserve` fds from 3 on, and init's own close-on-exec ones stay; the preserved ones lose close-on-exec.",
  },
  "exec.lookup": {
    number: 56,
    fields: { file: "str", paths: "list" },
    doc: "Find the program as execvp does, without running it (ENOENT, EACCES); relative directories count from the cwd.",
  },
  "env.home": {
    number: 57,
    fields: { uid: "num" },
    doc: "The environment has no HOME: take it from the container's /etc/passwd by uid, / when it is not there.",
  },
  "start.wait": {
    number: 58,
    fields: {},
    doc: "Report `created` and let go of the parent; accept on the start socket until one peer sends `start`. Failures from here on go to that peer.",
  },
  "exec.run": {
    number: 59,
    fields: { args: "list", env: "list" },
    doc: "execve of the program that exec.lookup found. Its success is seen as end of file on every protocol socket.",
  },
  "seccomp.receive": { number: 61, fields: {}, doc: "Receive the compiled filter from the parent: an open file at its first instruction, read to its end." },
  "seccomp.load": {
    number: 62,
    fields: { flags: "num", listener: "num" },
    doc: "seccomp(SECCOMP_SET_MODE_FILTER, flags) with the received filter. listener = 1: the kernel's notifications come on an fd, which is reported to the parent.",
  },
  "apparmor.exec": {
    number: 63,
    fields: { profile: "str", optional: "num", stack: "num" },
    doc: 'Write "exec <profile>", or with stack = 1 "stack <profile>", to init\'s own attr/apparmor/exec (attr/exec on older kernels) of a verified procfs: the program gets the profile, or both, by its execve. optional = 1: it may fail (unconfined, where AppArmor is off).',
  },
  "selinux.label": {
    number: 65,
    fields: { attribute: "str", label: "str" },
    doc: "Write the label to init's own attr/<attribute> of a verified procfs: exec, the program's by its execve, or keycreate, that of the keys that are made until then. An empty label takes it back.",
  },
  "mempolicy.set": {
    number: 64,
    fields: { mode: "num", words: "list" },
    doc: "set_mempolicy(mode with its flags, nodes) of init, which the program inherits; the mask as decimal words of 64 nodes each, the lowest first.",
  },
  "sync.ready": {
    number: 31,
    fields: {},
    doc: "Tell the parent, or the peer of start, that only the filter and the program are left: an end of file without this record means that init was killed.",
  },
  "stdio.own": {
    number: 60,
    fields: { uid: "num" },
    doc: "Before cred.ids: fchown the pipes and terminals among fds 0-2 to the user (group unchanged), so that it can open /dev/stdout again. Anything else stays (files and the null device are the caller's); EINVAL, EPERM and EROFS are no errors.",
  },
} as const satisfies Record<string, OpRow>;

export type OpName = keyof typeof OPS;

type FieldValue<K extends FieldKind> = K extends "num" | "int" ? number | bigint : K extends "str" ? string : readonly string[];

type OpOf<N extends OpName> = { readonly op: N; readonly at: string } & {
  readonly [F in keyof (typeof OPS)[N]["fields"]]: (typeof OPS)[N]["fields"][F] extends FieldKind ? FieldValue<(typeof OPS)[N]["fields"][F]> : never;
};

/** One step. `at` is the JSON pointer of the config line that it came from ("" when none); it stays in TypeScript. */
export type Op = { [N in OpName]: OpOf<N> }[OpName];

/** Points where parent and init meet: see docs/architecture.md, "The sync protocol". */
export const SYNC_POINTS = { idmap: 1, cgroup: 2, hooks: 3, mount: 4 } as const;

/** The system calls that init names in a failure record, by index; the same list is generated into the C header. */
export const SYSCALLS = [
  "none",
  "accept4",
  "capset",
  "chdir",
  "chroot",
  "clone3",
  "close_range",
  "dup3",
  "execve",
  "execveat",
  "fchdir",
  "fchmod",
  "fchown",
  "fchmodat",
  "fsconfig",
  "fsmount",
  "fsopen",
  "fstat",
  "fstatfs",
  "getcwd",
  "getdents64",
  "getxattr",
  "ioctl",
  "ioprio_set",
  "keyctl",
  "linkat",
  "lseek",
  "memfd_create",
  "mkdirat",
  "mknodat",
  "mmap",
  "mount",
  "mount_setattr",
  "move_mount",
  "open",
  "openat",
  "openat2",
  "open_tree",
  "personality",
  "pidfd_open",
  "pipe2",
  "pivot_root",
  "poll",
  "prctl",
  "prlimit64",
  "read",
  "readlinkat",
  "recvmsg",
  "renameat2",
  "rt_sigaction",
  "rt_sigprocmask",
  "sched_setattr",
  "seccomp",
  "sendmsg",
  "setdomainname",
  "setfsuid",
  "setgroups",
  "sethostname",
  "setns",
  "setresgid",
  "setresuid",
  "setsid",
  "fsetxattr",
  "socket",
  "statx",
  "symlinkat",
  "umask",
  "umount2",
  "unlinkat",
  "unshare",
  "utimensat",
  "wait4",
  "write",
  "bpf",
  "setpriority",
  "sched_setaffinity",
  "kill",
  "set_mempolicy",
] as const;
