// linux.resources in the kernel's own files: every member of 8.36 to 8.43 that this machine's cgroups have, what cgroup v2 has not (8.44),
// and whose a cgroup is (8.33, 8.34).
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { type Bundle, bundle, CGROUP_PARENT, probe } from "../helpers/bundle.ts";
import { cgroupDirectory, cgroupValue, isV2 } from "../helpers/cgroups.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { Container, fails, ok, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec } from "../helpers/spec.ts";

const ALLOW_ALL = [{ allow: true, access: "rwm" }];
const withResources = (resources: JsonObject) => bundle(probe("pause"), { linux: { resources: { devices: ALLOW_ALL, ...resources } } });

/** A created container with these resources: its pid. */
async function created(resources: JsonObject): Promise<number> {
  const container = new Container(withResources(resources));
  ok(await container.create());
  return (await container.state()).pid;
}

// --- 8.36 to 8.42: every member ---

/** v1 file and value, v2 file and value; undefined: that version has no such thing and refuses it. */
const VALUES: readonly {
  readonly name: string;
  readonly resources: JsonObject;
  readonly controller: string;
  readonly v1: readonly [string, string] | undefined;
  readonly v2: readonly [string, string] | undefined;
}[] = [
  { name: "8.37 cpu.idle", resources: { cpu: { idle: 1 } }, controller: "cpu", v1: ["cpu.idle", "1"], v2: ["cpu.idle", "1"] },
  {
    name: "8.37 cpu.burst",
    resources: { cpu: { quota: 50000, period: 100000, burst: 20000 } },
    controller: "cpu",
    v1: ["cpu.cfs_burst_us", "20000"],
    v2: ["cpu.max.burst", "20000"],
  },
  ...[
    ["throttleReadBpsDevice", "read_bps_device", "rbps"],
    ["throttleWriteBpsDevice", "write_bps_device", "wbps"],
    ["throttleReadIOPSDevice", "read_iops_device", "riops"],
    ["throttleWriteIOPSDevice", "write_iops_device", "wiops"],
  ].map(([member = "", v1 = "", v2 = ""]) => {
    const [major = 0, minor = 0] = blockDevice();
    return {
      name: `8.38 8.44 blockIO.${member}`,
      resources: { blockIO: { [member]: [{ major, minor, rate: 1048576 }] } },
      controller: "blkio",
      v1: [`blkio.throttle.${v1}`, `${major}:${minor} 1048576`] as const,
      v2: ["io.max", `${v2}=1048576`] as const,
    };
  }),
];

/** Numbers of a disk of this machine. */
function blockDevice(): number[] {
  const disk = readdirSync("/sys/block").find((name) => !/^(loop|ram|zram)/.test(name)) ?? "";
  return readFileSync(`/sys/block/${disk}/dev`, "utf8").trim().split(":").map(Number);
}

for (const { name, resources, controller, v1, v2 } of VALUES)
  spec(
    name,
    name.includes("burst")
      ? oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" })
      : name.includes("idle")
        ? oracle({ runc: "1.1 does not know it" })
        : {},
    async () => {
      const place = isV2(controller) ? v2 : v1;
      if (place === undefined) {
        await refused(withResources(resources), /cgroup v2/);
        return;
      }
      const pid = await created(resources);
      expect(cgroupValue(pid, controller, place[0], place[0])).toContain(place[1]);
    },
  );

spec("8.37 a burst above the quota, and an idle beyond 1, are errors", oracle({ runc: "1.1 does not know them", crun: "1.8 does not know them" }), async () => {
  await refused(withResources({ cpu: { quota: 1000, period: 100000, burst: 2000 } }));
  await refused(withResources({ cpu: { idle: 2 } }));
});

