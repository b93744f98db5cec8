// What cgroup v2 has of its own: controllers down the path, threads, the values of v1 converted, unified, update.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { bundle, CGROUP_PARENT, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { needs, oracle, spec } from "../helpers/spec.ts";

const onV2 = needs("cgroupV2");
const ROOT = "/sys/fs/cgroup";
const TESTS = `${ROOT}${CGROUP_PARENT}`;
const MIB = 1 << 20;
/** The virtual machine's disk. */
const DISK = { major: 254, minor: 0 };

const bundleWith = (resources: JsonObject, ...words: string[]) => bundle(probe(...words, "pause"), { linux: { resources } });

interface OnV2 {
  readonly container: Container;
  readonly directory: string;
  readonly file: (name: string) => string;
}

function read(path: string): string {
  return readFileSync(path, "utf8").trim();
}

async function created(resources: JsonObject, parent = TESTS): Promise<OnV2> {
  const b = bundleWith(resources);
  const directory = `${parent}/${b.name}`;
  const container = new Container(b.rewrite({ linux: { cgroupsPath: directory.slice(ROOT.length) } }));
  ok(await container.create());
  return { container, directory, file: (name) => read(`${directory}/${name}`) };
}

/** A parent that the body makes what it wants; gone afterwards. */
async function inParent(body: (parent: string) => Promise<void>): Promise<void> {
  const parent = `${TESTS}/${bundle().name}-parent`;
  mkdirSync(parent);
  try {
    await body(parent);
  } finally {
    for (const { container } of made.splice(0)) await container.delete({ flags: ["--force"] });
    ok(await exec(["find", parent, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]));
  }
}
const made: OnV2[] = [];
const createdIn = async (parent: string, resources: JsonObject) => {
  const one = await created(resources, parent);
  made.push(one);
  return one;
};

spec("v2: every controller is on down the path, so that a container without limits has statistics as well", onV2, async () => {
  await inParent(async (parent) => {
    const { file } = await createdIn(`${parent}/new`, {});
    for (const name of ["memory.current", "pids.current", "cpu.weight", "io.stat", "cpuset.cpus.effective", "hugetlb.2MB.current"])
      expect(file(name)).toBeDefined();
    expect(read(`${parent}/new/cgroup.subtree_control`)).toBe(read(`${ROOT}/cgroup.controllers`));
  });
});

spec("v2: below a cgroup with processes: without limits it works, limits of memory are an error that says why", onV2, async () => {
  await inParent(async (parent) => {
    const sleeper = Bun.spawn(["sleep", "1000"]);
    writeFileSync(`${parent}/cgroup.procs`, String(sleeper.pid));
    try {
      const { container } = await createdIn(parent, {});
      ok(await container.start());
      ok(await container.command("exec", {}, "/bin/true"));
      ok(await container.delete({ flags: ["--force"] }));
      const limited = bundleWith({ memory: { limit: 64 * MIB } });
      await refused(limited.rewrite({ linux: { cgroupsPath: `${parent.slice(ROOT.length)}/${limited.name}` } }), /memory|domain/);
      expect(existsSync(`${parent}/${limited.name}`)).toBe(false);
    } finally {
      sleeper.kill(9);
      await sleeper.exited;
    }
  });
});

spec("v2: below a cgroup with processes: limits that are shared out to threads hold", onV2, async () => {
  await inParent(async (parent) => {
    const sleeper = Bun.spawn(["sleep", "1000"]);
    writeFileSync(`${parent}/cgroup.procs`, String(sleeper.pid));
    try {
      const { file } = await createdIn(parent, { pids: { limit: 9 } });
      expect([file("pids.max"), file("cgroup.type")]).toEqual(["9", "threaded"]);
    } finally {
      sleeper.kill(9);
      await sleeper.exited;
    }
  });
});

