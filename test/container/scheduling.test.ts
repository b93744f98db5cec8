// How the program is scheduled and where its memory comes from: scheduler, ioPriority, execCPUAffinity, memoryPolicy, personality.
import { expect } from "bun:test";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { cgroupValue } from "../helpers/cgroups.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused, runtime } from "../helpers/container.ts";
import { Facts } from "../helpers/facts.ts";
import { findCgroups } from "../helpers/leftovers.ts";
import { oracle, spec } from "../helpers/spec.ts";

const old = oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" });

const withScheduler = (scheduler: JsonObject, patch: JsonObject = {}) => bundle(probe("sched"), { process: { scheduler } }, patch);

/** cgroup v1 with real-time groups: a new cgroup has no budget, and nothing in it may become real-time. */
const RT_BUDGET = "/sys/fs/cgroup/cpu/cpu.rt_runtime_us";

/** Below a cgroup that has a real-time budget where the kernel shares it out. */
async function withRealTime(body: (cgroup: JsonObject) => Promise<void>): Promise<void> {
  const { name } = bundle();
  const parent = `/${name}-rt`;
  if (!existsSync(RT_BUDGET)) {
    await body({});
    return;
  }
  mkdirSync(`/sys/fs/cgroup/cpu${parent}`);
  try {
    writeFileSync(`/sys/fs/cgroup/cpu${parent}/cpu.rt_runtime_us`, "20000");
    await body({ linux: { cgroupsPath: `${parent}/inner`, resources: { cpu: { realtimeRuntime: 10000, realtimePeriod: 1000000 } } } });
  } finally {
    for (const found of findCgroups(`${name}-rt`)) rmdirSync(found);
  }
}

spec("7.10 the policies that need no rights: other, batch, idle; nice is 0 unless given", old, async () => {
  for (const [policy, number] of [
    ["SCHED_OTHER", 0],
    ["SCHED_BATCH", 3],
    ["SCHED_IDLE", 5],
  ] as const) {
    expect((await facts(withScheduler({ policy }))).get("sched")).toStartWith(`policy=${number} flags=0 nice=0 priority=0`);
    // The kernel has no nice for idle.
    const nice = policy === "SCHED_IDLE" ? 0 : 7;
    expect((await facts(withScheduler({ policy, nice: 7 }))).get("sched")).toStartWith(`policy=${number} flags=0 nice=${nice} priority=0`);
  }
  expect((await facts(withScheduler({ policy: "SCHED_OTHER", nice: -5 }))).get("sched")).toStartWith("policy=0 flags=0 nice=-5");
});

spec("7.10 8.37 the real-time policies: fifo and round-robin, with a priority, in a cgroup with a budget", old, async () => {
  await withRealTime(async (cgroup) => {
    for (const [policy, number] of [
      ["SCHED_FIFO", 1],
      ["SCHED_RR", 2],
    ] as const)
      expect((await facts(withScheduler({ policy, priority: 12 }, cgroup))).get("sched")).toStartWith(`policy=${number} flags=0 nice=0 priority=12`);
  });
});

spec("7.10 the deadline policy, with runtime, deadline and period", old, async () => {
  const times = { runtime: 1_000_000, deadline: 20_000_000, period: 50_000_000 };
  const f = await facts(withScheduler({ policy: "SCHED_DEADLINE", ...times }));
  expect(f.get("sched")).toBe("policy=6 flags=0 nice=0 priority=0 runtime=1000000 deadline=20000000 period=50000000");
  // The kernel takes the deadline for an absent period.
  const short = await facts(withScheduler({ policy: "SCHED_DEADLINE", runtime: times.runtime, deadline: times.deadline }));
  expect(short.get("sched")).toContain("deadline=20000000 period=20000000");
});

spec("7.10 flags: reset on fork, reclaim and overrun, what is to be kept", old, async () => {
  const times = { runtime: 1_000_000, deadline: 20_000_000, period: 20_000_000 };
  const flags = (...names: string[]) => ({ flags: names.map((name) => `SCHED_FLAG_${name}`) });
  expect((await facts(withScheduler({ policy: "SCHED_BATCH", ...flags("RESET_ON_FORK") }))).get("sched")).toStartWith("policy=3 flags=1 ");
  for (const [name, bit] of [
    ["RECLAIM", 2],
    ["DL_OVERRUN", 4],
  ] as const)
    expect((await facts(withScheduler({ policy: "SCHED_DEADLINE", ...times, ...flags(name) }))).get("sched")).toStartWith(`policy=6 flags=${bit} `);
  expect((await facts(withScheduler({ policy: "SCHED_BATCH", nice: 3, ...flags("KEEP_POLICY") }))).get("sched")).toStartWith("policy=0 flags=0 nice=3");
  expect((await facts(withScheduler({ policy: "SCHED_BATCH", nice: 3, ...flags("KEEP_PARAMS") }))).get("sched")).toStartWith("policy=0 flags=0 nice=0");
});

spec("7.10 3.07 what the kernel refuses is an error, never another policy", old, async () => {
  // No kernel has SCHED_ISO; few are built with utilisation clamps.
  await refused(withScheduler({ policy: "SCHED_ISO" }));
  await refused(withScheduler({ policy: "SCHED_DEADLINE", runtime: 30_000_000, deadline: 20_000_000, period: 20_000_000 }));
  for (const name of ["MIN", "MAX"]) {
    const clamped = await new Container(withScheduler({ policy: "SCHED_OTHER", flags: [`SCHED_FLAG_UTIL_CLAMP_${name}`] })).run();
    if (clamped.code === 0) expect(clamped.stdout).toMatch(/flags=(32|64) /);
    else expect(clamped.stderr).toContain("sched_setattr");
  }
  if (existsSync(RT_BUDGET)) await refused(withScheduler({ policy: "SCHED_FIFO", priority: 1 }), /sched_setattr.*EPERM/);
});

