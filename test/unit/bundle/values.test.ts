// What the specification lists as the valid values of a member: each is taken, and what is beside them is refused at its place.
// Whole configs that are refused are in spec-fixtures/bad.
import { expect, test } from "bun:test";
import { findProblems } from "../../../src/bundle/rules.ts";
import { findSchemaProblems } from "../../../src/bundle/schema.ts";
import type { Config } from "../../../src/spec/config.ts";
import { type Json, type JsonObject, merge, NAMESPACES, STANDARD } from "../../helpers/config.ts";
import { installUnitHost } from "../../helpers/unit-host.ts";

installUnitHost();

const OWN_USER: JsonObject = {
  linux: {
    namespaces: [...NAMESPACES, { type: "user" }],
    uidMappings: [{ containerID: 0, hostID: 1, size: 10 }],
    gidMappings: [{ containerID: 0, hostID: 1, size: 10 }],
  },
};

/** Pointers of the findings of the standard config with this patch. */
function findings(patch: JsonObject): string[] {
  const config = merge(STANDARD, patch) as unknown as Config;
  const schema = findSchemaProblems(config);
  return (schema.length > 0 ? schema : findProblems(config)).map(({ pointer }) => pointer);
}

function taken(...patches: JsonObject[]): void {
  for (const patch of patches) expect({ patch, findings: findings(patch) }).toEqual({ patch, findings: [] });
}

/** Each with the pointer of its finding. */
function refused(...cases: readonly (readonly [pointer: string, patch: JsonObject])[]): void {
  for (const [pointer, patch] of cases) expect({ patch, findings: findings(patch) }).toEqual({ patch, findings: expect.arrayContaining([pointer]) });
}

/** One member of a section. */
const inProcess = (name: string, value: Json): JsonObject => ({ process: { [name]: value } });
const inLinux = (name: string, value: Json | undefined): JsonObject => ({ linux: { [name]: value } });
const inResources = (name: string, value: Json): JsonObject => ({ linux: { resources: { [name]: value } } });

/** The object without one of its members, each in turn. */
function lacking(object: JsonObject, names: readonly string[] = Object.keys(object)): JsonObject[] {
  return names.map((name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name)));
}

test("1.06 versions of SemVer 2.0.0 with major 1 are taken, others refused", () => {
  for (const ociVersion of ["1.0.0", "1.0.2-dev", "1.3.0-rc.1+build.5", "1.99.0", "1.0.0-0a.-"]) taken({ ociVersion });
  for (const ociVersion of ["", "1", "1.0", "v1.0.0", "1.0.0 ", "1.0.0-", "1.0.0-01", "1.0.0+", "01.0.0", "1.0.0.0", "0.9.9", "2.0.0"])
    refused(["/ociVersion", { ociVersion }]);
});

test("4.03 4.04 of every kind of hook path must be absolute and timeout above 0", () => {
  for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]) {
    const at = `/hooks/${kind}/0`;
    const hook = (one: JsonObject): JsonObject => ({ hooks: { [kind]: [one] } });
    taken(hook({ path: "/bin/true" }), hook({ path: "/bin/true", args: ["true"], env: ["A=1"], timeout: 1 }));
    refused([at, hook({})], [`${at}/path`, hook({ path: "true" })], [`${at}/path`, hook({ path: "" })], [`${at}/path`, hook({ path: 5 })]);
    for (const timeout of [0, -1, "1", 0.5]) refused([`${at}/timeout`, hook({ path: "/bin/true", timeout })]);
  }
});

test("5.09 the values of rootfsPropagation", () => {
  for (const word of ["shared", "slave", "private", "unbindable"]) taken(inLinux("rootfsPropagation", word), inLinux("rootfsPropagation", `r${word}`));
  for (const word of ["public", "SHARED", "rr", 1]) refused(["/linux/rootfsPropagation", inLinux("rootfsPropagation", word)]);
});