spec(
  "v2: below a threaded cgroup the container is threaded too: create to delete, and memory limits are an error",
  oracle({ runc: "kill --all fails" }),
  onV2,
  async () => {
    await inParent(async (parent) => {
      mkdirSync(`${parent}/threads`);
      writeFileSync(`${parent}/threads/cgroup.type`, "threaded");
      const { container, file } = await createdIn(parent, { pids: { limit: 9 } });
      expect([file("pids.max"), file("cgroup.type")]).toEqual(["9", "threaded"]);
      ok(await container.start());
      ok(await container.command("exec", { flags: ["--detach"] }, "/bin/sleep", "1000"));
      ok(await container.command("pause"));
      ok(await container.command("resume"));
      ok(await container.kill("KILL", { flags: ["--all"] }));
      await container.stopped();
      const limited = bundleWith({ memory: { limit: 64 * MIB } });
      await refused(limited.rewrite({ linux: { cgroupsPath: `${parent.slice(ROOT.length)}/${limited.name}` } }), /memory|domain/);
      expect(existsSync(`${parent}/${limited.name}`)).toBe(false);
    });
  },
);

/** Resources and what is in the files then. */
const VALUES: readonly (readonly [name: string, resources: JsonObject, files: Readonly<Record<string, string>>, deviation?: string])[] = [
  ["8.37 shares 2", { cpu: { shares: 2 } }, { "cpu.weight": "1" }],
  ["8.37 shares 512", { cpu: { shares: 512 } }, { "cpu.weight": "59" }, "1.1.5: the formula before runc#4772"],
  ["8.37 shares 1024, the default", { cpu: { shares: 1024 } }, { "cpu.weight": "100" }, "1.1.5: the formula before runc#4772"],
  ["8.37 shares 262144", { cpu: { shares: 262144 } }, { "cpu.weight": "10000" }],
  ["8.37 a period alone", { cpu: { period: 50000 } }, { "cpu.max": "max 50000" }],
  ["8.37 burst", { cpu: { quota: 50000, period: 100000, burst: 20000 } }, { "cpu.max": "50000 100000", "cpu.max.burst": "20000" }, "1.1.5 has none"],
  ["8.37 idle", { cpu: { idle: 1 } }, { "cpu.idle": "1" }, "1.1.5 has none"],
  ["8.36 swap as much as memory", { memory: { limit: 64 * MIB, swap: 64 * MIB } }, { "memory.max": String(64 * MIB), "memory.swap.max": "0" }],
  ["8.36 swap without a limit", { memory: { limit: 64 * MIB, swap: -1 } }, { "memory.swap.max": "max" }],
  ["8.36 memory without a limit", { memory: { limit: -1 } }, { "memory.max": "max", "memory.swap.max": "max" }],
  [
    "8.36 memory without a limit, swap with one",
    { memory: { limit: -1, swap: 64 * MIB } },
    { "memory.max": "max", "memory.swap.max": String(64 * MIB) },
    "1.1.5 refuses it",
  ],
  [
    "8.38 throttles",
    {
      blockIO: {
        throttleReadBpsDevice: [{ ...DISK, rate: 1048576 }],
        throttleWriteBpsDevice: [{ ...DISK, rate: 2097152 }],
        throttleReadIOPSDevice: [{ ...DISK, rate: 100 }],
        throttleWriteIOPSDevice: [{ ...DISK, rate: 0 }],
      },
    },
    { "io.max": "254:0 rbps=1048576 wbps=2097152 riops=100 wiops=max" },
    "a rate of 0 is refused by the kernel",
  ],
  [
    "8.39 huge pages, by reservation and by fault",
    { hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }] },
    { "hugetlb.2MB.max": String(4 * MIB), "hugetlb.2MB.rsvd.max": String(4 * MIB) },
    "1.1.5 knows no reservations",
  ],
  [
    "8.43 unified",
    { unified: { "memory.high": "50331648", "pids.max": "7", "cgroup.max.depth": "3", "io.max": "254:0 rbps=4096\n254:0 wbps=8192" } },
    { "memory.high": "50331648", "pids.max": "7", "cgroup.max.depth": "3", "io.max": "254:0 rbps=4096 wbps=8192 riops=max wiops=max" },
    "1.1.5 writes several lines at once",
  ],
  ["8.43 unified has the last word", { pids: { limit: 11 }, unified: { "pids.max": "12" } }, { "pids.max": "12" }],
];

for (const [name, resources, files, deviation] of VALUES)
  spec(`v2: ${name}`, onV2, oracle(deviation === undefined ? {} : { runc: deviation }), async () => {
    const { file } = await created({ ...resources, devices: [{ allow: true, access: "rwm" }] });
    expect(Object.fromEntries(Object.keys(files).map((key) => [key, file(key)]))).toEqual(files);
  });

