// events: statistics in runc's shape, out-of-memory events.
import { expect } from "bun:test";
import { spawn } from "bun";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { until } from "../helpers/exec.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { oracle, ROOT, spec } from "../helpers/spec.ts";

const noEvents = oracle({ crun: "has no events" });

spec("events --stats: the members that engines read", noEvents, async () => {
  const container = await new Container(bundle(probe("pause"), { linux: { resources: { memory: { limit: 64 << 20 }, pids: { limit: 10 } } } })).up();
  const stats = async () => JSON.parse(ok(await container.command("events", { flags: ["--stats"] })).stdout);
  // Threads of a peer's init need a moment to go.
  let event = await stats();
  for (let i = 0; i < 100 && event.data.pids.current > 1; i++) event = await stats();
  expect(event).toMatchObject({ type: "stats", id: container.id });
  const { cpu, memory, pids } = event.data;
  expect(cpu.usage.total).toBeGreaterThan(0);
  expect(memory.usage.limit).toBe(64 << 20);
  expect(memory.usage.usage).toBeGreaterThan(0);
  expect(memory.raw).toHaveProperty("pgfault");
  expect(pids).toEqual({ current: 1, limit: 10 });
  expect(Object.keys(event.data)).toEqual(expect.arrayContaining(["blkio", "hugetlb", "intel_rdt", "cpuset"]));
});

spec("events: of a stopped container are an error", noEvents, async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  ok(await container.kill("KILL"));
  await container.stopped();
  fails(await container.command("events", { flags: ["--stats"] }), /not running/);
});

spec(
  "events: statistics again and again, an oom event, and the end with the container",
  oracle({ runc: "goes on until the cgroup is removed", crun: "has no events" }),
  async () => {
    const args = ["/bin/sh", "-c", "read x < /go; /probe alloc:64 ; sleep 0.3"];
    const container = new Container(bundle({ process: { args } }, { linux: { resources: { memory: { limit: 16 << 20, swap: 16 << 20 } } } }));
    const { spawnSync } = await import("node:child_process");
    spawnSync("mkfifo", [`${container.bundle.rootfs}/go`]);
    await container.up();
    const child = spawn([...COMMAND, "--root", ROOT, "events", "--interval", "100ms", container.id], { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
    let text = "";
    const reading = (async () => {
      for await (const part of child.stdout) text += new TextDecoder().decode(part);
    })();
    await until("two statistics", () => text.split('"stats"').length > 2);
    spawnSync("sh", ["-c", `echo > ${container.bundle.rootfs}/go`]);
    await child.exited;
    await reading;
    const types = text
      .trim()
      .split("\n")
      .map((one) => JSON.parse(one).type);
    expect(types).toContain("oom");
    expect(types.filter((type) => type === "stats").length).toBeGreaterThanOrEqual(2);
    await container.stopped();
  },
);
