// linux.resources -> writes to files of cgroup v1 and v2: every member, what v2 counts in another way, and what it has not.
import { expect, test } from "bun:test";
import { compileLimits } from "../../../src/cgroup/limits.ts";
import { blkioToIoWeight, sharesToWeight } from "../../../src/cgroup/limits-v2.ts";
import { ConfigError } from "../../../src/errors.ts";
import type { Resources } from "../../../src/spec/config.ts";

/** "FILE: VALUE" of each write, in order. */
function writes(resources: Resources, version: "v1" | "v2"): string[] {
  return compileLimits(resources, version).writes.map(({ file, value }) => `${file}: ${value}`);
}

/** Pointers of what cannot be done, below linux.resources. */
function refused(resources: Resources, version: "v1" | "v2" = "v2"): string[] {
  try {
    compileLimits(resources, version);
  } catch (error) {
    if (error instanceof ConfigError) return error.findings.map(({ pointer }) => pointer.replace("/linux/resources", ""));
    throw error;
  }
  return [];
}

const device = { major: 8, minor: 16 };

/** A member, and its files of both versions. */
const CASES: readonly (readonly [ids: string, resources: Resources, v1: readonly string[], v2: readonly string[]])[] = [
  ["8.36 8.44 memory.limit", { memory: { limit: 4096 } }, ["memory.limit_in_bytes: 4096"], ["memory.max: 4096"]],
  [
    "8.36 8.44 memory.limit -1 takes the limit of swap along",
    { memory: { limit: -1 } },
    ["memory.limit_in_bytes: -1", "memory.memsw.limit_in_bytes: -1"],
    ["memory.swap.max: max", "memory.max: max"],
  ],
  ["8.36 8.44 memory.reservation", { memory: { reservation: 4096 } }, ["memory.soft_limit_in_bytes: 4096"], ["memory.low: 4096"]],
  [
    "8.36 8.44 memory.swap: both together in v1, swap alone in v2",
    { memory: { limit: 4096, swap: 10240 } },
    ["memory.limit_in_bytes: 4096", "memory.memsw.limit_in_bytes: 10240"],
    ["memory.swap.max: 6144", "memory.max: 4096"],
  ],
  [
    "8.36 8.44 memory.swap -1",
    { memory: { limit: 4096, swap: -1 } },
    ["memory.limit_in_bytes: 4096", "memory.memsw.limit_in_bytes: -1"],
    ["memory.swap.max: max", "memory.max: 4096"],
  ],
  ["8.37 8.44 cpu.shares", { cpu: { shares: 1024 } }, ["cpu.shares: 1024"], ["cpu.weight: 100"]],
  [
    "8.37 8.44 cpu.quota, period and burst",
    { cpu: { quota: 20000, period: 50000, burst: 1000 } },
    ["cpu.cfs_period_us: 50000", "cpu.cfs_burst_us: 1000", "cpu.cfs_quota_us: 20000"],
    ["cpu.max.burst: 1000", "cpu.max: 20000 50000"],
  ],
  ["8.37 8.44 cpu.quota -1", { cpu: { quota: -1 } }, ["cpu.cfs_quota_us: -1"], ["cpu.max: max"]],
  ["8.37 8.44 cpu.period alone", { cpu: { period: 50000 } }, ["cpu.cfs_period_us: 50000"], ["cpu.max: max 50000"]],
  ["8.37 cpu.idle", { cpu: { idle: 1 } }, ["cpu.idle: 1"], ["cpu.idle: 1"]],
  ["8.37 cpu.cpus and mems", { cpu: { cpus: "0-1", mems: "0" } }, ["cpuset.cpus: 0-1", "cpuset.mems: 0"], ["cpuset.cpus: 0-1", "cpuset.mems: 0"]],
  ["8.41 pids.limit", { pids: { limit: 5 } }, ["pids.max: 5"], ["pids.max: 5"]],
  ["8.41 pids.limit 0", { pids: { limit: 0 } }, ["pids.max: 0"], ["pids.max: 0"]],
  ["8.41 pids.limit -1", { pids: { limit: -1 } }, ["pids.max: max"], ["pids.max: max"]],
  ["8.38 8.44 blockIO.weight", { blockIO: { weight: 500 } }, ["blkio.weight: 500"], ["io.bfq.weight: 500"]],
  [
    "8.38 8.44 blockIO.weightDevice",
    { blockIO: { weightDevice: [{ ...device, weight: 500 }] } },
    ["blkio.weight_device: 8:16 500"],
    ["io.bfq.weight: 8:16 500"],
  ],
  [
    "8.38 8.44 blockIO throttles",
    {
      blockIO: {
        throttleReadBpsDevice: [{ ...device, rate: 1 }],
        throttleWriteBpsDevice: [{ ...device, rate: 2 }],
        throttleReadIOPSDevice: [{ ...device, rate: 3 }],
        throttleWriteIOPSDevice: [{ ...device, rate: 18446744073709551615n }],
      },
    },
    [
      "blkio.throttle.read_bps_device: 8:16 1",
      "blkio.throttle.write_bps_device: 8:16 2",
      "blkio.throttle.read_iops_device: 8:16 3",
      "blkio.throttle.write_iops_device: 8:16 18446744073709551615",
    ],
    ["io.max: 8:16 rbps=1", "io.max: 8:16 wbps=2", "io.max: 8:16 riops=3", "io.max: 8:16 wiops=18446744073709551615"],
  ],
  [
    "8.39 8.44 hugepageLimits: reservations, and use for kernels without them",
    {
      hugepageLimits: [
        { pageSize: "2MB", limit: 4194304 },
        { pageSize: "1GB", limit: 0 },
      ],
    },
    ["hugetlb.2MB.rsvd.limit_in_bytes: 4194304", "hugetlb.2MB.limit_in_bytes: 4194304", "hugetlb.1GB.rsvd.limit_in_bytes: 0", "hugetlb.1GB.limit_in_bytes: 0"],
    ["hugetlb.2MB.rsvd.max: 4194304", "hugetlb.2MB.max: 4194304", "hugetlb.1GB.rsvd.max: 0", "hugetlb.1GB.max: 0"],
  ],
  [
    "8.42 rdma: one limit or both",
    { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 1000 }, rxe3: { hcaHandles: 5 } } },
    ["rdma.max: mlx5_1 hca_handle=3 hca_object=10000", "rdma.max: mlx4_0 hca_object=1000", "rdma.max: rxe3 hca_handle=5"],
    ["rdma.max: mlx5_1 hca_handle=3 hca_object=10000", "rdma.max: mlx4_0 hca_object=1000", "rdma.max: rxe3 hca_handle=5"],
  ],
];