spec(
  "8.38 v2: weights are BFQ's where it is, as in v1, and else those of the cost model",
  oracle({ runc: "leaves out the weight of a device without BFQ" }),
  onV2,
  async () => {
    const resources = { blockIO: { weight: 500, weightDevice: [{ ...DISK, weight: 1000 }] } };
    ok(await exec(["modprobe", "-r", "bfq"]));
    expect((await created({ blockIO: { weight: 10 } })).file("io.weight")).toBe("default 1");
    // Neither knows the disk.
    await refused(bundleWith(resources), /io\.bfq\.weight/);
    writeFileSync(`${ROOT}/io.cost.qos`, "254:0 enable=1");
    try {
      expect((await created(resources)).file("io.weight")).toBe("default 4950\n254:0 10000");
      ok(await exec(["modprobe", "bfq"]));
      const { file } = await created(resources);
      expect([file("io.bfq.weight"), file("io.weight")]).toEqual(["default 500", "default 100\n254:0 10000"]);
    } finally {
      writeFileSync(`${ROOT}/io.cost.qos`, "254:0 enable=0");
    }
  },
);

spec("8.37 v2: an idle cgroup, and one that is so no more", oracle({ runc: "1.1.5 has none" }), onV2, async () => {
  const { container, file } = await created({ cpu: { shares: 2048 } });
  ok(await container.command("update", { flags: ["--cpu-idle", "1"] }));
  expect(file("cpu.idle")).toBe("1");
  ok(await container.command("update", { flags: ["--cpu-idle", "0", "--cpu-share", "1024"] }));
  expect([file("cpu.idle"), file("cpu.weight")]).toEqual(["0", "100"]);
});

const REFUSED: readonly (readonly [name: string, resources: JsonObject, deviation?: string])[] = [
  ["8.36 swap without memory.limit", { memory: { swap: 64 * MIB } }],
  ["8.36 swap below memory.limit", { memory: { limit: 64 * MIB, swap: 32 * MIB } }],
  ["8.44 swappiness", { memory: { swappiness: 10 } }, "ignores it"],
  ["8.44 disableOOMKiller", { memory: { disableOOMKiller: true } }, "ignores it"],
  ["8.44 real-time scheduling", { cpu: { realtimeRuntime: 1000, realtimePeriod: 10000 } }, "ignores it"],
  ["8.44 leaf weights", { blockIO: { leafWeight: 100 } }, "ignores it"],
  ["8.44 a network class", { network: { classID: 5 } }, "ignores it"],
  ["8.44 network priorities", { network: { priorities: [{ name: "lo", priority: 1 }] } }, "ignores it"],
  ["8.39 a page size that the machine has not", { hugepageLimits: [{ pageSize: "3MB", limit: MIB }] }],
  ["8.42 an rdma device that the machine has not", { rdma: { mlx9: { hcaHandles: 3 } } }],
  ["8.43 a controller that the machine has not", { unified: { "nosuch.max": "1" } }],
  ["8.43 a file that the controller has not", { unified: { "memory.nosuch": "1" } }],
  ["8.43 a value that the kernel refuses", { unified: { "pids.max": "many" } }],
  ["8.43 a path", { unified: { "../cgroup.max.depth": "1" } }],
  ["8.43 the cgroup above", { unified: { "..": "1" } }],
  ["8.43 a path below", { unified: { "a/pids.max": "1" } }],
];

for (const [name, resources, deviation] of REFUSED)
  spec(`v2: ${name} is an error, and leaves nothing`, onV2, oracle(deviation === undefined ? {} : { runc: deviation }), async () => {
    const b = bundleWith(resources);
    await refused(b);
    expect(existsSync(`${TESTS}/${b.name}`)).toBe(false);
  });

