// --systemd-cgroup: a transient scope of systemd around the container.
import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { needs, oracle, spec } from "../helpers/spec.ts";

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

const show = async (unit: string, property: string) => ok(await exec(["systemctl", "show", "--value", "-p", property, unit])).stdout.trim();
const active = (unit: string) => show(unit, "ActiveState");

spec("systemd: the container is in slice and scope of its cgroupsPath, and delete takes the unit away", needs("systemd"), async () => {
  const { b, unit } = inScope();
  const container = await up(b);
  const path = readFileSync(`/proc/${(await container.state()).pid}/cgroup`, "utf8");
  expect(path).toContain(`/tsrun.slice/tsrun-test.slice/${unit}`);
  expect([await active(unit), await show(unit, "Slice"), await show(unit, "Delegate")]).toEqual(["active", "tsrun-test.slice", "yes"]);
  ok(await container.delete({ flags: ["--force"] }));
  await until("the end of the unit", () => !existsSync(`/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}`));
  expect(await active(unit)).toBe("inactive");
});

spec("systemd: limits are in the files and known to systemd", needs("systemd"), async () => {
  const { b, unit } = inScope({
    linux: { resources: { memory: { limit: 64 << 20 }, pids: { limit: 55 }, cpu: { quota: 50000, period: 100000, shares: 1024 } } },
  });
  await up(b);
  const directory = `/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}`;
  const read = (file: string) => readFileSync(`${directory}/${file}`, "utf8").trim();
  expect([read("memory.max"), read("pids.max"), read("cpu.max")]).toEqual([String(64 << 20), "55", "50000 100000"]);
  expect([await show(unit, "MemoryMax"), await show(unit, "TasksMax"), await show(unit, "CPUQuotaPerSecUSec")]).toEqual([String(64 << 20), "55", "500ms"]);
});

spec("systemd: update changes file and property", needs("systemd"), async () => {
  const { b, unit } = inScope();
  const container = await up(b);
  ok(await container.command("update", { flags: ["--memory", "96M", "--pids-limit", "44"] }));
  expect(readFileSync(`/sys/fs/cgroup/tsrun.slice/tsrun-test.slice/${unit}/memory.max`, "utf8").trim()).toBe(String(96 << 20));
  expect([await show(unit, "MemoryMax"), await show(unit, "TasksMax")]).toEqual([String(96 << 20), "44"]);
});

spec("systemd: org.systemd.property annotations", needs("systemd"), async () => {
  const annotations = {
    "org.systemd.property.TimeoutStopUSec": "uint64 123000000",
    "org.systemd.property.CollectMode": "'inactive-or-failed'",
    "org.systemd.property.MemoryHigh": "uint64 33554432",
  };
  const { b, unit } = inScope({ annotations });
  await up(b);
  expect([await show(unit, "TimeoutStopUSec"), await show(unit, "CollectMode"), await show(unit, "MemoryHigh")]).toEqual([
    "2min 3s",
    "inactive-or-failed",
    "33554432",
  ]);
  const wrong = inScope({ annotations: { "org.systemd.property.TimeoutStopUSec": "soon" } });
  fails(await new Container(wrong.b).create(GLOBALS));
});

spec("systemd: exec, pause, resume, kill --all", needs("systemd"), async () => {
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

spec("systemd: a create that fails leaves no unit", needs("systemd"), async () => {
  const { b, unit } = inScope();
  fails(await new Container(b.rewrite({ process: { args: ["/nosuch"] } })).create(GLOBALS));
  await until("the end of the unit", async () => (await active(unit)) === "inactive");
});

spec("systemd: a cgroupsPath of another form is an error", oracle({ crun: "takes it as a name" }), needs("systemd"), async () => {
  for (const cgroupsPath of ["/absolute/path", "a:b", "no-slice:x:y", "a/b.slice:x:y"])
    fails(await new Container(bundle(probe("pause"), { linux: { cgroupsPath } })).create(GLOBALS));
});
