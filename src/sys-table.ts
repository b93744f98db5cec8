// The one description of the native ABI (native/shim). From it come the Sys type, the bun:ffi binding and the
// QuickJS binding (native/gen/sys-quickjs.gen.h) and the C prototypes (native/gen/sys.gen.h).
// A result is >= 0, or -errno. `text` results are UTF-8 strings, or a negative number (-errno).
// Parameter kinds: num = int64_t; str = const char * (a JavaScript string with a NUL in it is refused with -EINVAL);
// blob = const char *, size_t (NULs allowed: lists are NUL-terminated items joined).
// More than one result: sys.out(i) reads the i-th extra number of the last call that documents one.

export type ParamKind = "num" | "str" | "blob";
export interface SysRow {
  readonly params: readonly ParamKind[];
  readonly result: "num" | "text";
  readonly doc: string;
}

export const SYS = {
  out: { params: ["num"], result: "num", doc: "(index): extra result of the last call." },
  // --- files ---
  read_text: { params: ["str"], result: "text", doc: "(path): the whole file; EILSEQ when it is not UTF-8, EFBIG over 16 MiB." },
  read_lossy: {
    params: ["str"],
    result: "text",
    doc: "(path): as read_text, but invalid UTF-8 is replaced by ?: for /proc and /sys, where names of processes, mounts and cgroups are any bytes.",
  },
  write_file: {
    params: ["str", "blob", "num", "num"],
    result: "num",
    doc: "(path, data, flags, mode): open(O_WRONLY|O_CLOEXEC|flags, mode), write, close.",
  },
  write_fd: { params: ["num", "blob"], result: "num", doc: "(fd, data): all of it." },
  open: { params: ["str", "num", "num"], result: "num", doc: "(path, flags, mode): fd, with O_CLOEXEC." },
  openat: { params: ["num", "str", "num", "num"], result: "num", doc: "(dirfd, path, flags, mode): fd, with O_CLOEXEC." },
  close: { params: ["num"], result: "num", doc: "(fd)" },
  read_fd: { params: ["num"], result: "text", doc: "(fd): to its end, from its present offset; invalid UTF-8 is replaced by ?." },
  mkdir: { params: ["str", "num"], result: "num", doc: "(path, mode)" },
  rmdir: { params: ["str"], result: "num", doc: "(path)" },
  set_label: { params: ["str", "str"], result: "num", doc: "(path, SELinux label): of the file itself, never of what a link leads to." },
  make_userns: { params: ["str", "str"], result: "num", doc: "(uid_map, gid_map): fd of a new user namespace with these mappings, in which nobody is." },
  open_tree: { params: ["str", "num"], result: "num", doc: "(source, recursive 0|1): fd of a detached clone of the mount." },
  idmap_mount: {
    params: ["num", "num", "num"],
    result: "num",
    doc: "(detached mount fd, whole tree 0|1, user namespace fd): gives it the mapping (Linux 5.12). EINVAL: its filesystem cannot.",
  },
  bind_mount: { params: ["str", "str"], result: "num", doc: "(source, target): the tree of the source, private, at the target." },
  umount: { params: ["str"], result: "num", doc: "(path): umount2 with MNT_DETACH | UMOUNT_NOFOLLOW." },
  overlay_mount: {
    params: ["blob", "str", "str", "str"],
    result: "num",
    doc: "(lower directories, upper, work, target): an overlay filesystem at the target; the topmost lower directory is the first. E2BIG: too many.",
  },
  unlink: { params: ["str"], result: "num", doc: "(path)" },
  remove_tree: { params: ["str"], result: "num", doc: "(path): with all that is in it, on this file system; no link is followed. What is missing is fine." },
  link: { params: ["str", "str"], result: "num", doc: "(from, to): a hard link." },
  rename: { params: ["str", "str"], result: "num", doc: "(from, to)" },
  chown: { params: ["str", "num", "num"], result: "num", doc: "(path, uid, gid), not following a link." },
  chmod: { params: ["str", "num"], result: "num", doc: "(path, mode)" },
  stat_mode: { params: ["str"], result: "num", doc: "(path): st_mode, following links; out(0) = st_uid, out(1) = st_rdev major, out(2) = minor." },
  inode: { params: ["str"], result: "num", doc: "(path): st_ino, following links." },
  read_link: { params: ["str"], result: "text", doc: "(path): the text of a symbolic link." },
  fs_magic: { params: ["str"], result: "num", doc: "(path): f_type of statfs." },
  real_path: { params: ["str"], result: "text", doc: "(path): realpath(3)." },
  read_dir: { params: ["str"], result: "text", doc: "(path): names without . and .., each ended by NUL." },
  cgroup_processes: {
    params: ["str"],
    result: "text",
    doc: "(directory): cgroup.procs of the cgroup and of all below it, one after the other; cgroup.threads of those in threaded mode.",
  },
  remove_cgroups_below: { params: ["str"], result: "num", doc: "(directory): all cgroups below it but those with processes." },
  flock: { params: ["num", "num", "num"], result: "num", doc: "(fd, exclusive 0|1, timeoutMs): ETIMEDOUT when it is held for longer." },
  memfd: { params: ["str"], result: "num", doc: "(name): an empty memfd with O_CLOEXEC." },
  // --- this process ---
  getpid: { params: [], result: "num", doc: "" },
  geteuid: { params: [], result: "num", doc: "" },
  getegid: { params: [], result: "num", doc: "" },
  capabilities: {
    params: [],
    result: "num",
    doc: "(): mask of the capabilities that this thread may give to a program: permitted and in the bounding set (capabilities(7)). out(0) = number of the last one that the kernel knows.",
  },
  getcwd: { params: [], result: "text", doc: "" },
  getenv: { params: ["str"], result: "text", doc: "(name): ENOENT when unset." },
  clock_ns: { params: ["num"], result: "num", doc: "(clock id): microseconds are exact, nanoseconds up to 2^53." },
  time_text: { params: [], result: "text", doc: "(): now in UTC, RFC 3339 with nanoseconds." },
  sleep_ms: { params: ["num"], result: "num", doc: "(milliseconds)" },
  isatty: { params: ["num"], result: "num", doc: "(fd): 1 or 0." },
  set_subreaper: { params: ["num"], result: "num", doc: "(0|1): PR_SET_CHILD_SUBREAPER." },
  json_is_plain: {
    params: ["blob"],
    result: "num",
    doc: "(text): 1 when JSON.parse keeps it exact: valid JSON with no integer beyond 2^53, no name twice in an object and no escape in a name; else 0.",
  },
  user_name: { params: ["num"], result: "text", doc: "(uid): its name in /etc/passwd; ENOENT." },
  // --- init ---
  spawn_init: {
    params: ["num", "blob", "num", "num", "num", "num"],
    result: "num",
    doc: "(cloneFlags, plan, cgroupFd or -1, preserveFds, startSocketFd or -1, hookLogFd or -1): pid. clone3 of tsrun-init from its sealed copy; out(0) = sync socket, out(1) = pidfd. In the child: fds 3.. are preserved, then from 3+preserveFds: sync socket, plan, start socket, hook log. cgroupFd: CLONE_INTO_CGROUP.",
  },
  recv_record: {
    params: ["num", "num"],
    result: "num",
    doc: "(fd, timeoutMs, -1 = none): 1 for a record, 0 for end of file, -ETIMEDOUT. out(0) = kind, 1 = op index, 2 = syscall index, 3 = errno, 4 = value, 5 = received fd or -1.",
  },
  send_byte: { params: ["num", "num"], result: "num", doc: "(fd, point): the answer to a sync point, one byte." },
  send_fd: { params: ["num", "num", "str"], result: "num", doc: "(socket, fd, message): SCM_RIGHTS with the message as data." },
  connect: {
    params: ["str", "num"],
    result: "num",
    doc: "(path, 0 stream | 1 seqpacket | 2 datagram): a connected unix socket; paths over 107 bytes work too.",
  },
  listen: { params: ["str", "num"], result: "num", doc: "(path, 1 seqpacket | 2 datagram): a bound (and listening) unix socket, O_CLOEXEC." },
  send_text: { params: ["num", "blob"], result: "num", doc: "(socket, data): one message." },
  recv_text: {
    params: ["num", "num"],
    result: "text",
    doc: "(socket, timeoutMs): one message; ETIMEDOUT; empty at end of file. out(0) = number of fds received and closed.",
  },
  cached_filter: {
    params: ["str", "blob"],
    result: "num",
    doc: "(directory, key): a seccomp filter that compile_filter has kept there under this key, as an open file at its first instruction; ENOENT.",
  },
  compile_filter: {
    params: ["str", "blob", "blob"],
    result: "num",
    doc: "(directory, key, profile): the filter that libseccomp makes of the profile (plan/seccomp.ts), as an open file at its first instruction; kept in the directory. out(0) = line of the profile that failed, from 0.",
  },
  attach_device_filter: {
    params: ["str", "str"],
    result: "num",
    doc: "(cgroup directory, program as hexadecimal): load a BPF_PROG_TYPE_CGROUP_DEVICE program and attach it beside those that are there (BPF_F_ALLOW_MULTI).",
  },
  // --- processes ---
  wait_pid: { params: ["num", "num"], result: "num", doc: "(pid, timeoutMs, -1 = none): exit code, or 128 + signal; out(0) = raw wait status. ETIMEDOUT." },
  kill: { params: ["num", "num"], result: "num", doc: "(pid, signal)" },
  move_netdev: {
    params: ["str", "str", "num"],
    result: "num",
    doc: "(name, new name, fd of a network namespace): move the network device there, keep its permanent global addresses, set it up; its index there. out(0) = 1 when it was up before. EEXIST: the name is taken there; a name with %d is completed by the kernel.",
  },
  return_netdev: {
    params: ["num", "str", "num", "num"],
    result: "num",
    doc: "(index, name, up 0|1, fd of a network namespace): move the device of that index there back into ours, under this name, with its addresses.",
  },
  pidfd_open: { params: ["num"], result: "num", doc: "(pid): fd, O_CLOEXEC." },
  pidfd_signal: { params: ["num", "num"], result: "num", doc: "(pidfd, signal)" },
  pidfd_wait: { params: ["num", "num"], result: "num", doc: "(pidfd, timeoutMs): 1 when the process is gone, 0 when time is over." },
  run_program: {
    params: ["str", "blob", "blob", "blob", "num", "num"],
    result: "text",
    doc: "(path, argv, env, stdin, timeoutMs or 0, tail): run a hook or a helper with the text on stdin; the result is the last `tail` bytes of its stdout and stderr. tail = -1: it has our own streams instead. out(0) = raw wait status. ETIMEDOUT: it was killed. No signal mask, no fds but 0-2.",
  },
  replace_program: {
    params: ["str", "blob", "blob"],
    result: "num",
    doc: "(path, argv, dropped): execve in this process's place, with its environment less the variables of these names (NAME* = all that begin so), and default signals. Returns only when it fails.",
  },
  watch_file: { params: ["str"], result: "num", doc: "(path): an inotify fd that is readable after each change of the file." },
  watch_oom_v1: {
    params: ["str"],
    result: "num",
    doc: "(directory of a v1 memory cgroup): an eventfd that is readable when the cgroup is out of memory, or gone.",
  },
  poll_event: {
    params: ["num", "num", "num"],
    result: "num",
    doc: "(fd or -1, pidfd, timeoutMs): 1 when the fd was readable (it is emptied), 2 when the process is gone, 0 when time is over.",
  },
  hold_signals: {
    params: [],
    result: "num",
    doc: "(): keep signals pending until foreground takes them: one that comes while the container is made is for its program.",
  },
  foreground: {
    params: ["num", "num", "num", "num"],
    result: "num",
    doc: "(pid, pidfd, terminal master fd or -1, reap orphans 0|1): wait for the program: forward every signal to it, relay the terminal in raw mode and its window size, reap re-parented children; exit code or 128 + signal.",
  },
} as const satisfies Record<string, SysRow>;

type Params<P extends readonly ParamKind[]> = { -readonly [I in keyof P]: P[I] extends "num" ? number : string };
type Result<R extends "num" | "text"> = R extends "num" ? number : string | number;

export type Sys = { readonly [N in keyof typeof SYS]: (...args: Params<(typeof SYS)[N]["params"]>) => Result<(typeof SYS)[N]["result"]> };