spec("8.37 a real-time budget of cgroup v1", async () => {
  if (!existsSync(RT_BUDGET)) return;
  await withRealTime(async (cgroup) => {
    const container = new Container(bundle(probe("pause"), cgroup));
    ok(await container.create());
    const { pid } = await container.state();
    expect(cgroupValue(pid, "cpu", "cpu.rt_runtime_us", "")).toBe("10000");
    expect(cgroupValue(pid, "cpu", "cpu.rt_period_us", "")).toBe("1000000");
    ok(await container.delete({ flags: ["--force"] }));
  });
});

spec("7.11 every class and priority of ioPriority", old, async () => {
  for (const [name, number] of [
    ["RT", 1],
    ["BE", 2],
    ["IDLE", 3],
  ] as const)
    for (const priority of [0, 7])
      expect((await facts(bundle(probe("ioprio"), { process: { ioPriority: { class: `IOPRIO_CLASS_${name}`, priority } } }))).get("ioprio")).toBe(
        `${number} ${priority}`,
      );
});

const withPolicy = (memoryPolicy: JsonObject) => bundle(probe("mempolicy"), { linux: { memoryPolicy } });

spec("8.60 every mode of memoryPolicy is the program's, with its nodes", old, async () => {
  for (const [mode, number, nodes] of [
    ["DEFAULT", 0, ""],
    ["PREFERRED", 1, "0"],
    ["BIND", 2, "0"],
    ["INTERLEAVE", 3, "0"],
    ["LOCAL", 4, ""],
    ["PREFERRED_MANY", 5, "0"],
    ["WEIGHTED_INTERLEAVE", 6, "0"],
  ] as const) {
    const f = await facts(withPolicy({ mode: `MPOL_${mode}`, ...(nodes === "" ? {} : { nodes }) }));
    expect({ mode, seen: f.get("mempolicy") }).toEqual({ mode, seen: `${number} ${nodes === "" ? 0 : 1}` });
  }
});

spec("8.60 every flag of memoryPolicy, and nodes that are not there", old, async () => {
  for (const [flag, bit] of [
    ["STATIC_NODES", "8002"],
    ["RELATIVE_NODES", "4002"],
    ["NUMA_BALANCING", "2002"],
  ] as const) {
    const f = await facts(withPolicy({ mode: "MPOL_BIND", nodes: "0", flags: [`MPOL_F_${flag}`] }));
    expect({ flag, seen: f.get("mempolicy") }).toEqual({ flag, seen: `${bit} 1` });
  }
  await refused(withPolicy({ mode: "MPOL_BIND", nodes: "1000" }), /set_mempolicy/);
  await refused(withPolicy({ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] }), /set_mempolicy/);
});

spec("8.60 8.62 exec has the container's memory policy and personality", old, async () => {
  const container = await new Container(
    bundle(probe("pause"), { linux: { memoryPolicy: { mode: "MPOL_INTERLEAVE", nodes: "0" }, personality: { domain: "LINUX32" } } }),
  ).up();
  const f = new Facts(ok(await container.command("exec", {}, "/probe", "mempolicy", "personality")).stdout);
  expect([f.get("mempolicy"), f.get("personality")]).toEqual(["3 1", "8"]);
});

/** exec with this affinity in a container whose cpuset is the given one. */
async function execWith(cpus: string, execCPUAffinity: JsonObject) {
  const container = await new Container(bundle(probe("pause"), { linux: { resources: { cpu: { cpus } } } })).up();
  const path = `${container.bundle.directory}/process.json`;
  writeFileSync(path, JSON.stringify({ cwd: "/", args: ["/probe", "affinity"], user: { uid: 0, gid: 0 }, execCPUAffinity }));
  return runtime(["exec", "--process", path, container.id]);
}

spec("7.12 initial counts outside of the container's cgroup, final in it", old, async () => {
  // The container's cpuset is processor 1 alone: 0 can only be had before the process is in it.
  const affinity = async (execCPUAffinity: JsonObject) => new Facts(ok(await execWith("1", execCPUAffinity)).stdout).get("affinity");
  expect(await affinity({ initial: "0", final: "1" })).toBe("1");
  expect(await affinity({ initial: "0" })).toBe("1");
  expect(await affinity({ final: "0-1" })).toBe("1");
  fails(await execWith("1", { final: "0" }), /sched_setaffinity/);
  fails(await execWith("1", { initial: "1000" }), /sched_setaffinity/);
});

spec("7.12 an absent or empty final leaves the mask to the kernel", async () => {
  for (const execCPUAffinity of [{}, { final: "" }, { initial: "", final: "" }])
    expect(new Facts(ok(await execWith("0-1", execCPUAffinity)).stdout).get("affinity")).toBe("0,1");
});

spec("7.12 execCPUAffinity of the config is for exec, and changes nothing for the container's own program", old, async () => {
  const container = new Container(bundle(probe("affinity", "pause"), { process: { execCPUAffinity: { initial: "0", final: "0" } } }));
  await container.up();
  await container.said("affinity=");
  expect(container.facts().get("affinity")).toBe("0,1");
  expect(new Facts(ok(await container.command("exec", {}, "/probe", "affinity")).stdout).get("affinity")).toBe("0");
});