for (const [name, resources, v1, v2] of CASES)
  test(name, () => {
    expect(writes(resources, "v1")).toEqual([...v1]);
    expect(writes(resources, "v2")).toEqual([...v2]);
  });

test("8.36 8.37 8.38 8.40 what only cgroup v1 has", () => {
  expect(writes({ memory: { swappiness: 0, disableOOMKiller: true } }, "v1")).toEqual(["memory.oom_control: 1", "memory.swappiness: 0"]);
  expect(writes({ cpu: { realtimePeriod: 2000, realtimeRuntime: 1000 } }, "v1")).toEqual(["cpu.rt_period_us: 2000", "cpu.rt_runtime_us: 1000"]);
  expect(writes({ blockIO: { leafWeight: 20, weightDevice: [{ ...device, leafWeight: 30 }] } }, "v1")).toEqual([
    "blkio.leaf_weight: 20",
    "blkio.leaf_weight_device: 8:16 30",
  ]);
  expect(writes({ network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] } }, "v1")).toEqual([
    "net_cls.classid: 1048577",
    "net_prio.ifpriomap: eth0 500",
  ]);
});

test("8.44 what cannot be converted is an error with its line; all of it at once", () => {
  const resources: Resources = {
    memory: { limit: 8192, swap: 4096, swappiness: 5, disableOOMKiller: true },
    cpu: { realtimePeriod: 2000, realtimeRuntime: 1000 },
    blockIO: { leafWeight: 20, weightDevice: [{ ...device, leafWeight: 30 }] },
    network: { classID: 1, priorities: [{ name: "eth0", priority: 500 }] },
  };
  expect(refused(resources).toSorted()).toEqual([
    "/blockIO/leafWeight",
    "/blockIO/weightDevice/0/leafWeight",
    "/cpu/realtimePeriod",
    "/cpu/realtimeRuntime",
    "/memory/disableOOMKiller",
    "/memory/swap",
    "/memory/swappiness",
    "/network/classID",
    "/network/priorities",
  ]);
  // Swap alone, when the limit that it counts with is not known.
  expect(refused({ memory: { swap: 4096 } })).toEqual(["/memory/swap"]);
});