spec("8.38 8.44 blockIO.weight, of BFQ or of the kernel's cost model", async () => {
  const pid = await created({ blockIO: { weight: 500 } });
  const directory = cgroupDirectory(pid, "blkio") ?? "";
  const found = ["blkio.weight", "blkio.bfq.weight", "io.bfq.weight", "io.weight"].filter((file) => existsSync(`${directory}/${file}`));
  // The cost model has a range of its own.
  expect(found.map((file) => readFileSync(`${directory}/${file}`, "utf8").trim())[0]).toMatch(/^(default )?(500|4950)$/);
});

spec("8.38 a disk that is not there is an error", async () => {
  await refused(withResources({ blockIO: { throttleReadBpsDevice: [{ major: 4000, minor: 7, rate: 1 }] } }));
});

/** Makes a container whose tmpfs holds 24 MiB, which cannot be taken back from it. */
async function holding24MiB(): Promise<Container> {
  const script = "/bin/busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=24 2> /dev/null; echo full; exec sleep 100";
  const container = await new Container(
    bundle({
      process: { args: ["/bin/sh", "-c", script] },
      linux: { resources: { memory: { limit: 64 << 20, swap: 64 << 20 }, devices: ALLOW_ALL } },
    }),
  ).up();
  await container.said("full");
  return container;
}

spec(
  "8.36 checkBeforeUpdate: a limit below the present usage is rejected, and the old one holds",
  oracle({ crun: "update takes no document from stdin" }),
  async () => {
    const container = await holding24MiB();
    const { pid } = await container.state();
    const memory = { limit: 8 << 20, checkBeforeUpdate: true };
    fails(await container.command("update", { flags: ["--resources", "-"], stdin: JSON.stringify({ memory }) }), /usage|memory/);
    expect(cgroupValue(pid, "memory", "memory.limit_in_bytes", "memory.max")).toBe(String(64 << 20));
    ok(await container.command("update", { flags: ["--resources", "-"], stdin: JSON.stringify({ memory: { ...memory, limit: 48 << 20 } }) }));
    expect(cgroupValue(pid, "memory", "memory.limit_in_bytes", "memory.max")).toBe(String(48 << 20));
  },
);

spec("8.39 8.44 hugepageLimits of cgroup v2: reservations and use", needs("cgroupV2"), oracle({ runc: "1.1 has no reservations" }), async () => {
  const pid = await created({
    hugepageLimits: [
      { pageSize: "2MB", limit: 4194304 },
      { pageSize: "1GB", limit: 0 },
    ],
  });
  for (const [file, value] of [
    ["hugetlb.2MB.rsvd.max", "4194304"],
    ["hugetlb.2MB.max", "4194304"],
    ["hugetlb.1GB.rsvd.max", "0"],
  ] as const)
    expect({ file, value: cgroupValue(pid, "hugetlb", file, file) }).toEqual({ file, value });
  await refused(withResources({ hugepageLimits: [{ pageSize: "3MB", limit: 1 }] }), /hugetlb\.3MB/);
});

/**
 * A container's life in a mount namespace with one hierarchy of cgroup v1 beside that of v2, and what is in files of its cgroup. Only in
 * a machine of the tests' own: a new hierarchy is every process's.
 */
async function besideHierarchy(controller: string, b: Bundle, file: string) {
  const shell = (...words: string[]) => [...COMMAND, "--root", ROOT, ...words].join(" ");
  const point = `/sys/fs/cgroup/${controller}`;
  const script = [
    `umount /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/unified ${point}`,
    `mount -t cgroup2 none /sys/fs/cgroup/unified && mount -t cgroup -o ${controller} none ${point} || exit 99`,
    `${shell("create", "--bundle", b.directory, b.name)} > /dev/null; code=$?`,
    `cat ${point}${CGROUP_PARENT}/${b.name}/${file} 2> /dev/null`,
    shell("delete", "--force", b.name),
    "exit $code",
  ];
  return exec(["unshare", "--mount", "sh", "-c", script.join("\n")]);
}

