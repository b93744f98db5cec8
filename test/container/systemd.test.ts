// --systemd-cgroup: a transient scope of systemd around the container.
import { expect } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { BUILD } from "../helpers/runtime.ts";
import { needs, oracle, spec, tsrunOnly } from "../helpers/spec.ts";
import { propertiesOf } from "../helpers/units.ts";

const MIB = 1 << 20;
const GLOBALS = { globals: ["--systemd-cgroup"] };

function inScope(patch: JsonObject = {}): { b: Bundle; unit: string } {
  const b = bundle(probe("pause"), patch);
  const rewritten = b.rewrite({ linux: { cgroupsPath: `tsrun-test.slice:pre:${b.name}` } });
  return { b: rewritten, unit: `pre-${b.name}.scope` };
}

async function up(b: Bundle): Promise<Container> {
  const container = new Container(b);
  ok(await container.create(GLOBALS));
  ok(await container.start());
  return container;
}

const show = (unit: string, ...names: string[]) => propertiesOf(unit, names);
const active = async (unit: string) => (await show(unit, "ActiveState"))[0];

spec("systemd: the container is in slice and scope of its cgroupsPath, and delete takes the unit away", needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope();
  const container = await up(b);
  const path = readFileSync(`/proc/${(await container.state()).pid}/cgroup`, "utf8");
  expect(path).toContain(`/tsrun.slice/tsrun-test.slice/${unit}`);
  expect(await show(unit, "ActiveState", "Slice", "Delegate")).toEqual(["active", "tsrun-test.slice", "yes"]);
  ok(await container.delete({ flags: ["--force"] }));
  await until("the end of the unit", () => !existsSync(`/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}`));
  expect(await active(unit)).toBe("inactive");
});

spec("systemd: limits are in the files and known to systemd", needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope({
    linux: { resources: { memory: { limit: 64 << 20 }, pids: { limit: 55 }, cpu: { quota: 50000, period: 100000, shares: 1024 } } },
  });
  await up(b);
  const directory = `/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}`;
  const read = (file: string) => readFileSync(`${directory}/${file}`, "utf8").trim();
  expect([read("memory.max"), read("pids.max"), read("cpu.max")]).toEqual([String(64 << 20), "55", "50000 100000"]);
  expect(await show(unit, "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec")).toEqual([String(64 << 20), "55", "500ms"]);
});

spec("systemd: update changes file and property", needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope();
  const container = await up(b);
  ok(await container.command("update", { flags: ["--memory", "96M", "--pids-limit", "44"] }));
  expect(readFileSync(`/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}/memory.max`, "utf8").trim()).toBe(String(96 << 20));
  expect(await show(unit, "MemoryMax", "TasksMax")).toEqual([String(96 << 20), "44"]);
});

spec("systemd: org.systemd.property annotations", needs("systemd", "cgroupV2"), async () => {
  const annotations = {
    "org.systemd.property.TimeoutStopUSec": "uint64 123000000",
    "org.systemd.property.CollectMode": "'inactive'",
    "org.systemd.property.MemoryHigh": "uint64 33554432",
  };
  const { b, unit } = inScope({ annotations });
  await up(b);
  expect(await show(unit, "TimeoutStopUSec", "CollectMode", "MemoryHigh")).toEqual(["2min 3s", "inactive", "33554432"]);
  const wrong = inScope({ annotations: { "org.systemd.property.TimeoutStopUSec": "soon" } });
  fails(await new Container(wrong.b).create(GLOBALS));
});

spec("systemd: exec, pause, resume, kill --all", needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope();
  const container = await up(b);
  expect(ok(await container.command("exec", {}, "/bin/cat", "/proc/self/cgroup")).code).toBe(0);
  ok(await container.command("pause"));
  expect(await container.status()).toBe("paused");
  ok(await container.command("resume"));
  ok(await container.kill("KILL", { flags: ["--all"] }));
  await container.stopped();
  ok(await container.delete());
  expect(await active(unit)).toBe("inactive");
});

spec("systemd: a create that fails leaves no unit", needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope();
  fails(await new Container(b.rewrite({ process: { args: ["/nosuch"] } })).create(GLOBALS));
  await until("the end of the unit", async () => (await active(unit)) === "inactive");
});

