// linux.cgroupsPath and linux.resources.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { type Bundle, bundle, CGROUP_PARENT, probe } from "../helpers/bundle.ts";
import { cgroupDirectory, cgroupValue, isV2, mountpointOf, needsController } from "../helpers/cgroups.ts";
import { type JsonObject, NAMESPACES } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { findCgroups } from "../helpers/leftovers.ts";
import { COMMAND, RUNTIME } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec } from "../helpers/spec.ts";

const ALLOW_ALL = [{ allow: true, access: "rwm" }];
const withResources = (resources: JsonObject, ...words: string[]) => bundle(probe(...words, "pause"), { linux: { resources } });

/** A created container with these resources, and its pid. */
async function created(resources: JsonObject): Promise<number> {
  const container = new Container(withResources(resources));
  ok(await container.create());
  return (await container.state()).pid;
}

spec("8.31 8.32 an absolute cgroupsPath counts from the mount point; missing parents are made", async () => {
  const b = bundle(probe("pause"));
  const path = `${CGROUP_PARENT}/${b.name}/deep/er`;
  const container = await new Container(b.rewrite({ linux: { cgroupsPath: path } })).up();
  const { pid } = await container.state();
  for (const controller of ["memory", "pids", "cpu"]) expect(cgroupDirectory(pid, controller)).toEndWith(path);
  ok(await container.delete({ flags: ["--force"] }));
  expect(findCgroups(b.name).filter((found) => existsSync(`${found}/deep/er`))).toEqual([]);
  for (const found of findCgroups(b.name)) {
    if (existsSync(`${found}/deep`)) rmdirSync(`${found}/deep`);
    rmdirSync(found);
  }
});

spec("8.31 a relative cgroupsPath is always the same place", async () => {
  const b = bundle(probe("pause"));
  const places: (string | undefined)[] = [];
  for (let i = 0; i < 2; i++) {
    const container = await new Container(b.rewrite({ linux: { cgroupsPath: b.name } })).up();
    places.push(cgroupDirectory((await container.state()).pid, "memory"));
    ok(await container.delete({ flags: ["--force"] }));
  }
  expect(places[0]).toContain(b.name);
  expect(places[1]).toBe(places[0]);
});

spec("8.31 without a cgroupsPath the container has a cgroup of its own", async () => {
  const container = await new Container(bundle(probe("pause"), { linux: { cgroupsPath: undefined } })).up();
  expect(cgroupDirectory((await container.state()).pid, "pids")).toContain(container.id);
});

spec("8.31 a cgroupsPath with .. stays below the mount point, or is refused", async () => {
  const b = bundle(probe("pause"));
  const container = new Container(b.rewrite({ linux: { cgroupsPath: `/../../../..${CGROUP_PARENT}/${b.name}` } }));
  const result = await container.create();
  if (result.code === 0) expect(cgroupDirectory((await container.state()).pid, "pids")).not.toContain("..");
  else fails(result, /has a "\.\." component/);
});

spec("8.32 the container is in every hierarchy from create on, with init alone", async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.create());
  const { pid } = await container.state();
  for (const line of readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n"))
    if (!/^\d+:(cpuset|hugetlb|perf_event|net_|rdma|misc|name=)?:?/.test(line)) expect(line).toContain(container.bundle.name);
  const directory = cgroupDirectory(pid, "pids");
  expect(readFileSync(`${directory}/cgroup.procs`, "utf8").trim()).toBe(String(pid));
});

