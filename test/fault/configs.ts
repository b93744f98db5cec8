// Containers that together have every op of a plan: for each op a fault is tried in one of them.
/// <reference types="bun" />
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { type Bundle, bundle } from "../helpers/bundle.ts";
import { type JsonObject, MASKED_PATHS, MOUNTS, NAMESPACES, READONLY_PATHS } from "../helpers/config.ts";

export const CGROUP_MOUNT: JsonObject = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "ro"] };
const ALL = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_NET_BIND_SERVICE"];

const hook = (script = "cat > /dev/null"): JsonObject => ({ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"] });
const HOOK_KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
export const HOOKS: JsonObject = Object.fromEntries(HOOK_KINDS.map((kind) => [kind, [hook()]]));

export const SECCOMP: JsonObject = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 5 }],
};

/** Without HOME: init looks for it. */
const ENV = ["PATH=/bin:/usr/bin"];

/** A user with everything that a process can have. */
export const RICH_PROCESS: JsonObject = {
  args: ["true"],
  env: ENV,
  cwd: "/work/here",
  user: { uid: 1000, gid: 1000, additionalGids: [7], umask: 18 },
  capabilities: { bounding: ALL, effective: ALL, permitted: ALL, inheritable: ALL, ambient: ["CAP_KILL"] },
  noNewPrivileges: false,
  rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }],
  scheduler: { policy: "SCHED_BATCH", nice: 1 },
  ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
  apparmorProfile: "unconfined",
  oomScoreAdj: 500,
};

/** Every section of config.json that a container in new namespaces can have. */
export function everything(): Bundle {
  const b = bundle();
  mkdirSync(`${b.directory}/source/below`, { recursive: true });
  writeFileSync(`${b.directory}/file`, "");
  b.file("etc/config");
  b.dir("tmp", 0o1777);
  b.file("var/kept", "x");
  return b.rewrite({
    hostname: "box",
    domainname: "example",
    root: { path: "rootfs", readonly: true },
    process: RICH_PROCESS,
    hooks: HOOKS,
    mounts: [
      ...MOUNTS,
      { ...CGROUP_MOUNT },
      { destination: "/made/for/it", type: "bind", source: "source", options: ["rbind", "nosuid", "rro", "rslave"] },
      { destination: "/made/file", type: "bind", source: "file", options: ["bind", "ro"] },
      { destination: "/var", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "ro"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs" },
      { destination: "/tmp", type: "", options: ["remount", "nosuid", "size=1m"] },
      { destination: "/tmp", type: "none", options: ["rprivate"] },
    ],
    linux: {
      namespaces: [...NAMESPACES, { type: "cgroup" }],
      rootfsPropagation: "slave",
      devices: [
        { type: "c", path: "/dev/full2", major: 1, minor: 7, fileMode: 438, uid: 0, gid: 0 },
        { type: "p", path: "/dev/fifo", fileMode: 384 },
      ],
      resources: { devices: [{ allow: false, access: "rwm" }], memory: { limit: 268435456 }, pids: { limit: 100 }, cpu: { shares: 512, cpus: "0" } },
      sysctl: { "net.ipv4.ip_unprivileged_port_start": "80", "kernel.shmmni": "100" },
      seccomp: SECCOMP,
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      personality: { domain: "LINUX" },
      memoryPolicy: { mode: "MPOL_LOCAL" },
    },
  });
}

const TO_100000 = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** New user and time namespaces: init makes them itself, and forks. */
export function userAndTime(): Bundle {
  const b = bundle();
  mkdirSync(`${b.directory}/source`);
  chownSync(b.rootfs, 100000, 100000);
  chmodSync(b.directory, 0o755);
  return b.rewrite({
    process: { args: ["/probe", "echo:x"], noNewPrivileges: true, oomScoreAdj: 500 },
    mounts: [
      ...MOUNTS,
      { destination: "/mapped", type: "bind", source: "source", options: ["bind"], uidMappings: TO_100000, gidMappings: TO_100000 },
      { destination: "/own", type: "bind", source: "source", options: ["bind", "idmap"] },
    ],
    linux: {
      namespaces: [...NAMESPACES, { type: "user" }, { type: "time" }, { type: "cgroup" }],
      uidMappings: TO_100000,
      gidMappings: TO_100000,
      timeOffsets: { monotonic: { secs: 10, nanosecs: 1 }, boottime: { secs: 20 } },
    },
  });
}

/** The pid and network namespaces of another process. */
export function joined(pid: number): Bundle {
  const path = (name: string) => `/proc/${pid}/ns/${name}`;
  return bundle({
    process: { args: ["/probe", "echo:x"] },
    linux: { namespaces: [{ type: "pid", path: path("pid") }, { type: "network", path: path("net") }, { type: "ipc" }, { type: "uts" }, { type: "mount" }] },
  });
}

/** Without a mount namespace: its mounts are in the runtime's. */
export function hostMounts(): Bundle {
  return bundle({
    process: { args: ["/probe", "echo:x"] },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/mnt", type: "tmpfs", source: "tmpfs" },
    ],
    linux: { namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "uts" }], maskedPaths: undefined, readonlyPaths: undefined },
  });
}

/** No namespaces of its own but one for mounts: its processes do not die with the first one. */
export function hostProcesses(): Bundle {
  return bundle({ process: { args: ["/probe", "echo:x"] }, hostname: undefined, linux: { namespaces: [{ type: "mount" }] }, hooks: HOOKS });
}

export function terminal(): Bundle {
  return bundle({ process: { args: ["/probe", "echo:x"], terminal: true, consoleSize: { width: 80, height: 24 }, user: { uid: 1000, gid: 1000 } } });
}

/** A filter whose notifications go to an agent. */
export function notifying(listenerPath: string): Bundle {
  return bundle({
    process: { args: ["/probe", "echo:x"] },
    linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", listenerPath, listenerMetadata: "m", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }] } },
  });
}

/** Network devices of the runtime's namespace (fault/network.ts). */
export function movingDevices(): Bundle {
  return bundle({ process: { args: ["/probe", "echo:x"] }, linux: { netDevices: { v0: { name: "eth0" }, v2: {} } } });
}