spec("8.42 v2: rdma limits reach the kernel, by device", oracle({ runc: "other words" }), onV2, async () => {
  const b = bundleWith({ rdma: { mlx9: { hcaHandles: 3, hcaObjects: 10 } } });
  await refused(b, /mlx9 hca_handle=3 hca_object=10" to ".*rdma\.max"/);
});

spec("8.39 v2: a limit of huge pages holds", oracle({ runc: "1.1.5 knows no reservations: SIGBUS" }), onV2, async () => {
  const pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
  writeFileSync(pages, "8");
  try {
    const b = (limit: number) => bundle(probe("hugepages:2"), { linux: { resources: { hugepageLimits: [{ pageSize: "2MB", limit }] } } });
    expect((await facts(b(4 * MIB))).get("hugepages:2")).toBe("ok");
    expect((await facts(b(2 * MIB))).get("hugepages:2")).toBe("ENOMEM");
  } finally {
    writeFileSync(pages, "0");
  }
});

spec("v2: update of a quota or a period alone keeps the other", oracle({ runc: "1.1.5 writes config.json's again" }), onV2, async () => {
  const { container, file } = await created({ cpu: { quota: 20000, period: 50000 } });
  ok(await container.command("update", { flags: ["--cpu-period", "40000"] }));
  expect(file("cpu.max")).toBe("20000 40000");
  ok(await container.command("update", { flags: ["--cpu-quota", "30000"] }));
  expect(file("cpu.max")).toBe("30000 40000");
  ok(await container.command("update", { flags: ["--cpu-quota", "-1"] }));
  expect(file("cpu.max")).toBe("max 40000");
});

spec("v2: update of memory and swap together alone counts the present memory limit", oracle({ runc: "1.1.5 refuses it" }), onV2, async () => {
  const { container, file } = await created({ memory: { limit: 64 * MIB } });
  ok(await container.command("update", { flags: ["--memory-swap", "96M"] }));
  expect([file("memory.max"), file("memory.swap.max")]).toEqual([String(64 * MIB), String(32 * MIB)]);
  fails(await container.command("update", { flags: ["--memory-swap", "32M"] }));
  expect(file("memory.swap.max")).toBe(String(32 * MIB));
});

spec("8.36 v2: checkBeforeUpdate refuses a limit below what is used", oracle({ runc: "1.1.5 has none" }), onV2, async () => {
  const container = await new Container(bundle(probe("hold:32", "echo:up", "pause"), { linux: { resources: { memory: { limit: 128 * MIB } } } })).up();
  await container.said("up");
  const before = read(`${TESTS}/${container.bundle.name}/memory.max`);
  const stdin = JSON.stringify({ memory: { limit: 8 * MIB, checkBeforeUpdate: true } });
  fails(await container.command("update", { flags: ["--resources", "-"], stdin }), /usage/);
  expect(read(`${TESTS}/${container.bundle.name}/memory.max`)).toBe(before);
  ok(await container.command("update", { flags: ["--resources", "-"], stdin: JSON.stringify({ memory: { limit: 120 * MIB, checkBeforeUpdate: true } }) }));
});

spec("v2: update: one limit that the kernel refuses, and the others are what they were", oracle({ runc: "leaves what it has written" }), onV2, async () => {
  const { container, file } = await created({ pids: { limit: 20 }, blockIO: { weight: 100, throttleReadBpsDevice: [{ ...DISK, rate: 4096 }] } });
  const before = ["pids.max", "io.weight", "io.max", "cpu.max", "cpuset.cpus.effective"].map(file);
  const rates = { throttleReadBpsDevice: [{ ...DISK, rate: 8192 }], throttleWriteBpsDevice: [{ ...DISK, rate: 8192 }] };
  const resources = { pids: { limit: 44 }, cpu: { cpus: "0", quota: 50000 }, blockIO: { weight: 500, ...rates }, unified: { "memory.high": "wrong" } };
  fails(await container.command("update", { flags: ["--resources", "-"], stdin: JSON.stringify(resources) }), /memory\.high/);
  expect(["pids.max", "io.weight", "io.max", "cpu.max", "cpuset.cpus.effective"].map(file)).toEqual(before);
});

spec("v2: exec in a container that gives controllers to cgroups of its own goes where the container's process has gone", onV2, async () => {
  const cgroup = "/sys/fs/cgroup";
  const script = `mkdir ${cgroup}/init && echo 0 > ${cgroup}/init/cgroup.procs && echo +memory > ${cgroup}/cgroup.subtree_control && echo up; exec sleep 1000`;
  const b = bundle({
    process: { args: ["/bin/sh", "-c", script] },
    mounts: [...MOUNTS, { destination: cgroup, type: "cgroup", source: "cgroup", options: ["rw"] }],
    linux: { namespaces: [...NAMESPACES, { type: "cgroup" }] },
  });
  const container = await new Container(b).up();
  await container.said("up");
  expect(ok(await container.command("exec", {}, "/bin/cat", "/proc/self/cgroup")).stdout).toMatch(/^0::\/init$/m);
});