/** Makes a cgroup of the freezer's hierarchy beforehand; gone afterwards, with what is below it. */
async function inCgroup(body: (b: Bundle, directory: string) => Promise<void>): Promise<void> {
  const b = bundle(probe("pause"));
  const directory = `${mountpointOf("freezer")}${CGROUP_PARENT}/${b.name}`;
  mkdirSync(`${directory}/inner`, { recursive: true });
  try {
    await body(b, directory);
  } finally {
    for (const found of findCgroups(b.name)) await exec(["find", found, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
  }
}

spec("8.30 3.21 a cgroup that is there and empty is used, and not removed", oracle({ runc: "removes it", crun: "removes it" }), async () => {
  await inCgroup(async (b, directory) => {
    rmdirSync(`${directory}/inner`);
    const container = await new Container(b).up();
    ok(await container.delete({ flags: ["--force"] }));
    expect(existsSync(directory)).toBe(true);
  });
});

for (const inner of ["", "/inner"])
  spec(`8.30 a cgroup with processes ${inner === "" ? "in it" : "below it"} is an error`, oracle({ runc: "1.1 only warns", crun: "not checked" }), async () => {
    await inCgroup(async (b, directory) => {
      const sleeper = Bun.spawn(["sleep", "1000"]);
      writeFileSync(`${directory}${inner}/cgroup.procs`, String(sleeper.pid));
      try {
        await refused(b, /not empty/);
        expect(readFileSync(`${directory}${inner}/cgroup.procs`, "utf8").trim()).toBe(String(sleeper.pid));
      } finally {
        sleeper.kill(9);
        await sleeper.exited;
      }
    });
  });

for (const below of ["", "/box"])
  spec(
    `8.30 a cgroup that is frozen${below === "" ? "" : " with the one above it"} is an error`,
    oracle(below === "" ? { crun: "1.8 waits for ever now and then" } : { runc: "waits for ever", crun: "waits for ever" }),
    async () => {
      await inCgroup(async (b, directory) => {
        const set = (frozen: boolean) =>
          isV2("freezer")
            ? writeFileSync(`${directory}/cgroup.freeze`, frozen ? "1" : "0")
            : writeFileSync(`${directory}/freezer.state`, frozen ? "FROZEN" : "THAWED");
        set(true);
        try {
          await refused(b.rewrite({ linux: { cgroupsPath: `${CGROUP_PARENT}/${b.name}${below}` } }), /frozen/);
        } finally {
          set(false);
        }
      });
    },
  );

spec("3.21 an existing cgroup of others is not removed", async () => {
  const b = bundle(probe("echo:x"));
  const parent = `${cgroupDirectory(process.pid, "pids") === undefined ? "" : "/sys/fs/cgroup/"}${isV2("pids") ? "" : "pids"}${CGROUP_PARENT}/${b.name}-keep`;
  mkdirSync(parent, { recursive: true });
  ok(await new Container(b.rewrite({ linux: { cgroupsPath: `${CGROUP_PARENT}/${b.name}-keep/inner` } })).run());
  expect(existsSync(parent)).toBe(true);
  expect(existsSync(`${parent}/inner`)).toBe(false);
  for (const found of findCgroups(`${b.name}-keep`)) rmdirSync(found);
});

spec("3.21 of containers below a parent that the first one made, each removes only its own cgroup", async () => {
  const one = bundle(probe("pause"));
  const two = bundle(probe("pause"));
  const three = bundle(probe("pause"));
  const parent = `${CGROUP_PARENT}/${one.name}-parent`;
  const below = (b: Bundle, name: string) => new Container(b.rewrite({ linux: { cgroupsPath: `${parent}/${name}` } }));
  const first = await below(one, "one").up();
  const second = await below(two, "two").up();
  const third = below(three, "three");
  ok(await third.create());
  const before = Date.now();
  ok(await first.delete({ flags: ["--force"] }));
  expect(Date.now() - before).toBeLessThan(2000);
  for (const container of [second, third]) {
    const { pid } = await container.state();
    for (const controller of ["pids", "memory", "cpu"]) expect(existsSync(cgroupDirectory(pid, controller) ?? "")).toBe(true);
    ok(await container.delete({ flags: ["--force"] }));
  }
  for (const found of findCgroups(`${one.name}-parent`)) rmdirSync(found);
});

spec("3.21 cgroups that the container made inside its own are removed with it", { ...needs("cgroupV1") }, async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  mkdirSync(`${cgroupDirectory((await container.state()).pid, "pids")}/inner`);
  ok(await container.delete({ flags: ["--force"] }));
  expect(findCgroups(container.bundle.name)).toEqual([]);
});

const VALUES: readonly { name: string; resources: JsonObject; controller: string; v1: [string, string]; v2: [string, string] | undefined }[] = [
  {
    name: "memory.limit",
    resources: { memory: { limit: 67108864 } },
    controller: "memory",
    v1: ["memory.limit_in_bytes", "67108864"],
    v2: ["memory.max", "67108864"],
  },
  {
    name: "memory.limit -1",
    resources: { memory: { limit: -1 } },
    controller: "memory",
    v1: ["memory.limit_in_bytes", "9223372036854771712"],
    v2: ["memory.max", "max"],
  },
  {
    name: "memory.reservation",
    resources: { memory: { reservation: 33554432 } },
    controller: "memory",
    v1: ["memory.soft_limit_in_bytes", "33554432"],
    v2: ["memory.low", "33554432"],
  },
  { name: "memory.swappiness", resources: { memory: { swappiness: 11 } }, controller: "memory", v1: ["memory.swappiness", "11"], v2: undefined },
  {
    name: "memory.disableOOMKiller",
    resources: { memory: { limit: 67108864, disableOOMKiller: true } },
    controller: "memory",
    v1: ["memory.oom_control", "oom_kill_disable 1"],
    v2: undefined,
  },
  { name: "cpu.shares", resources: { cpu: { shares: 2048 } }, controller: "cpu", v1: ["cpu.shares", "2048"], v2: ["cpu.weight", "174"] },
  {
    name: "cpu.quota",
    resources: { cpu: { quota: 50000, period: 100000 } },
    controller: "cpu",
    v1: ["cpu.cfs_quota_us", "50000"],
    v2: ["cpu.max", "50000 100000"],
  },
  {
    name: "cpu.period",
    resources: { cpu: { quota: 50000, period: 200000 } },
    controller: "cpu",
    v1: ["cpu.cfs_period_us", "200000"],
    v2: ["cpu.max", "50000 200000"],
  },
  { name: "cpu.quota -1", resources: { cpu: { quota: -1 } }, controller: "cpu", v1: ["cpu.cfs_quota_us", "-1"], v2: ["cpu.max", "max 100000"] },
  { name: "cpu.cpus", resources: { cpu: { cpus: "0" } }, controller: "cpuset", v1: ["cpuset.cpus", "0"], v2: ["cpuset.cpus", "0"] },
  { name: "cpu.mems", resources: { cpu: { mems: "0" } }, controller: "cpuset", v1: ["cpuset.mems", "0"], v2: ["cpuset.mems", "0"] },
  { name: "pids.limit", resources: { pids: { limit: 42 } }, controller: "pids", v1: ["pids.max", "42"], v2: ["pids.max", "42"] },
  { name: "pids.limit -1", resources: { pids: { limit: -1 } }, controller: "pids", v1: ["pids.max", "max"], v2: ["pids.max", "max"] },
];

const RULES: Readonly<Record<string, string>> = { memory: "8.36", cpu: "8.37", pids: "8.41" };

for (const { name, resources, controller, v1, v2 } of VALUES)
  spec(`${RULES[name.split(".")[0] ?? ""]} ${name}`, needsController(controller), async () => {
    const place = isV2(controller) ? v2 : v1;
    if (place === undefined) {
      await refused(withResources(resources), /cgroup v2/);
      return;
    }
    const pid = await created({ ...resources, devices: ALLOW_ALL });
    expect(cgroupValue(pid, controller, place[0], place[0])).toContain(place[1]);
  });

spec("8.36 memory.swap", needsController("memory"), async () => {
  const pid = await created({ memory: { limit: 67108864, swap: 134217728 }, devices: ALLOW_ALL });
  const value = cgroupValue(pid, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
  // v1 counts memory and swap together, v2 swap alone.
  if (value !== undefined) expect(value).toBe(isV2("memory") ? "67108864" : "134217728");
});

spec("8.41 pids.limit 0 is a real limit", oracle({ runc: "1.1: no limit", crun: "no limit" }), async () => {
  // With no room for one more process the container's own still starts: it is there already.
  const container = new Container(bundle(probe("fork:1"), { linux: { resources: { pids: { limit: 0 }, devices: ALLOW_ALL } } }));
  expect(ok(await container.run()).stdout).toContain("fork:1=0");
});

spec("8.41 pids.limit holds", async () => {
  const f = await facts(bundle(probe("fork:20"), { linux: { resources: { pids: { limit: 10 } } } }));
  expect(f.get("fork:20")).toMatch(/^[0-9] EAGAIN$/);
});

spec("8.36 memory.limit holds", needsController("memory"), async () => {
  const f = await facts(bundle(probe("alloc:64"), { linux: { resources: { memory: { limit: 33554432 } } } }));
  expect(f.get("alloc:64")).toBe("killed");
});

spec("8.37 cpus holds", needsController("cpuset"), async () => {
  expect((await facts(bundle(probe("affinity"), { linux: { resources: { cpu: { cpus: "1" } } } }))).get("affinity")).toBe("1");
});

spec("8.37 a child of the cpuset inherits cpus and mems where the config is silent", async () => {
  const pid = await created({ devices: ALLOW_ALL });
  const value = cgroupValue(pid, "cpuset", "cpuset.cpus", "cpuset.cpus.effective");
  if (value !== undefined) expect(value).not.toBe("");
});

spec("3.07 values that the kernel refuses are errors, and nothing is left", async () => {
  await refused(withResources({ cpu: { cpus: "4000" } }));
  await refused(withResources({ cpu: { cpus: "not a list" } }));
  await refused(withResources({ cpu: { quota: 5, period: 100000 } }));
});

spec("8.39 a page size that the machine has not is an error", async () => {
  await refused(withResources({ hugepageLimits: [{ pageSize: "3MB", limit: 3145728 }] }));
});

spec("8.40 the priority of an interface that is not there is an error", async () => {
  await refused(withResources({ network: { priorities: [{ name: "no-such-if", priority: 1 }] } }));
});

spec("8.36 swappiness outside of 0-100 is an error", async () => {
  await refused(withResources({ memory: { swappiness: 101 } }));
});

spec("8.36 a limit of 64 bits is exact", needsController("memory"), async () => {
  const pid = await created({ memory: { limit: 9007199254745088n }, devices: ALLOW_ALL });
  expect(cgroupValue(pid, "memory", "memory.limit_in_bytes", "memory.max")).toBe("9007199254745088");
});

spec("8.38 blockIO weight and throttles", needs("cgroupV1"), async () => {
  const pid = await created({
    blockIO: { throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 1048576 }], throttleWriteIOPSDevice: [{ major: 254, minor: 0, rate: 100 }] },
    devices: ALLOW_ALL,
  });
  const directory = cgroupDirectory(pid, "blkio");
  if (existsSync(`${directory}/blkio.throttle.read_bps_device`)) {
    expect(readFileSync(`${directory}/blkio.throttle.read_bps_device`, "utf8").trim()).toBe("254:0 1048576");
    expect(readFileSync(`${directory}/blkio.throttle.write_iops_device`, "utf8").trim()).toBe("254:0 100");
  }
});

