// Data of an error -> words: errno names, what each step does, and hints where errno misleads.
import type { OpName } from "../plan/op-table.ts";

/** errno -> its name and its plain words, as strerror(3) has them on Linux. */
const ERRNO: Readonly<Record<number, readonly [string, string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory"],
  3: ["ESRCH", "no such process"],
  4: ["EINTR", "interrupted system call"],
  5: ["EIO", "input/output error"],
  6: ["ENXIO", "no such device or address"],
  7: ["E2BIG", "argument list too long"],
  8: ["ENOEXEC", "exec format error"],
  9: ["EBADF", "bad file descriptor"],
  10: ["ECHILD", "no child processes"],
  11: ["EAGAIN", "resource temporarily unavailable"],
  12: ["ENOMEM", "cannot allocate memory"],
  13: ["EACCES", "permission denied"],
  14: ["EFAULT", "bad address"],
  15: ["ENOTBLK", "block device required"],
  16: ["EBUSY", "device or resource busy"],
  17: ["EEXIST", "file exists"],
  18: ["EXDEV", "invalid cross-device link"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "is a directory"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files in system"],
  24: ["EMFILE", "too many open files"],
  25: ["ENOTTY", "inappropriate ioctl for device"],
  26: ["ETXTBSY", "text file busy"],
  27: ["EFBIG", "file too large"],
  28: ["ENOSPC", "no space left on device"],
  30: ["EROFS", "read-only file system"],
  32: ["EPIPE", "broken pipe"],
  34: ["ERANGE", "numerical result out of range"],
  36: ["ENAMETOOLONG", "file name too long"],
  38: ["ENOSYS", "function not implemented"],
  39: ["ENOTEMPTY", "directory not empty"],
  40: ["ELOOP", "too many levels of symbolic links"],
  61: ["ENODATA", "no data available"],
  71: ["EPROTO", "protocol error"],
  75: ["EOVERFLOW", "value too large for defined data type"],
  84: ["EILSEQ", "invalid multibyte character"],
  87: ["EUSERS", "too many users"],
  90: ["EMSGSIZE", "message too long"],
  95: ["EOPNOTSUPP", "operation not supported"],
  97: ["EAFNOSUPPORT", "address family not supported"],
  98: ["EADDRINUSE", "address already in use"],
  104: ["ECONNRESET", "connection reset by peer"],
  107: ["ENOTCONN", "socket is not connected"],
  110: ["ETIMEDOUT", "timed out"],
  111: ["ECONNREFUSED", "connection refused"],
  116: ["ESTALE", "stale file handle"],
  122: ["EDQUOT", "disk quota exceeded"],
  126: ["ENOKEY", "required key not available"],
};

/** What a step does, to follow "cannot". No op is without words. */
const ACTIONS: { readonly [op in OpName]: string } = {
  "ns.join": "join the namespace",
  "ns.unshare": "make the new namespaces",
  "time.offsets": "set the clock offsets of the time namespace",
  "init.fork": "start the container process in its namespaces",
  "cred.undumpable": "hide the container's init from debuggers",
  "sync.ask": "wait for the runtime",
  "sync.wait": "wait for the runtime",
  "sync.ready": "tell the runtime that the program comes next",
  "signal.reset": "reset the signals",
  "session.new": "start a new session",
  "user.become_root": "become root of the user namespace",
  "keyring.new": "make the session keyring",
  "cgroup.join": "enter the container's cgroup",
  "personality.set": "set the personality",
  "scheduler.set": "set the scheduler",
  "ioprio.set": "set the I/O priority",
  "mempolicy.set": "set the memory policy",
  "affinity.set": "set the processors",
  "ns.enter": "enter the container's namespaces",
  "root.enter": "enter the container's root filesystem",
  "mountns.propagation": "cut the mount namespace off the host",
  "root.bind": "bind the root filesystem",
  "root.follow": "bind the root filesystem",
  "root.open": "open the root filesystem",
  "mount.fs": "mount a filesystem at",
  "mount.bind": "bind-mount at",
  "mount.remount": "remount",
  "mount.propagation": "set the mount propagation of",
  "device.node": "make the device",
  "device.bind": "bind the device",
  "path.symlink": "make the symbolic link",
  "path.mask": "mask the path",
  "path.readonly": "make the path read-only",
  "root.readonly": "make the root filesystem read-only",
  "root.pivot": "pivot into the root filesystem",
  "root.move": "move the root filesystem",
  "root.chroot": "chroot into the root filesystem",
  "root.propagation": "set the propagation of the root filesystem",
  "null.open": "open the null device",
  "host.name": "set the hostname",
  "host.domain": "set the domainname",
  "net.loopback": "set the loopback interface up",
  "sysctl.write": "set the sysctl",
  "terminal.open": "open the terminal",
  "hook.run": "run the hook",
  "rlimit.set": "set the resource limit",
  "cwd.make": "make the working directory",
  "cwd.enter": "enter the working directory",
  "cred.bounding": "drop capabilities from the bounding set",
  "cred.ids": "set user and groups",
  "cred.caps": "set the capabilities",
  "cred.ambient": "raise the ambient capabilities",
  "cred.no_new_privs": "set no_new_privs",
  "umask.set": "set the umask",
  "env.home": "look for the home directory of the user",
  "stdio.own": "give the standard streams to the user",
  "start.wait": "wait for start",
  "fds.close": "close file descriptors",
  "seccomp.receive": "take the seccomp filter over",
  "seccomp.load": "load the seccomp filter",
  "apparmor.exec": "set the AppArmor profile",
  "selinux.label": "set the SELinux label",
  "exec.lookup": "find the program",
  "exec.run": "execute the program",
};

const PROC_HINT = "another filesystem is mounted over /proc, or over a part of it";

/** step:errno (or step:syscall:errno) -> the way out. */
const STEP_HINTS: Readonly<Record<string, string>> = {
  "mount.fs:ENODEV": 'the kernel knows no filesystem of this type; for a bind mount add "bind" or "rbind" to its options',
  "mount.fs:EPERM": "in a user namespace only some filesystems can be mounted; sysfs needs a network namespace of its own, proc a pid namespace",
  "mount.fs:EINVAL": "one of the options may be unknown to this filesystem; the kernel log (dmesg) may say which",
  "mount.fs:mount:ENAMETOOLONG": "mount(2) takes less than 4096 bytes of options, and one of these is too long for fsconfig(2)",
  "mount.fs:ELOOP": "the destination is a symbolic link in the image; proc and sysfs need a true directory",
  "mount.fs:ENOTDIR": "the destination is not a directory in the image",
  "mount.bind:ENOENT": "the source is not there on the host, or the destination cannot be made",
  "mount.bind:ENOTDIR": "source and destination must both be directories, or both be files",
  "mount.bind:EINVAL": "propagation or attributes may not fit this mount; an unbindable source cannot be bound",
  "mount.remount:EINVAL": "the destination is no mount point, or the options do not fit its filesystem",
  "apparmor.exec:ENOENT": "the profile is not loaded: see apparmor_parser(8) and /sys/kernel/security/apparmor/profiles",
  "apparmor.exec:EXDEV": PROC_HINT,
  "sysctl.write:EXDEV": PROC_HINT,
  "time.offsets:EXDEV": PROC_HINT,
  "selinux.label:EXDEV": PROC_HINT,
  "selinux.label:EINVAL": "the loaded policy does not know this label: see seinfo(1)",
  "selinux.label:EACCES": "the policy does not let the runtime set this label: see ausearch(8) -m avc, or dmesg",
  "ns.join:EINVAL": "the path is a namespace of another type, or cannot be joined from here",
  "ns.join:ENOENT": "is the process that owns the namespace gone?",
  "init.fork:ENOSPC": "a limit of namespaces is reached: see /proc/sys/user/max_*_namespaces",
  "keyring.new:EDQUOT": "the user's key quota is used up (/proc/sys/kernel/keys/maxkeys); --no-new-keyring does without",
  "keyring.new:ENOMEM": "the user's key quota may be used up (/proc/sys/kernel/keys/maxkeys)",
  "device.node:EPERM": "device nodes cannot be made here: in a user namespace they are bound from the host instead",
  "device.node:EEXIST": "the image has another file at this path",
  "rlimit.set:EPERM": "a hard limit cannot be raised without CAP_SYS_RESOURCE",
  "cwd.enter:ENOENT": "the working directory is not inside of the container's root",
  "cwd.make:ENOTDIR": "a part of the working directory's path is a file in the image",
  "exec.run:ENOEXEC": "not a program for this machine: wrong architecture, or a script without #!",
  "exec.run:EACCES": "the #! line may name what cannot be executed, or a security policy forbids the step: see ausearch(8) -m avc, or dmesg",
  "exec.run:ENOENT": "the program's interpreter (its #! line, or its dynamic loader) is missing in the image",
  "terminal.open:ENOENT": "a terminal needs a devpts mount at /dev/pts with the option newinstance and ptmxmode=0666",
  "root.pivot:EINVAL": "the root filesystem may be on the initial RAM disk: use --no-pivot",
  "cred.ids:EINVAL": "an id is not mapped in the user namespace",
  "cred.ids:setgroups:EPERM": "the user namespace forbids setgroups(2), so that no additionalGids can be had: see user_namespaces(7)",
  "user.become_root:EINVAL": "id 0 is not mapped in the user namespace",
  "scheduler.set:EPERM":
    "a real-time policy needs CAP_SYS_NICE on the host, in a v1 cgroup a budget (linux.resources.cpu.realtimeRuntime), and SCHED_DEADLINE all processors",
  "scheduler.set:EINVAL": "this kernel may not have the policy, or its numbers do not go together: runtime <= deadline <= period (sched(7))",
  "scheduler.set:EBUSY": "the deadlines of this machine take all the time that it gives to them: see /proc/sys/kernel/sched_rt_runtime_us",
};

const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  "clone3:EPERM": "user namespaces may be switched off for unprivileged users on this machine",
  "clone3:ENOSPC": "a limit of namespaces is reached: see /proc/sys/user/max_*_namespaces",
  "clone3:EINVAL": "the kernel lacks one of the namespaces that were asked for",
  "clone3:EBUSY": "the cgroup cannot take processes: it has controllers enabled for its children (see cgroup.subtree_control)",
};

