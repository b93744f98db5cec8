// The standard config.json of the container tests, and the merge that bundle() uses to change it.

/** Any JSON value. A bigint is written as an exact integer; undefined in an object removes the key. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

export const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"];

/** The mounts of `runc spec`; tests append theirs. */
export const MOUNTS: readonly JsonObject[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
  { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
  { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
];

export const NAMESPACES: readonly JsonObject[] = [{ type: "pid" }, { type: "network" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }];

export const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/sched_debug",
  "/sys/firmware",
  "/proc/scsi",
];
export const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** What a bundle holds when a test asks for nothing special. The cgroup path is filled in by the builder. */
export const STANDARD: JsonObject = {
  ociVersion: "1.0.2",
  process: {
    user: { uid: 0, gid: 0 },
    args: ["/probe", "echo:hello"],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
    cwd: "/",
    capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
    rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  },
  root: { path: "rootfs" },
  hostname: "box",
  mounts: MOUNTS,
  linux: {
    resources: { devices: [{ allow: false, access: "rwm" }] },
    namespaces: NAMESPACES,
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
  },
};

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Objects are merged, everything else (arrays too) is replaced, undefined removes. */
export function merge(base: JsonObject, patch: JsonObject): JsonObject {
  const result: Record<string, Json | undefined> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const old = result[key];
    if (value === undefined) delete result[key];
    else result[key] = isObject(value) && isObject(old) ? merge(old, value) : value;
  }
  return result;
}

/** JSON text with exact big integers. */
export function stringify(value: Json): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields: string[] = [];
  for (const [key, one] of Object.entries(value)) if (one !== undefined) fields.push(`${JSON.stringify(key)}:${stringify(one)}`);
  return `{${fields.join(",\n")}}`;
}