spec("systemd: a cgroupsPath of another form is an error", oracle({ crun: "takes it as a name" }), needs("systemd", "cgroupV2"), async () => {
  for (const cgroupsPath of ["/absolute/path", "a:b", "no-slice:x:y", "a/b.slice:x:y", "a.slice:x:y.slice"])
    fails(await new Container(bundle(probe("pause"), { linux: { cgroupsPath } })).create(GLOBALS));
});

/** Limits, systemd's words for them, and what is in the files. */
const PROPERTIES: readonly (readonly [
  name: string,
  resources: JsonObject,
  properties: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
])[] = [
  [
    "memory",
    { memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 96 * MIB } },
    { MemoryMax: String(64 * MIB), MemoryLow: String(32 * MIB), MemorySwapMax: String(32 * MIB) },
    { "memory.max": String(64 * MIB), "memory.low": String(32 * MIB), "memory.swap.max": String(32 * MIB) },
  ],
  ["no limit", { memory: { limit: -1 }, pids: { limit: -1 } }, { MemoryMax: "infinity", TasksMax: "infinity" }, { "memory.max": "max", "pids.max": "max" }],
  [
    "processors",
    { cpu: { shares: 2048, quota: 12500, period: 50000, cpus: "0-1", mems: "0" } },
    { CPUWeight: "174", CPUQuotaPerSecUSec: "250ms", CPUQuotaPeriodUSec: "50ms", AllowedCPUs: "0-1", AllowedMemoryNodes: "0" },
    { "cpu.weight": "174", "cpu.max": "12500 50000", "cpuset.cpus": "0-1", "cpuset.mems": "0" },
  ],
  ["an idle container", { cpu: { idle: 1 } }, { CPUWeight: "idle" }, { "cpu.idle": "1" }],
  [
    "block devices",
    {
      blockIO: {
        weight: 500,
        throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 1048576 }],
        throttleWriteIOPSDevice: [{ major: 254, minor: 0, rate: 100 }],
      },
    },
    { IOWeight: "4950", IOReadBandwidthMax: "/dev/block/254:0 1048576", IOWriteIOPSMax: "/dev/block/254:0 100" },
    { "io.weight": "default 4950", "io.max": "254:0 rbps=1048576 wbps=max riops=max wiops=100" },
  ],
  [
    "unified",
    { unified: { "memory.high": "50M", "memory.min": "1048576", "cpu.max": "30000 100000", "pids.max": "12" } },
    { MemoryHigh: String(50 * MIB), MemoryMin: String(MIB), CPUQuotaPerSecUSec: "300ms", TasksMax: "12" },
    { "memory.high": String(50 * MIB), "memory.min": String(MIB), "cpu.max": "30000 100000", "pids.max": "12" },
  ],
];

for (const [name, resources, properties, files] of PROPERTIES)
  spec(`systemd: ${name}: in the files and known to systemd`, tsrunOnly, needs("systemd", "cgroupV2"), async () => {
    const { b, unit } = inScope({ linux: { resources } });
    await up(b);
    const content = Object.fromEntries(
      Object.keys(files).map((file) => [file, readFileSync(`/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}/${file}`, "utf8").trim()]),
    );
    expect(content).toEqual(files);
    expect(await show(unit, ...Object.keys(properties))).toEqual(Object.values(properties));
  });

spec("systemd: update of a quota is exact, though systemd rounds", tsrunOnly, needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope({ linux: { resources: { cpu: { quota: 50000, period: 100000 } } } });
  const container = await up(b);
  ok(await container.command("update", { flags: ["--cpu-quota", "12345"] }));
  expect(readFileSync(`/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}/cpu.max`, "utf8").trim()).toBe("12345 100000");
  expect(await show(unit, "CPUQuotaPerSecUSec")).toEqual(["130ms"]);
});