test("6.08 uidMappings and gidMappings of a mount come together", () => {
  const mapping = [{ containerID: 0, hostID: 1, size: 1 }];
  const mount = (more: JsonObject): JsonObject => ({ mounts: [{ destination: "/x", source: "/y", options: ["bind", "idmap"], ...more }] });
  taken(mount({ uidMappings: mapping, gidMappings: mapping }));
  refused(["/mounts/0", mount({ uidMappings: mapping })], ["/mounts/0", mount({ gidMappings: mapping })]);
});

test("7.02 consoleSize with a terminal has both numbers, and is ignored without one", () => {
  const withSize = (consoleSize: JsonObject): JsonObject => ({ process: { terminal: true, consoleSize } });
  taken(withSize({ width: 80, height: 24 }), inProcess("consoleSize", { width: 80 }));
  refused(["/process/consoleSize", withSize({ width: 80 })], ["/process/consoleSize", withSize({ height: 24 })]);
});

test("7.06 every kind of rlimit, with both limits", () => {
  const kinds = "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK";
  for (const kind of kinds.split(" ")) taken(inProcess("rlimits", [{ type: `RLIMIT_${kind}`, soft: 0, hard: 18446744073709551615n }]));
  const limit: JsonObject = { type: "RLIMIT_CORE", soft: 1, hard: 1 };
  for (const partial of lacking(limit)) refused(["/process/rlimits/0", inProcess("rlimits", [partial])]);
  refused(
    ["/process/rlimits/0/type", inProcess("rlimits", [{ ...limit, type: "RLIMIT_OFILE" }])],
    ["/process/rlimits/1/type", inProcess("rlimits", [limit, limit])],
  );
});

