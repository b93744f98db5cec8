// linux.resources -> writes to cgroup files and properties of a unit, by the version of cgroups. What the kernel makes of them: test/container.
import { expect, test } from "bun:test";
import { compileLimits } from "../../../src/cgroup/limits.ts";
import { blkioToIoWeight, sharesToWeight } from "../../../src/cgroup/limits-v2.ts";
import { annotationProperties, resourceProperties } from "../../../src/cgroup/systemd-properties.ts";
import type { Resources } from "../../../src/spec/config.ts";

const writes = (resources: Resources, version: "v1" | "v2") => compileLimits(resources, version).writes.map(({ file, value }) => `${file} ${value}`);
const refusal = (resources: Resources, version: "v1" | "v2") => {
  try {
    compileLimits(resources, version);
    return "";
  } catch (error) {
    return String((error as Error).message);
  }
};

test("8.44 cpu.shares become cpu.weight by the formula that keeps both ends and the default (runc#4772)", () => {
  expect([0, 2, 3, 512, 1024, 2048, 10000, 262143, 262144].map(sharesToWeight)).toEqual([1, 1, 2, 59, 100, 174, 627, 10000, 10000]);
});

test("8.44 blkio weights become io.weight in a straight line", () => {
  expect([10, 500, 1000].map(blkioToIoWeight)).toEqual([1, 4950, 10000]);
});

test("8.36 8.44 swap counts memory on v1, and itself alone on v2", () => {
  const swapOf = (memory: NonNullable<Resources["memory"]>) => writes({ memory }, "v2").find((line) => line.startsWith("memory.swap.max"));
  expect(writes({ memory: { limit: 100, swap: 300 } }, "v1")).toEqual(["memory.limit_in_bytes 100", "memory.memsw.limit_in_bytes 300"]);
  expect(swapOf({ limit: 100, swap: 300 })).toBe("memory.swap.max 200");
  expect(swapOf({ limit: 100, swap: 100 })).toBe("memory.swap.max 0");
  expect(swapOf({ limit: 100, swap: -1 })).toBe("memory.swap.max max");
  expect(swapOf({ limit: -1, swap: 300 })).toBe("memory.swap.max 300");
  expect(swapOf({ limit: -1 })).toBe("memory.swap.max max");
  expect(swapOf({ limit: 100 })).toBeUndefined();
  expect(swapOf({ limit: 0xffffffffffffffn, swap: 0x1ffffffffffffffn })).toBe(`memory.swap.max ${0x100000000000000n}`);
  expect(refusal({ memory: { swap: 300 } }, "v2")).toContain("swap needs memory.limit");
  expect(refusal({ memory: { limit: 300, swap: 100 } }, "v2")).toContain("less than memory.limit");
});

test("8.42 rdma: what is not given is not written, and 0 is a limit", () => {
  expect(writes({ rdma: { mlx5_0: { hcaHandles: 3 }, mlx5_1: { hcaHandles: 0, hcaObjects: 10 } } }, "v2")).toEqual([
    "rdma.max mlx5_0 hca_handle=3",
    "rdma.max mlx5_1 hca_handle=0 hca_object=10",
  ]);
});

test("8.43 unified: a line is a write, and a key is the name of a file in the cgroup itself", () => {
  expect(writes({ unified: { "io.max": "8:0 rbps=1\n8:16 rbps=2\n", "misc.nosuch": "1" } }, "v2")).toEqual([
    "io.max 8:0 rbps=1",
    "io.max 8:16 rbps=2",
    "misc.nosuch 1",
  ]);
  for (const key of ["..", "../x.y", "a/b.c", "/sys/fs/cgroup/x", ".x", "x", "a.b\0"])
    expect(refusal({ unified: { [key]: "1" } }, "v2")).toContain("no cgroup file name");
});

const properties = (resources: Resources, version: "v1" | "v2" = "v2") =>
  resourceProperties(compileLimits(resources, version).writes).map((words) => words.join(" "));

test("systemd's properties are those of the files", () => {
  expect(properties({ memory: { limit: 100, reservation: 50, swap: -1 }, pids: { limit: -1 } })).toEqual([
    "MemorySwapMax t 18446744073709551615",
    "MemoryMax t 100",
    "MemoryLow t 50",
    "TasksMax t 18446744073709551615",
  ]);
  expect(properties({ cpu: { cpus: "0-2,9", quota: 12345, period: 100000 } })).toEqual([
    "AllowedCPUs ay 2 7 2",
    "CPUQuotaPeriodUSec t 100000",
    "CPUQuotaPerSecUSec t 130000",
  ]);
  expect(properties({ cpu: { quota: -1 } })).toEqual(["CPUQuotaPerSecUSec t 18446744073709551615"]);
  expect(properties({ cpu: { shares: 1024, idle: 1 } })).toEqual(["CPUWeight t 100", "CPUWeight t 0"]);
  expect(properties({ cpu: { shares: 1024, idle: 0 } })).toEqual(["CPUWeight t 100"]);
  expect(properties({ cpu: { idle: 0 } })).toEqual(["CPUWeight t 18446744073709551615"]);
  expect(properties({ blockIO: { weight: 500, weightDevice: [{ major: 8, minor: 0, weight: 1000 }] } })).toEqual([
    "IOWeight t 4950",
    "IODeviceWeight a(st) 1 /dev/block/8:0 10000",
  ]);
  expect(properties({ blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 0 }] } })).toEqual([
    "IOReadBandwidthMax a(st) 1 /dev/block/8:0 18446744073709551615",
  ]);
  expect(properties({ unified: { "memory.high": "5M", "cpuset.cpus": "0-99999999", "memory.oom.group": "1" } })).toEqual(["MemoryHigh t 5242880"]);
  expect(properties({ cpu: { shares: 512, quota: 50000 }, memory: { limit: 100 } }, "v1")).toEqual([
    "CPUShares t 512",
    "MemoryLimit t 100",
    "CPUQuotaPerSecUSec t 500000",
  ]);
});

test("org.systemd.property annotations: GVariant's text", () => {
  const of = (name: string, text: string) => annotationProperties({ [`org.systemd.property.${name}`]: text, other: "x" }).map((words) => words.join(" "));
  expect(of("TimeoutStopUSec", "uint64 5")).toEqual(["TimeoutStopUSec t 5"]);
  expect(of("TimeoutStopSec", "1.5")).toEqual(["TimeoutStopUSec t 1500000"]);
  expect(of("CollectMode", "'inactive-or-failed'")).toEqual(["CollectMode s inactive-or-failed"]);
  expect(of("DefaultDependencies", "true")).toEqual(["DefaultDependencies b true"]);
  expect(of("After", "['a.service', \"b.service\"]")).toEqual(["After as 2 a.service b.service"]);
  expect(of("After", "[]")).toEqual(["After as 0"]);
  for (const [name, text] of [
    ["lower", "true"],
    ["Bad-Name", "true"],
    ["X", "what"],
    ["After", "[5]"],
    ["After", "['a', b]"],
  ] as const)
    expect(() => of(name, text)).toThrow();
});