spec("systemd: limits and device rules hold after it has reloaded", { ...needs("systemd", "cgroupV2"), timeoutMs: 90_000 }, async () => {
  const resources = { memory: { limit: 64 * MIB }, cpu: { shares: 1024, quota: 12500, period: 50000, cpus: "0" }, unified: { "memory.high": "33554432" } };
  const { b, unit } = inScope({
    process: { capabilities: { bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"] } },
    linux: { resources },
  });
  const container = await up(b);
  const files = ["memory.max", "memory.high", "cpu.weight", "cpu.max", "cpuset.cpus"];
  const content = () => files.map((file) => readFileSync(`/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}/${file}`, "utf8").trim());
  const before = content();
  ok(await exec(["systemctl", "daemon-reload"], { timeoutMs: 60_000 }));
  expect(content()).toEqual(before);
  const open = ["/probe", "mknod:c,1,11,/tmp/kmsg", "open:r,/tmp/kmsg", "open:rw,/dev/null"];
  expect(ok(await container.command("exec", {}, ...open)).stdout).toContain("open:r,/tmp/kmsg=EPERM\nopen:rw,/dev/null=ok");
});

spec("systemd: the same id thirty times: no unit is in the way of the next", { ...needs("systemd", "cgroupV2"), timeoutMs: 120_000 }, async () => {
  const { b, unit } = inScope();
  const container = new Container(b);
  for (let i = 0; i < 30; i++) {
    ok(await container.create(GLOBALS));
    ok(await container.delete());
  }
  expect(await show(unit, "ActiveState", "LoadState")).toEqual(["inactive", "not-found"]);
});

spec("systemd: a unit that has failed, or is about to end, gives way; one that runs does not", tsrunOnly, needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope();
  const run = (...words: string[]) => exec(["systemd-run", "--scope", "--slice=tsrun-test.slice", `--unit=${unit}`, ...words]);
  // Its one process ends by the kernel's hand when it takes too much.
  await run("--property=MemoryMax=8M", "--property=OOMPolicy=kill", `${BUILD}/probe`, "hold:64");
  await until("the failed unit", async () => (await active(unit)) === "failed");
  const container = new Container(b);
  ok(await container.create(GLOBALS));
  ok(await container.delete());
  const other = Bun.spawn(["systemd-run", "--scope", "--slice=tsrun-test.slice", `--unit=${unit}`, "sleep", "1000"], { stderr: "ignore" });
  await until("the running unit", async () => (await active(unit)) === "active");
  fails(await container.create(GLOBALS), /already/);
  expect(await active(unit)).toBe("active");
  other.kill();
  await other.exited;
});

spec("systemd: a container that was killed for its memory leaves no failed unit", needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope({ process: { args: ["/probe", "hold:64"] }, linux: { resources: { memory: { limit: 16 * MIB } } } });
  const container = new Container(b);
  expect((await container.run(GLOBALS)).code).not.toBe(0);
  await until("the end of the unit", async () => (await active(unit)) === "inactive");
});

spec(
  "8.33 systemd: a scope that the container can write to is its user's",
  oracle({ crun: "gives it to root's mapping" }),
  needs("systemd", "cgroupV2"),
  async () => {
    const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
    const { b, unit } = inScope({
      process: { args: ["/bin/sh", "-c", "mkdir /sys/fs/cgroup/own && echo made; exec sleep 1000"] },
      linux: { namespaces: ["pid", "mount", "uts", "ipc", "network", "user", "cgroup"].map((type) => ({ type })), uidMappings: map, gidMappings: map },
      mounts: [...MOUNTS, { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"] }],
    });
    ok(await exec(["chown", "-R", "--no-dereference", "100000:100000", b.rootfs]));
    const container = await up(b);
    await container.said("made");
    const directory = `/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}`;
    expect(["", "/cgroup.procs", "/own", "/memory.max"].map((file) => statSync(`${directory}${file}`).uid)).toEqual([100000, 100000, 100000, 0]);
    ok(await container.delete({ flags: ["--force"] }));
    expect(existsSync(directory)).toBe(false);
  },
);

spec("systemd: delete waits for a process that takes its time to end, as long as systemd gives it", needs("systemd", "cgroupV2"), async () => {
  const { b, unit } = inScope({ annotations: { "org.systemd.property.TimeoutStopUSec": "uint64 2000000" } });
  const container = await up(b);
  const directory = `/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}`;
  // One of the host that somebody has put there.
  const stray = Bun.spawn(["sh", "-c", "trap '' TERM; echo 0 > $0/cgroup.procs; while :; do sleep 1000; done", directory]);
  await until("the stray process", () => readFileSync(`${directory}/cgroup.procs`, "utf8").includes(String(stray.pid)));
  ok(await container.delete({ flags: ["--force"] }));
  expect(existsSync(directory)).toBe(false);
  await stray.exited;
});