spec("8.40 network.classID and priorities, in hierarchies of cgroup v1", needs("ownMachine"), async () => {
  // There is no hierarchy for devices beside this one.
  const withNetwork = (network: JsonObject) => bundle(probe("pause"), { linux: { resources: { devices: undefined, network } } });
  expect(ok(await besideHierarchy("net_cls", withNetwork({ classID: 1048577 }), "net_cls.classid")).stdout).toBe("1048577\n");
  const priorities = (name: string) => withNetwork({ priorities: [{ name, priority: 7 }] });
  expect(ok(await besideHierarchy("net_prio", priorities("lo"), "net_prio.ifpriomap")).stdout).toMatch(/^lo 7$/m);
  fails(await besideHierarchy("net_prio", priorities("nosuch0"), "net_prio.ifpriomap"), /net_prio|nosuch0/);
});

spec("8.39 8.40 8.42 3.07 a controller that the machine has not mounted is an error, never passed over", needs("cgroupV1"), async () => {
  if (existsSync("/sys/fs/cgroup/hugetlb") || existsSync("/sys/fs/cgroup/net_cls") || existsSync("/sys/fs/cgroup/rdma")) return;
  await refused(withResources({ hugepageLimits: [{ pageSize: "2MB", limit: 1 }] }), /hugetlb/);
  await refused(withResources({ network: { classID: 5 } }), /net_cls/);
  await refused(withResources({ rdma: { mlx5_1: { hcaHandles: 3 } } }), /rdma/);
});

spec("8.42 3.07 an rdma device that the machine has not is an error of the kernel's", needs("cgroupV2"), oracle({ crun: "ignored" }), async () => {
  const controllers = readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").trim().split(" ");
  await refused(withResources({ rdma: { nosuch_0: { hcaHandles: 3 } } }), controllers.includes("rdma") ? /rdma\.max/ : /rdma/);
});

spec("8.43 unified: known and unknown keys are written, with the controllers that they need", needs("cgroupV2"), async () => {
  const unified = { "memory.high": "50331648", "memory.oom.group": "1", "cgroup.max.depth": "3", "hugetlb.2MB.max": "0", "pids.max": "21" };
  const pid = await created({ unified });
  for (const [file, value] of Object.entries(unified)) expect({ file, value: cgroupValue(pid, "pids", file, file) }).toEqual({ file, value });
});

spec("8.43 3.07 a controller that is not there, a file that is not, a value that the kernel refuses: errors", needs("cgroupV2"), async () => {
  for (const unified of [{ "nosuch.max": "1" }, { "memory.nosuch": "1" }, { "memory.max": "many" }, { "../pids.max": "1" }])
    await refused(withResources({ unified }));
});

spec("8.44 v1 settings that cgroup v2 has not are errors", needs("cgroupV2"), oracle({ runc: "1.1 passes over them", crun: "passes over some" }), async () => {
  const settings: readonly JsonObject[] = [
    { memory: { swappiness: 5 } },
    { memory: { disableOOMKiller: true } },
    { memory: { swap: 8 << 20 } },
    { cpu: { realtimeRuntime: 1000, realtimePeriod: 10000 } },
    { blockIO: { leafWeight: 20 } },
    { network: { classID: 1 } },
    { network: { priorities: [{ name: "lo", priority: 1 }] } },
  ];
  for (const resources of settings) await refused(withResources(resources), /cgroup v2|memory\.limit/);
});

spec(
  "8.44 cpu.shares becomes the weight that means the same",
  needs("cgroupV2"),
  oracle({ runc: "1.1 has the older formula", crun: "1.8 has the older formula" }),
  async () => {
    for (const [shares, weight] of [
      [2, "1"],
      [512, "59"],
      [1024, "100"],
      [262144, "10000"],
    ] as const) {
      const pid = await created({ cpu: { shares } });
      expect({ shares, weight: cgroupValue(pid, "cpu", "", "cpu.weight") }).toEqual({ shares, weight });
    }
  },
);

// --- 8.33, 8.34: whose a cgroup is ---

const MAP = [{ containerID: 0, hostID: 100000, size: 65536 }];
const FREE = ["pid", "mount", "uts", "ipc", "network", "user", "cgroup"];

