// The state document: what `state` prints.
import { expect } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, fails, ok, runtime } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { officialFolder, officialVerdict, readOfficial } from "../helpers/official.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

spec("2.01 2.06 state has ociVersion, id, status, bundle", async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.create());
  const state = await container.state();
  expect(state.ociVersion).toMatch(/^1\.\d+\.\d+/);
  expect(state.id).toBe(container.id);
  expect(state.status).toBe("created");
  expect(state.bundle).toBe(container.bundle.directory);
});

spec("2.05 pid is there when created and running, and is the program's", async () => {
  const container = new Container(bundle(probe("echo:up", "pause")));
  ok(await container.create());
  const { pid } = await container.state();
  expect(pid).toBeGreaterThan(1);
  ok(await container.start());
  await container.said("up");
  expect((await container.state()).pid).toBe(pid);
  expect(await Bun.file(`/proc/${pid}/cmdline`).text()).toBe("/probe\0echo:up\0pause\0");
});

spec("2.05 a stopped container has pid 0 or none", async () => {
  const container = await new Container(bundle(probe("echo:x"))).up();
  expect((await container.stopped()).pid ?? 0).toBe(0);
});

spec("2.07 annotations of the config", async () => {
  const annotations = { "org.example.key": "value", other: "ü", empty: "" };
  const container = new Container(bundle(probe("pause"), { annotations }));
  ok(await container.create());
  expect((await container.state()).annotations).toEqual(annotations);
});

spec("2.07 no annotations: absent or empty", async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.create());
  expect((await container.state()).annotations ?? {}).toEqual({});
});

spec("10.01 the annotation __proto__ is an annotation like any other", async () => {
  const annotations = JSON.parse('{"__proto__": "p", "constructor": "c", "toString": "t"}');
  const container = new Container(bundle(probe("pause"), { annotations }));
  ok(await container.create());
  const text = ok(await container.command("state")).stdout;
  expect(text).toMatch(/"__proto__": ?"p"/);
  expect(text).toMatch(/"constructor": ?"c"/);
});

spec("1.02 10.02 unknown and reserved annotations are no error", async () => {
  ok(await new Container(bundle({ annotations: { "org.opencontainers.unknown": "x", "com.example": "y" } })).run());
});

spec("10.01 annotations must be strings", async () => {
  const result = await new Container(bundle({ annotations: { number: 5 } })).create();
  expect(result.code).not.toBe(0);
});

spec("state tells rootfs, created and owner, as runc does", oracle({ crun: "no owner word" }), async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.create());
  const state = await container.state();
  expect(state.rootfs).toBe(container.bundle.rootfs);
  expect(Date.parse(state.created ?? "")).toBeGreaterThan(Date.now() - 60_000);
  expect(state).toHaveProperty("owner");
});

spec("2.06 bundle is absolute and without links when --bundle was relative", async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.command("create", { cwd: container.bundle.directory, flags: ["--bundle", "."] }));
  expect((await container.state()).bundle).toBe(container.bundle.directory);
});

spec("2.08 the state fits the official schema", needs("officialSchemas"), async () => {
  const isState = officialVerdict(readOfficial(officialFolder() ?? ""), "state-schema.json");
  const container = new Container(bundle(probe("echo:x"), { annotations: { a: "b" } }));
  ok(await container.create());
  expect(isState(await container.state())).toBe(true);
  ok(await container.start());
  expect(isState(await container.stopped())).toBe(true);
});

spec("9.02 the features fit the official schema", needs("officialSchemas"), oracle({ crun: "1.8 has no features" }), async () => {
  const isFeatures = officialVerdict(readOfficial(officialFolder() ?? ""), "features-schema.json");
  expect(isFeatures(JSON.parse(ok(await runtime(["features"])).stdout))).toBe(true);
});

spec("2.06 3.19 3.21 a process whose name is no UTF-8, as a long name cut at 15 bytes is, changes nothing", needs("busybox"), async () => {
  const rename = "printf '\\320\\272\\320' > /proc/self/comm; echo renamed; while :; do sleep 0.05; done";
  const container = await new Container(bundle({ process: { args: ["/bin/sh", "-c", rename] } })).up();
  await container.said("renamed");
  expect(await container.status()).toBe("running");
  ok(await container.command("exec", {}, "/bin/true"));
  ok(await runtime(["list"]));
  ok(await container.kill("KILL"));
  await container.stopped();
  ok(await container.delete());
});

spec("3.05 a mount of the host whose name is no UTF-8 changes nothing", async () => {
  const b = bundle(probe("echo:x"));
  const script = `d="${b.directory}/$(printf '\\320')"; mkdir "$d"; mount -t tmpfs tmpfs "$d"; exec "$@"`;
  ok(await exec(["unshare", "-m", "sh", "-c", script, "-", ...COMMAND, "--root", ROOT, "run", "--bundle", b.directory, b.name]));
});

spec("a state that a crash of the machine has cut keeps no other container from being listed; delete --force removes it", tsrunOnly, async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  const cut = `${ROOT}/cut`;
  mkdirSync(cut);
  for (const text of ["", '{"id":', "null"]) {
    writeFileSync(`${cut}/state.json`, text);
    expect(ok(await runtime(["list", "--quiet"])).stdout).toBe(`${container.id}\n`);
    fails(await runtime(["state", "cut"]), /does not exist/);
  }
  ok(await runtime(["delete", "--force", "cut"]));
  expect(existsSync(cut)).toBe(false);
});