test("7.10 policies, flags and numbers of the scheduler", () => {
  const scheduler = (one: JsonObject) => inProcess("scheduler", one);
  for (const policy of ["SCHED_OTHER", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE"]) taken(scheduler({ policy, nice: 19 }), scheduler({ policy, nice: -20 }));
  for (const policy of ["SCHED_FIFO", "SCHED_RR"]) taken(scheduler({ policy, priority: 1 }), scheduler({ policy, priority: 99 }));
  taken(scheduler({ policy: "SCHED_DEADLINE", runtime: 1, deadline: 18446744073709551615n, period: 3 }));
  for (const name of ["RESET_ON_FORK", "RECLAIM", "DL_OVERRUN", "KEEP_POLICY", "KEEP_PARAMS", "UTIL_CLAMP_MIN", "UTIL_CLAMP_MAX"])
    taken(scheduler({ policy: "SCHED_OTHER", flags: [`SCHED_FLAG_${name}`] }));
  refused(
    ["/process/scheduler", scheduler({})],
    ["/process/scheduler/policy", scheduler({ policy: "SCHED_NORMAL" })],
    ["/process/scheduler/flags/0", scheduler({ policy: "SCHED_OTHER", flags: ["SCHED_FLAG_NOSUCH"] })],
    ["/process/scheduler/nice", scheduler({ policy: "SCHED_OTHER", nice: 20 })],
    ["/process/scheduler", scheduler({ policy: "SCHED_RR", priority: 100 })],
    ["/process/scheduler/priority", scheduler({ policy: "SCHED_BATCH", priority: 1 })],
    ["/process/scheduler/deadline", scheduler({ policy: "SCHED_FIFO", priority: 1, deadline: 1 })],
  );
});

test("7.11 classes and priorities of ioPriority", () => {
  for (const name of ["RT", "BE", "IDLE"]) for (const priority of [0, 7]) taken(inProcess("ioPriority", { class: `IOPRIO_CLASS_${name}`, priority }));
  for (const partial of lacking({ class: "IOPRIO_CLASS_BE", priority: 1 })) refused(["/process/ioPriority", inProcess("ioPriority", partial)]);
  refused(["/process/ioPriority/class", inProcess("ioPriority", { class: "IOPRIO_CLASS_NONE", priority: 1 })]);
  for (const priority of [-1, 8]) refused(["/process/ioPriority/priority", inProcess("ioPriority", { class: "IOPRIO_CLASS_BE", priority })]);
});

test("7.12 lists of processors", () => {
  for (const list of ["", "0", "0-3,7", " 7, 0 - 3 ", "1,2,3"]) taken(inProcess("execCPUAffinity", { initial: list, final: list }));
  for (const list of ["-", "0-", ",", "1,,2", "a", "0-3-5"])
    for (const name of ["initial", "final"]) refused([`/process/execCPUAffinity/${name}`, inProcess("execCPUAffinity", { [name]: list })]);
});

test("7.14 uid and gid are required, and mapped", () => {
  for (const name of ["uid", "gid"]) {
    refused(["/process/user", { process: { user: { [name]: undefined } } }]);
    for (const id of [-1, 4294967296, 0.5, "0"]) refused([`/process/user/${name}`, { process: { user: { [name]: id } } }]);
    taken(merge(OWN_USER, { process: { user: { [name]: 9 } } }));
    refused([`/process/user/${name}`, merge(OWN_USER, { process: { user: { [name]: 10 } } })]);
  }
  refused(["/process/user/additionalGids/1", merge(OWN_USER, { process: { user: { additionalGids: [9, 10] } } })]);
});

test("8.01 8.02 8.05 namespaces: eight types, absolute paths, none twice", () => {
  for (const type of ["pid", "network", "mount", "ipc", "uts", "cgroup", "time"]) {
    const others = NAMESPACES.filter((one) => one["type"] !== type);
    taken(inLinux("namespaces", [...others, { type }]), inLinux("namespaces", [...others, { type, path: "/run/ns" }]));
    refused(
      [`/linux/namespaces/${others.length}/path`, inLinux("namespaces", [...others, { type, path: "run/ns" }])],
      [`/linux/namespaces/${others.length + 1}/type`, inLinux("namespaces", [...others, { type }, { type }])],
    );
  }
  taken(OWN_USER, inLinux("namespaces", [...NAMESPACES, { type: "user", path: "/run/ns" }]));
  refused(["/linux/namespaces/0/type", inLinux("namespaces", [{ type: "net" }])], ["/linux/namespaces/0", inLinux("namespaces", [{}])]);
});

test("8.06 mappings have three numbers of 32 bits", () => {
  const mapping: JsonObject = { containerID: 0, hostID: 1, size: 1 };
  for (const kind of ["uidMappings", "gidMappings"]) {
    const withMapping = (one: JsonObject) => merge(OWN_USER, inLinux(kind, [{ containerID: 0, hostID: 1, size: 10 }, one]));
    taken(withMapping({ containerID: 4294967294, hostID: 4294967294, size: 1 }));
    for (const partial of lacking(mapping)) refused([`/linux/${kind}/1`, withMapping(partial)]);
    for (const name of Object.keys(mapping))
      for (const value of [-1, 4294967296, "1"]) refused([`/linux/${kind}/1/${name}`, withMapping({ ...mapping, [name]: value })]);
  }
});

test("8.07 time offsets: two clocks, 64 bits of seconds, 32 of nanoseconds", () => {
  const withOffsets = (timeOffsets: JsonObject): JsonObject => ({ linux: { namespaces: [...NAMESPACES, { type: "time" }], timeOffsets } });
  taken(
    withOffsets({ monotonic: { secs: 1, nanosecs: 999_999_999 }, boottime: { secs: -1 } }),
    withOffsets({ monotonic: { secs: 9223372036854775807n }, boottime: { secs: -9223372036854775808n } }),
  );
  refused(
    ["/linux/timeOffsets/realtime", withOffsets({ realtime: { secs: 1 } })],
    ["/linux/timeOffsets/monotonic/secs", withOffsets({ monotonic: { secs: 9223372036854775808n } })],
    ["/linux/timeOffsets/monotonic/nanosecs", withOffsets({ monotonic: { nanosecs: -1 } })],
    ["/linux/timeOffsets/boottime/nanosecs", withOffsets({ boottime: { nanosecs: 1_000_000_000 } })],
    ["/linux/timeOffsets", inLinux("timeOffsets", { monotonic: { secs: 1 } })],
  );
});

test("8.11 devices: four types, a full path, numbers but for p", () => {
  const device: JsonObject = { type: "c", path: "/anywhere/x", major: 1, minor: 3 };
  for (const type of ["c", "b", "u", "p"]) taken(inLinux("devices", [{ ...device, type }]));
  taken(inLinux("devices", [{ type: "p", path: "/x" }]));
  for (const partial of lacking(device)) refused(["/linux/devices/0", inLinux("devices", [partial])]);
  refused(
    ["/linux/devices/0/type", inLinux("devices", [{ ...device, type: "a" }])],
    ["/linux/devices/0/path", inLinux("devices", [{ ...device, path: "dev/x" }])],
  );
});

test("8.35 device rules: allow is required, access of r, w and m", () => {
  for (const type of ["a", "b", "c"]) taken(inResources("devices", [{ allow: true, type, major: 1, minor: -1, access: "mrw" }]));
  taken(inResources("devices", [{ allow: false }]));
  const at = "/linux/resources/devices/0";
  refused(
    [at, inResources("devices", [{ access: "rwm" }])],
    [`${at}/access`, inResources("devices", [{ allow: true, access: "rx" }])],
    [`${at}/type`, inResources("devices", [{ allow: true, type: "p" }])],
  );
});

test("8.36 memory: -1 is no limit, swappiness from 0 to 100", () => {
  for (const name of ["limit", "reservation", "swap", "kernel", "kernelTCP"]) {
    taken(inResources("memory", { [name]: -1 }), inResources("memory", { [name]: 9223372036854775807n }));
    refused([`/linux/resources/memory/${name}`, inResources("memory", { [name]: -2 })]);
    refused([`/linux/resources/memory/${name}`, inResources("memory", { [name]: "1" })]);
  }
  for (const swappiness of [0, 100]) taken(inResources("memory", { swappiness }));
  for (const swappiness of [-1, 101]) refused(["/linux/resources/memory/swappiness", inResources("memory", { swappiness })]);
});

test("8.37 cpu: burst within the quota, idle 0 or 1", () => {
  taken(inResources("cpu", { quota: 100, burst: 100 }), inResources("cpu", { quota: -1, burst: 5 }), inResources("cpu", { idle: 0 }));
  taken(inResources("cpu", { idle: 1, shares: 2, period: 1000, realtimeRuntime: -1, realtimePeriod: 1, cpus: "0-3,7", mems: "0" }));
  refused(
    ["/linux/resources/cpu/burst", inResources("cpu", { quota: 100, burst: 101 })],
    ["/linux/resources/cpu/idle", inResources("cpu", { idle: 2 })],
    ["/linux/resources/cpu/shares", inResources("cpu", { shares: -1 })],
  );
});

test("8.38 blockIO: numbers and rate are required, a weightDevice has one of two weights", () => {
  const at = "/linux/resources/blockIO";
  for (const name of ["throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"]) {
    const throttle: JsonObject = { major: 8, minor: 0, rate: 18446744073709551615n };
    taken(inResources("blockIO", { [name]: [throttle] }));
    for (const partial of lacking(throttle)) refused([`${at}/${name}/0`, inResources("blockIO", { [name]: [partial] })]);
  }
  const device: JsonObject = { major: 8, minor: 0 };
  taken(inResources("blockIO", { weight: 10, leafWeight: 1000 }));
  taken(
    inResources("blockIO", {
      weightDevice: [
        { ...device, weight: 10 },
        { ...device, leafWeight: 10 },
      ],
    }),
  );
  refused([`${at}/weightDevice/0`, inResources("blockIO", { weightDevice: [device] })]);
  for (const partial of lacking({ ...device, weight: 10 }, ["major", "minor"]))
    refused([`${at}/weightDevice/0`, inResources("blockIO", { weightDevice: [partial] })]);
});

test("8.39 page sizes of hugepageLimits", () => {
  const limits = (pageSize: Json) => inResources("hugepageLimits", [{ pageSize, limit: 0 }]);
  for (const size of ["64KB", "2MB", "1GB"]) taken(limits(size));
  for (const size of ["2M", "2mb", "0MB", "02MB", "MB", "2 MB", "2TB", 2]) refused(["/linux/resources/hugepageLimits/0/pageSize", limits(size)]);
  for (const partial of lacking({ pageSize: "2MB", limit: 1 })) refused(["/linux/resources/hugepageLimits/0", inResources("hugepageLimits", [partial])]);
});

test("8.40 8.42 network priorities have name and priority, rdma entries one of two limits", () => {
  const priority: JsonObject = { name: "lo", priority: 1 };
  taken(inResources("network", { classID: 4294967295, priorities: [priority] }));
  for (const partial of lacking(priority)) refused(["/linux/resources/network/priorities/0", inResources("network", { priorities: [partial] })]);
  taken(inResources("rdma", { a: { hcaHandles: 1 }, b: { hcaObjects: 1 }, c: { hcaHandles: 4294967295, hcaObjects: 0 } }));
  refused(["/linux/resources/rdma/a~1b", inResources("rdma", { "a/b": {} })]);
});

test("8.53 the forms of the schemas of intelRdt", () => {
  taken(inLinux("intelRdt", { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=50;1=70", schemata: ["L2:0=1", "L3:1=3"] }));
  refused(
    ["/linux/intelRdt/memBwSchema", inLinux("intelRdt", { memBwSchema: "L3:0=f" })],
    ["/linux/intelRdt/memBwSchema", inLinux("intelRdt", { memBwSchema: "MB:0=50\nL3:0=1" })],
    ["/linux/intelRdt/l3CacheSchema", inLinux("intelRdt", { l3CacheSchema: "L3:0=f\nMB:0=1" })],
    ["/linux/intelRdt/schemata/1", inLinux("intelRdt", { schemata: ["L3:0=f", "MB:0=1\n"] })],
  );
});

test("8.60 modes, nodes and flags of memoryPolicy", () => {
  const policy = (one: JsonObject) => inLinux("memoryPolicy", one);
  for (const mode of ["BIND", "INTERLEAVE", "WEIGHTED_INTERLEAVE", "PREFERRED_MANY"]) {
    taken(policy({ mode: `MPOL_${mode}`, nodes: "0-1,3" }));
    refused(["/linux/memoryPolicy", policy({ mode: `MPOL_${mode}` })]);
  }
  taken(policy({ mode: "MPOL_PREFERRED" }), policy({ mode: "MPOL_PREFERRED", nodes: "0" }));
  for (const mode of ["MPOL_DEFAULT", "MPOL_LOCAL"]) {
    taken(policy({ mode }));
    refused(["/linux/memoryPolicy/nodes", policy({ mode, nodes: "0" })]);
  }
  for (const flag of ["NUMA_BALANCING", "RELATIVE_NODES", "STATIC_NODES"]) taken(policy({ mode: "MPOL_BIND", nodes: "0", flags: [`MPOL_F_${flag}`] }));
  refused(
    ["/linux/memoryPolicy", policy({})],
    ["/linux/memoryPolicy/mode", policy({ mode: "BIND", nodes: "0" })],
    ["/linux/memoryPolicy/nodes", policy({ mode: "MPOL_BIND", nodes: "zero" })],
    ["/linux/memoryPolicy/flags/0", policy({ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NOSUCH"] })],
  );
});

test("8.62 two domains, and no flag at all", () => {
  taken(inLinux("personality", { domain: "LINUX" }), inLinux("personality", { domain: "LINUX32", flags: [] }));
  refused(
    ["/linux/personality", inLinux("personality", {})],
    ["/linux/personality/domain", inLinux("personality", { domain: "PER_LINUX" })],
    ["/linux/personality/flags", inLinux("personality", { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] })],
  );
});

test("8.63 masked and read-only paths are absolute", () => {
  for (const name of ["maskedPaths", "readonlyPaths"]) {
    taken(inLinux(name, ["/proc/kcore"]));
    refused([`/linux/${name}/1`, inLinux(name, ["/a", "b"])]);
  }
});

const ARCHITECTURES =
  "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64";

test("8.70 8.72 words of seccomp: actions, operators, architectures, flags, and what is required", () => {
  const withSeccomp = (one: JsonObject) => inLinux("seccomp", { defaultAction: "SCMP_ACT_ALLOW", ...one });
  const withRule = (rule: JsonObject) => withSeccomp({ listenerPath: "/agent.sock", syscalls: [rule] });
  for (const word of "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY".split(" "))
    taken(withRule({ names: ["mkdir"], action: `SCMP_ACT_${word}` }));
  for (const word of "NE LT LE EQ GE GT MASKED_EQ".split(" "))
    taken(withRule({ names: ["mkdir"], action: "SCMP_ACT_ERRNO", args: [{ index: 5, value: 18446744073709551615n, valueTwo: 1, op: `SCMP_CMP_${word}` }] }));
  expect(ARCHITECTURES.split(" ").length).toBe(23);
  taken(withSeccomp({ architectures: ARCHITECTURES.split(" ").map((name) => `SCMP_ARCH_${name}`) }));
  for (const word of "TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV".split(" ")) taken(withSeccomp({ flags: [`SECCOMP_FILTER_FLAG_${word}`] }));

  const at = "/linux/seccomp";
  const rule: JsonObject = { names: ["mkdir"], action: "SCMP_ACT_ERRNO" };
  const argument: JsonObject = { index: 0, value: 1, op: "SCMP_CMP_EQ" };
  refused(
    [at, inLinux("seccomp", {})],
    [`${at}/defaultAction`, withSeccomp({ defaultAction: "ALLOW" })],
    [`${at}/architectures/0`, withSeccomp({ architectures: ["SCMP_ARCH_VAX"] })],
    [`${at}/flags/0`, withSeccomp({ flags: ["SECCOMP_FILTER_FLAG_NEW_LISTENER"] })],
    [`${at}/syscalls/0/names`, withRule({ ...rule, names: [] })],
    [`${at}/syscalls/0/action`, withRule({ ...rule, action: "SCMP_ACT_NOSUCH" })],
    [`${at}/syscalls/0/args/0/op`, withRule({ ...rule, args: [{ ...argument, op: "EQ" }] })],
    [`${at}/syscalls/0/args/0/index`, withRule({ ...rule, args: [{ ...argument, index: 6 }] })],
  );
  for (const partial of lacking(rule)) refused([`${at}/syscalls/0`, withRule(partial)]);
  for (const partial of lacking(argument)) refused([`${at}/syscalls/0/args/0`, withRule({ ...rule, args: [partial] })]);
});

test("8.71 an errno goes with ERRNO and TRACE only, in a rule and by default", () => {
  for (const word of "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY".split(" ")) {
    const action = `SCMP_ACT_${word}`;
    const byRule = inLinux("seccomp", {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: "/agent.sock",
      syscalls: [{ names: ["mkdir"], action, errnoRet: 5 }],
    });
    const byDefault = inLinux("seccomp", { defaultAction: action, defaultErrnoRet: 5 });
    if (word === "ERRNO" || word === "TRACE") taken(byRule, byDefault);
    else refused(["/linux/seccomp/syscalls/0/errnoRet", byRule], ["/linux/seccomp/defaultErrnoRet", byDefault]);
  }
});

test("8.74 listenerMetadata needs listenerPath", () => {
  const withMetadata = (more: JsonObject) => inLinux("seccomp", { defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x", ...more });
  taken(withMetadata({ listenerPath: "/agent.sock" }));
  refused(["/linux/seccomp/listenerMetadata", withMetadata({})]);
});

test("10.01 annotations are strings by names that are not empty", () => {
  taken({ annotations: {} }, { annotations: { "a.b": "", "ü/~": "x" } });
  refused(["/annotations", { annotations: { "": "x" } }], ["/annotations/a", { annotations: { a: 1 } }], ["/annotations", { annotations: [] }]);
});