export function errnoName(errno: number): string {
  return ERRNO[errno]?.[0] ?? `errno ${errno}`;
}

/** What failed and how, to follow a colon. */
export function cause(syscall: string, errno: number): string {
  const known = ERRNO[errno];
  return `${syscall === "" || syscall === "none" ? "" : `${syscall}: `}${known === undefined ? `errno ${errno}` : `${known[0]} (${known[1]})`}`;
}

export function stepMessage(op: string, object: string, syscall: string, errno: number, fixed: string): string {
  if (fixed !== "") return fixed;
  return `cannot ${(ACTIONS as Readonly<Record<string, string>>)[op] ?? op}${object === "" ? "" : ` "${object}"`}: ${cause(syscall, errno)}`;
}

export function stepHint(op: string, syscall: string, errno: number): string | undefined {
  return STEP_HINTS[`${op}:${syscall}:${errnoName(errno)}`] ?? STEP_HINTS[`${op}:${errnoName(errno)}`];
}

export function systemMessage(action: string, object: string, syscall: string, errno: number): string {
  return `cannot ${action}${object === "" ? "" : ` "${object}"`}: ${cause(syscall, errno)}`;
}

export function systemHint(syscall: string, errno: number, _object: string): string | undefined {
  return SYSTEM_HINTS[`${syscall}:${errnoName(errno)}`];
}
