// pause, resume, ps.
import { expect } from "bun:test";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { oracle, spec } from "../helpers/spec.ts";

spec("2.04 pause and resume: the status, and the processes stand still", async () => {
  const container = await new Container(bundle({ process: { args: ["/bin/sh", "-c", "while :; do echo tick; sleep 0.02; done"] } })).up();
  await container.said("tick");
  ok(await container.command("pause"));
  expect(await container.status()).toBe("paused");
  const before = container.output().length;
  await Bun.sleep(100);
  expect(container.output().length).toBe(before);
  ok(await container.command("resume"));
  expect(await container.status()).toBe("running");
  await container.said("tick\n".repeat(Math.floor(before / 5) + 2));
});

spec("pause: errors in runc's words", oracle({ crun: "freezes again without a word" }), async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  fails(await container.command("resume"), /not paused/);
  ok(await container.command("pause"));
  fails(await container.command("pause"), /not running/);
  ok(await container.command("resume"));
  ok(await container.kill("KILL"));
  await container.stopped();
  fails(await container.command("pause"), /not running/);
  fails(await container.command("resume"), /not paused/);
});

spec("a paused container can be killed and deleted", oracle({ crun: "1.8 refuses" }), async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  ok(await container.command("pause"));
  ok(await container.kill("KILL"));
  await container.stopped();
  ok(await container.delete());
});

spec("ps: a table of the host's ps, or pids as JSON", async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  const { pid } = await container.state();
  const table = ok(await container.command("ps"))
    .stdout.trimEnd()
    .split("\n");
  expect(table[0]).toMatch(/UID\s+PID/);
  expect(table.length).toBe(2);
  expect(table[1]).toContain(` ${pid} `);
  expect(JSON.parse(ok(await container.command("ps", { flags: ["-f", "json"] })).stdout)).toEqual([pid]);
});

spec("ps: options for ps(1) go after the id", oracle({ crun: "takes none" }), async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  const { pid } = await container.state();
  const lines = ok(await container.command("ps", {}, "-o", "pid,comm", "-e"))
    .stdout.trimEnd()
    .split("\n");
  expect(lines[0]?.trim()).toMatch(/^PID COMMAND$/);
  expect(lines.slice(1)).toEqual([expect.stringContaining(String(pid))]);
  fails(await container.command("ps", {}, "-o", "comm"), /PID|pid/);
});