/** A container with a mount of the cgroups: uids of its cgroup's directory and files. `env`: a command around the runtime. */
async function owners(types: readonly string[], options: readonly string[], around = "", uid = 0): Promise<ReadonlyMap<string, number>> {
  const namespaces = types.map((type) => ({ type }));
  const mapping = types.includes("user") ? { uidMappings: MAP, gidMappings: MAP } : {};
  const b = bundle(probe("pause"), { process: { user: { uid, gid: uid }, cwd: "/" }, linux: { namespaces, ...mapping } });
  if (types.includes("user")) await exec(["chown", "-R", "--no-dereference", "100000:100000", b.rootfs]);
  const container = new Container(
    // Not the sysfs: a user namespace may not mount one when a part of the host's is covered.
    b.rewrite({
      mounts: [...MOUNTS.filter(({ type }) => type !== "sysfs"), { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...options] }],
    }),
  );
  if (around === "") ok(await container.create());
  else {
    const command = [...COMMAND, "--root", ROOT, "create", "--bundle", b.directory, b.name].join(" ");
    ok(await exec(["unshare", "--mount", "sh", "-c", `${around}; exec ${command} > /dev/null`]));
  }
  const directory = cgroupDirectory((await container.state()).pid, "pids") ?? "";
  return new Map([".", ...readdirSync(directory)].map((file) => [file, statSync(`${directory}/${file}`).uid]));
}

const delegated = () => readFileSync("/sys/kernel/cgroup/delegate", "utf8").trim().split("\n");

/** Names that belong to the uid. */
const of = (seen: ReadonlyMap<string, number>, uid: number) => [...seen].flatMap(([file, owner]) => (owner === uid ? [file] : [])).toSorted();

const noDelegation = oracle({ runc: "1.1 gives it to root's mapping", crun: "gives it to root's mapping" });

spec("8.33 8.34 what the kernel's list names is given away, and nothing else", needs("cgroupV2"), noDelegation, async () => {
  for (const uid of [0, 7]) {
    const seen = await owners(FREE, ["rw"], "", uid);
    expect(of(seen, 100000 + uid)).toEqual([".", ...delegated().filter((file) => seen.has(file))].toSorted());
    expect(new Set(seen.values())).toEqual(new Set([100000 + uid, 0]));
  }
});

spec("8.34 files of the list that are missing are passed over", needs("cgroupV2"), noDelegation, async () => {
  const list = "printf 'cgroup.procs\\nno.such.file\\ncgroup.type\\n' > /tmp/delegate; mount --bind /tmp/delegate /sys/kernel/cgroup/delegate";
  expect(of(await owners(FREE, [], list), 100000)).toEqual([".", "cgroup.procs", "cgroup.type"]);
});

spec("8.34 without the list cgroup.procs, cgroup.subtree_control and cgroup.threads are given away", needs("cgroupV2"), noDelegation, async () => {
  const seen = await owners(FREE, [], "mount -t tmpfs none /sys/kernel/cgroup");
  expect(of(seen, 100000)).toEqual([".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]);
});

spec("8.33 without a new cgroup namespace, or with a read-only mount, nothing is given away", needs("cgroupV2"), async () => {
  for (const [types, options] of [
    [FREE.filter((type) => type !== "cgroup"), ["rw"]],
    [FREE, ["ro"]],
  ] as const)
    expect(new Set((await owners(types, options)).values())).toEqual(new Set([0]));
});

spec("8.33 without a user namespace it is the program's own uid that it is given to", needs("cgroupV2"), noDelegation, async () => {
  const types = FREE.filter((type) => type !== "user");
  expect(of(await owners(types, ["rw"], "", 1000), 1000)).toContain(".");
});

spec("8.33 a cgroup of v1 is never given away", needs("cgroupV1"), async () => {
  expect(new Set((await owners(FREE, ["rw"])).values())).toEqual(new Set([0]));
});