spec("8.35 devices: deny all, then what is listed; the default devices always", async () => {
  const b = bundle(
    probe(
      "open:rw,/dev/null",
      "open:r,/dev/zero",
      "open:r,/dev/urandom",
      "mknod:c,1,11,/tmp/kmsg",
      "open:r,/tmp/kmsg",
      "mknod:b,254,0,/tmp/disk",
      "open:r,/tmp/disk",
    ),
    {
      process: { noNewPrivileges: false, capabilities: { bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"] } },
      linux: { resources: { devices: [{ allow: false, access: "rwm" }] } },
    },
  );
  const f = await facts(b);
  expect([f.get("open:rw,/dev/null"), f.get("open:r,/dev/zero"), f.get("open:r,/dev/urandom")]).toEqual(["ok", "ok", "ok"]);
  expect(f.get("open:r,/tmp/kmsg")).toBe("EPERM");
  expect(f.get("open:r,/tmp/disk")).toBe("EPERM");
});

spec("8.35 a device that is allowed, with its access", async () => {
  const caps = { bounding: ["CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_SYSLOG"], effective: ["CAP_MKNOD", "CAP_SYSLOG"], permitted: ["CAP_MKNOD", "CAP_SYSLOG"] };
  const run = async (access: string) =>
    facts(
      bundle(probe("mknod:c,10,229,/tmp/fuse", "open:r,/tmp/fuse", "open:w,/tmp/fuse"), {
        process: { noNewPrivileges: false, capabilities: caps },
        linux: {
          resources: {
            devices: [
              { allow: false, access: "rwm" },
              { allow: true, type: "c", major: 10, minor: 229, access },
            ],
          },
        },
      }),
    );
  const all = await run("rwm");
  expect([all.get("mknod:c,10,229,/tmp/fuse"), all.get("open:r,/tmp/fuse")]).toEqual(["ok", "ok"]);
  const onlyRead = await run("rm");
  expect([onlyRead.get("open:r,/tmp/fuse"), onlyRead.get("open:w,/tmp/fuse")]).toEqual(["ok", "EPERM"]);
});

spec("8.35 GO-2022-0396 rules apply in order: deny all last means all denied", async () => {
  const f = await facts(
    bundle(probe("mknod:c,10,229,/tmp/fuse", "open:r,/tmp/fuse"), {
      process: { noNewPrivileges: false, capabilities: { bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"] } },
      linux: {
        resources: {
          devices: [
            { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
            { allow: false, access: "rwm" },
          ],
        },
      },
    }),
  );
  expect(f.get("open:r,/tmp/fuse")).not.toBe("ok");
});

spec(
  "8.35 a rule without a type is for all, without a number for any, and a later one takes back a part",
  oracle({ crun: "lets it through on cgroup v1" }),
  async () => {
    const caps = { bounding: ["CAP_MKNOD", "CAP_SYSLOG"], effective: ["CAP_MKNOD", "CAP_SYSLOG"], permitted: ["CAP_MKNOD", "CAP_SYSLOG"] };
    // Nodes may be made in any case, as under runc: it is their use that the rules decide.
    const nodes = ["mknod:c,10,229,/tmp/fuse", "mknod:c,1,11,/tmp/kmsg"];
    const words = ["open:r,/tmp/fuse", "open:r,/tmp/kmsg"];
    const run = async (...devices: JsonObject[]) => {
      const f = await facts(bundle(probe(...nodes, ...words), { process: { noNewPrivileges: false, capabilities: caps }, linux: { resources: { devices } } }));
      return words.filter((word) => f.get(word) === "ok");
    };
    const none = { allow: false, access: "rwm" };
    const [fuse, kmsg] = [words.slice(0, 1), words.slice(1)];
    expect(await run({ allow: true, access: "rwm" })).toEqual(words);
    expect(await run({ allow: true, type: "a", access: "rwm" })).toEqual(words);
    expect(await run(none, { allow: true, type: "c", access: "rwm" })).toEqual(words);
    expect(await run(none, { allow: true, type: "c", major: 10, access: "rwm" })).toEqual(fuse);
    expect(await run(none, { allow: true, type: "c", minor: 11, access: "rwm" })).toEqual(kmsg);
    expect(await run(none, { allow: true, type: "b", access: "rwm" })).toEqual([]);
    const partly = [none, { allow: true, type: "c", access: "rwm" }, { allow: false, type: "c", major: 1, minor: 11, access: "rwm" }];
    // cgroup v1 has no exceptions within a rule: an error then, never an allowance that was taken back.
    if (isV2("devices")) expect(await run(...partly)).toEqual(fuse);
    else await refused(withResources({ devices: partly }));
  },
);

spec("8.35 wrong rules are errors", oracle({ runc: "1.1 checks no letters" }), async () => {
  await refused(withResources({ devices: [{ allow: true, access: "rwx" }] }));
  await refused(withResources({ devices: [{ allow: true, type: "z", access: "rwm" }] }));
});

spec("8.33 a cgroup namespace hides the path", async () => {
  const f = await facts(
    bundle(probe("cgroup"), {
      linux: { namespaces: [{ type: "pid" }, { type: "mount" }, { type: "uts" }, { type: "ipc" }, { type: "network" }, { type: "cgroup" }] },
    }),
  );
  for (const line of f.all("cgroup").filter((one) => /:(memory|pids)?:/.test(one))) expect(line).not.toContain("tsrun-t");
});

spec(
  "3.21 processes that fork all the time in the host's pid namespace: kill --all and delete get all of them",
  oracle({ runc: "1.1 leaves the cgroup", crun: "leaves the cgroup" }),
  async () => {
    // A shell that the limit refuses a fork ends: the container's own process is none of them.
    const script = "echo up; fork() { while :; do (fork) & sleep 0.1; done; }; fork 2> /dev/null & exec sleep 1000";
    const namespaces = NAMESPACES.filter(({ type }) => type !== "pid");
    const b = bundle({ process: { args: ["/bin/sh", "-c", script] } }, { linux: { namespaces, resources: { pids: { limit: 400 } } } });
    for (const end of [
      (container: Container) => container.kill("KILL", { flags: ["--all"] }),
      (container: Container) => container.delete({ flags: ["--force"] }),
    ]) {
      const container = await new Container(b).up();
      await container.said("up");
      const { pid } = await container.state();
      const directory = cgroupDirectory(pid, "pids");
      await until("many processes", () => readFileSync(`${directory}/cgroup.procs`, "utf8").split("\n").length > 20);
      ok(await end(container));
      await container.delete({ flags: ["--force"] });
      expect(existsSync(directory ?? "")).toBe(false);
    }
  },
);

spec("8.43 unified on cgroup v1 is an error, or ignored where v2 rules nothing", needs("cgroupV1"), async () => {
  await refused(withResources({ unified: { "memory.max": "1000000" } }));
});

spec("the cgroup is empty of the runtime: only the container's processes are charged", async () => {
  const container = await new Container(bundle(probe("echo:up", "pause"))).up();
  await container.said("up");
  const { pid } = await container.state();
  expect(readFileSync(`${cgroupDirectory(pid, "memory")}/cgroup.procs`, "utf8").trim()).toBe(String(pid));
});

spec("3.21 a container is deleted when a process that stands still is left in its cgroup", oracle({ runc: "takes the container for paused" }), async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  const { pid } = await container.state();
  const directory = cgroupDirectory(pid, "freezer") ?? "";
  const script = `sleep 60 > /dev/null 2>&1 & echo $! > "$1/cgroup.procs"; echo $!`;
  const inside = Number(ok(await exec(["sh", "-c", script, "-", directory])).stdout);
  ok(await container.kill("KILL"));
  await container.stopped();
  const [file, word] = isV2("freezer") ? ["cgroup.freeze", "1"] : ["freezer.state", "FROZEN"];
  writeFileSync(`${directory}/${file}`, word);
  process.kill(inside, "SIGKILL");
  ok(await container.delete());
  expect(existsSync(directory)).toBe(false);
});

spec(
  "3.21 a cgroup that the container has made, with a name that is no UTF-8, is the container's like any other",
  oracle({ runc: "1.1 leaves the processes in it" }),
  async () => {
    const b = bundle(probe("pause"), { linux: { namespaces: NAMESPACES.filter(({ type }) => type !== "pid") } });
    const container = await new Container(b).up();
    const directory = cgroupDirectory((await container.state()).pid, "freezer");
    const script = `d="$1/$(printf '\\320')"; mkdir "$d" "$d/inner"; sleep 60 > /dev/null 2>&1 & echo $! > "$d/inner/cgroup.procs"; echo $!`;
    const inside = Number(ok(await exec(["sh", "-c", script, "-", directory ?? ""])).stdout);
    // Peers list those of the cgroup itself alone.
    if (RUNTIME === "tsrun") expect(JSON.parse(ok(await container.command("ps", { flags: ["--format", "json"] })).stdout)).toContain(inside);
    ok(await container.delete({ flags: ["--force"] }));
    await until("the end of the process inside", () => !existsSync(`/proc/${inside}`));
    expect(existsSync(directory ?? "")).toBe(false);
  },
);

spec(
  "3.04 8.35 a limit or a device rule, and no cgroups on the machine: an error, never a container without it",
  oracle({ runc: "panics", crun: "goes on without" }),
  async () => {
    const without = (b: Bundle, ...more: string[]) =>
      exec([
        "unshare",
        "-m",
        "sh",
        "-c",
        'umount -R -l /sys/fs/cgroup; exec "$@"',
        "-",
        ...COMMAND,
        "--root",
        ROOT,
        ...more,
        "run",
        "--bundle",
        b.directory,
        b.name,
      ]);
    const limited = bundle(probe("echo:x"), { linux: { resources: { devices: null, memory: { limit: 100_000_000 } } } });
    fails(await without(limited), /no cgroup controller "memory"/);
    const denied = bundle(probe("echo:x"), { linux: { resources: { devices: [{ allow: false, access: "rwm" }] } } });
    fails(await without(denied), /no cgroup controller "devices"/);
    const free = bundle(probe("echo:x"), { linux: { resources: { devices: [{ allow: true, access: "rwm" }] } } });
    ok(await without(free));
  },
);