test("8.44 cpu.shares to cpu.weight: ends and default stay what they are, and it never falls", () => {
  for (const [shares, weight] of [
    [2, 1],
    [1024, 100],
    [262144, 10000],
    [0, 1],
    [300000, 10000],
    [512, 59],
    [2048, 174],
    [4096, 303],
  ] as const)
    expect({ shares, weight: sharesToWeight(shares) }).toEqual({ shares, weight });
  for (let shares = 2, last = 0; shares <= 262144; shares += 97) {
    const weight = sharesToWeight(shares);
    expect(weight).toBeGreaterThanOrEqual(last);
    last = weight;
  }
});

test("8.44 blkio weight to io.weight, where the kernel has no BFQ", () => {
  expect([10, 500, 1000].map(blkioToIoWeight)).toEqual([1, 4950, 10000]);
  const [write] = compileLimits({ blockIO: { weight: 500 } }, "v2").writes;
  expect(write?.instead).toEqual({ file: "io.weight", value: "4950" });
});

test("8.43 unified: every key as it is, line by line, with the controller that it needs; paths are refused", () => {
  const { writes: all } = compileLimits({ unified: { "memory.high": "1\n", "io.max": "8:16 rbps=1\n8:0 wbps=2", "cgroup.max.depth": "3" } }, "v2");
  expect(all.map(({ controller, file, value }) => `${controller} ${file} ${value}`)).toEqual([
    "memory memory.high 1",
    "io io.max 8:16 rbps=1",
    "io io.max 8:0 wbps=2",
    "cgroup cgroup.max.depth 3",
  ]);
  expect(refused({ unified: { "../x/memory.high": "1" } })).toEqual(["/unified/..~1x~1memory.high"]);
  expect(refused({ unified: { memory: "1" } })).toEqual(["/unified/memory"]);
  expect(refused({ unified: { "memory.high": "1" } }, "v1")).toEqual(["/unified"]);
});

test("8.36 checkBeforeUpdate asks for a look at the usage, and only with a limit", () => {
  expect(compileLimits({ memory: { limit: 4096, checkBeforeUpdate: true } }, "v2").usageBelow).toEqual({ limit: 4096, at: "/linux/resources/memory/limit" });
  for (const memory of [{ limit: 4096 }, { limit: -1, checkBeforeUpdate: true }, { checkBeforeUpdate: true }])
    expect(compileLimits({ memory }, "v2").usageBelow).toBeUndefined();
});

test("8.36 limits of kernel memory, which no kernel has any more, are a warning", () => {
  for (const version of ["v1", "v2"] as const) {
    const { writes: none, warnings } = compileLimits({ memory: { kernel: 1, kernelTCP: 1 } }, version);
    expect({ none, warnings: warnings.length }).toEqual({ none: [], warnings: 1 });
  }
});
