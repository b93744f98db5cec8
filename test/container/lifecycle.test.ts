// create, start, state, kill, delete, run, list: in every order, and what they say when they refuse.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, fails, ok, readLog, refused, runtime } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { leftovers } from "../helpers/leftovers.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec } from "../helpers/spec.ts";

spec("3.05 create does not run the program; start does", async () => {
  const container = new Container(bundle(probe("echo:running", "pause")));
  ok(await container.create());
  expect(await container.status()).toBe("created");
  expect(container.output()).toBe("");
  ok(await container.start());
  await container.said("running");
  expect(await container.status()).toBe("running");
  ok(await container.kill("KILL"));
  expect((await container.stopped()).status).toBe("stopped");
  ok(await container.delete());
  fails(await container.command("state"), /does not exist/);
});

spec("2.03 a program that ends makes the container stopped; delete removes it", async () => {
  const container = await new Container(bundle(probe("echo:x"))).up();
  await container.stopped();
  ok(await container.delete());
  expect(leftovers(container.bundle.name, ROOT)).toEqual([]);
});

spec("3.23 an id may be used anew after delete", async () => {
  const container = new Container(bundle(probe("echo:x")));
  for (let i = 0; i < 2; i++) {
    await container.up();
    await container.stopped();
    ok(await container.delete());
  }
  ok(await container.run());
  ok(await container.run());
});

spec("3.02 an id that is taken is refused, and its container is untouched", async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  const before = await container.state();
  fails(await container.create(), /already exists|with id .* exists/);
  fails(await container.run(), /already exists|with id .* exists/);
  expect(await container.state()).toEqual(before);
});

spec("3.02 invalid ids are refused before any path is made of them", async () => {
  const b = bundle();
  for (const id of ["", ".", "..", "a/b", "../x", "/abs", "a b", "a\nb", "ü", "x".repeat(5000), "a\\b", "a*"]) {
    fails(await runtime(["create", "--bundle", b.directory, id]));
    fails(await runtime(["state", id]));
  }
});

spec("3.02 ids with every allowed character", async () => {
  const container = new Container(bundle(probe("echo:x")), "_A.b+c-1");
  ok(await container.run());
});

spec("3.01 create, start, state, kill, delete without an id are errors", async () => {
  const b = bundle();
  fails(await runtime(["create", "--bundle", b.directory]));
  for (const command of ["start", "state", "kill", "delete"]) fails(await runtime([command]));
});

spec("2.10 3.13 3.18 3.21 an unknown id: does not exist", async () => {
  for (const command of ["start", "state", "kill", "delete"]) fails(await runtime([command, "no-such-container"]), /does not exist/);
});

spec("delete --force of an unknown id is no error", async () => {
  ok(await runtime(["delete", "--force", "no-such-container"]));
});

spec("3.13 start of a running container is refused without effect", async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  fails(await container.start(), /cannot start an already running container|not created|running/);
  expect(await container.status()).toBe("running");
});

spec("3.13 start of a stopped container is refused", async () => {
  const container = await new Container(bundle(probe("echo:x"))).up();
  await container.stopped();
  fails(await container.start(), /stopped|not created/);
  expect(await container.status()).toBe("stopped");
});

spec("3.18 kill of a stopped container: container not running", async () => {
  const container = await new Container(bundle(probe("echo:x"))).up();
  await container.stopped();
  fails(await container.kill("TERM"), /container not running|no such process|not running/);
});

spec("3.18 kill works on a created container", async () => {
  const container = new Container(bundle(probe("echo:x")));
  ok(await container.create());
  ok(await container.kill("KILL"));
  await container.stopped();
  expect(container.output()).toBe("");
});

spec("3.19 kill sends exactly the signal: names, SIG names, numbers", async () => {
  for (const [word, number] of [
    ["USR1", 10],
    ["SIGUSR2", 12],
    ["15", 15],
    ["HUP", 1],
    ["sigint", 2],
    ["34", 34],
  ] as const) {
    const container = await new Container(bundle(probe(`await:${number}`))).up();
    await container.said("awaiting=");
    ok(await container.kill(word));
    await container.stopped();
    expect(container.facts().get(`await:${number}`)).toBe(String(number));
    ok(await container.delete());
  }
});

spec("3.19 kill without a signal sends SIGTERM", async () => {
  const container = await new Container(bundle(probe("await:15"))).up();
  await container.said("awaiting=");
  ok(await container.kill());
  await container.stopped();
  expect(container.facts().get("await:15")).toBe("15");
});

spec("3.18 kill with a signal that does not exist is an error", oracle({ runc: "leaves it to the kernel" }), async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  for (const word of ["NOSUCH", "0x9", "65", "-1", "SIG", "9x", ""]) fails(await container.kill(word));
  expect(await container.status()).toBe("running");
});

spec("kill --all and -a are accepted", async () => {
  const container = await new Container(bundle(probe("spawn:30000", "pause"))).up();
  ok(await container.kill("KILL", { flags: ["--all"] }));
  await container.stopped();
});

spec("3.20 delete of a running container is refused without effect", async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  fails(await container.delete(), /is not stopped|running/);
  expect(await container.status()).toBe("running");
});

spec("delete --force ends a running container", async () => {
  const container = await new Container(bundle(probe("spawn:30000", "pause"))).up();
  ok(await container.delete({ flags: ["--force"] }));
  expect(leftovers(container.bundle.name, ROOT)).toEqual([]);
});

spec("delete of a created container is accepted, as engines expect", async () => {
  const container = new Container(bundle(probe("echo:x")));
  ok(await container.create());
  ok(await container.delete());
  expect(leftovers(container.bundle.name, ROOT)).toEqual([]);
});

spec("delete --force of a created container", async () => {
  const container = new Container(bundle(probe("echo:x")));
  ok(await container.create());
  ok(await container.delete({ flags: ["-f"] }));
  expect(leftovers(container.bundle.name, ROOT)).toEqual([]);
});

spec("3.21 run deletes the container when its program ends", async () => {
  const container = new Container(bundle(probe("exit:3")));
  expect((await container.run()).code).toBe(3);
  fails(await container.command("state"), /does not exist/);
  expect(leftovers(container.bundle.name, ROOT)).toEqual([]);
});

spec("run --keep leaves a stopped container", async () => {
  const container = new Container(bundle(probe("echo:x")));
  ok(await container.run({ flags: ["--keep"] }));
  expect(await container.status()).toBe("stopped");
  ok(await container.delete());
});

spec("run --detach returns while the program runs", async () => {
  const container = new Container(bundle(probe("echo:up", "pause")));
  container.created = ok(await container.run({ flags: ["--detach"] }));
  await container.said("up");
  expect(await container.status()).toBe("running");
});

spec("--pid-file holds the pid, as state tells it, without a line end", async () => {
  const container = new Container(bundle(probe("pause")));
  const file = `${container.bundle.directory}/pid`;
  ok(await container.create({ flags: ["--pid-file", file] }));
  expect(readFileSync(file, "utf8")).toBe(String((await container.state()).pid));
  const second = new Container(bundle(probe("pause")));
  const runFile = `${second.bundle.directory}/pid`;
  second.created = ok(await second.run({ flags: ["--detach", "--pid-file", runFile] }));
  expect(readFileSync(runFile, "utf8")).toBe(String((await second.state()).pid));
});

spec("--pid-file that cannot be written fails the create and leaves nothing", async () => {
  await refused(bundle(probe("pause")), undefined, { flags: ["--pid-file", "/no/such/directory/pid"] });
});

spec("3.01 the bundle defaults to the working directory; a relative one counts from it", async () => {
  const b = bundle(probe("echo:here"));
  const first = new Container(b);
  expect(ok(await runtime(["run", first.id], { cwd: b.directory })).stdout).toBe("here\n");
  expect(ok(await runtime(["run", "--bundle", "..", first.id], { cwd: b.rootfs })).stdout).toBe("here\n");
  expect(ok(await runtime(["run", "-b", b.directory, first.id])).stdout).toBe("here\n");
  expect(ok(await runtime(["run", `--bundle=${b.directory}`, first.id])).stdout).toBe("here\n");
});

spec("1.12 a bundle without config.json is an error", async () => {
  const b = bundle();
  rmSync(`${b.directory}/config.json`);
  await refused(b, /config\.json|specification file/i);
});

spec("3.01 a bundle that is not there is an error", async () => {
  fails(await runtime(["create", "--bundle", "/no/such/bundle", "tsrun-t-none"]), /no such file|not exist|cannot/i);
});

spec("3.08 later edits of config.json have no effect", async () => {
  const b = bundle(probe("echo:first"));
  const container = new Container(b);
  ok(await container.create());
  b.rewrite(probe("echo:second"));
  ok(await container.start());
  await container.stopped();
  expect(container.output()).toBe("first\n");
  writeFileSync(`${b.directory}/config.json`, "not json");
  ok(await container.delete());
});

spec("3.21 delete works when the bundle has gone", async () => {
  const container = await new Container(bundle(probe("echo:x"))).up();
  await container.stopped();
  rmSync(container.bundle.directory, { recursive: true });
  ok(await container.command("state"));
  ok(await container.delete());
});

spec("3.21 delete after the init process was killed from outside", async () => {
  const container = await new Container(bundle(probe("spawn:30000", "pause"))).up();
  process.kill((await container.state()).pid, "SIGKILL");
  await container.stopped();
  ok(await container.delete());
});

spec("state directory: private, and made when missing", async () => {
  const container = new Container(bundle(probe("pause")));
  const root = `${container.bundle.directory}/deep/root`;
  const call = (...args: string[]) => runtime(["--root", root, ...args]);
  ok(await call("create", "--bundle", container.bundle.directory, container.id));
  expect(statSync(`${root}/${container.id}`).mode & 0o077 & ~0o011).toBe(0);
  ok(await call("delete", "--force", container.id));
  expect(existsSync(`${root}/${container.id}`)).toBe(false);
});

spec("list: table, quiet and json", async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  const table = ok(await runtime(["list"])).stdout;
  expect(table.split("\n")[0]).toMatch(/^(ID|NAME) +PID +STATUS +BUNDLE/);
  expect(table).toMatch(new RegExp(`^${container.id.replaceAll("+", "\\+")} +\\d+ +running +${container.bundle.directory}`, "m"));
  expect(ok(await runtime(["list", "-q"])).stdout).toBe(`${container.id}\n`);
  const [one] = JSON.parse(ok(await runtime(["list", "--format", "json"])).stdout);
  expect(one).toMatchObject({ id: container.id, status: "running", bundle: container.bundle.directory, pid: (await container.state()).pid });
  expect(JSON.parse(ok(await runtime(["list", "-f", "json"])).stdout)).toHaveLength(1);
});

spec("list of nothing", oracle({ crun: "says [] in json" }), async () => {
  const b = bundle();
  mkdirSync(`${b.directory}/empty`);
  expect(ok(await runtime(["--root", `${b.directory}/empty`, "list", "-q"])).stdout).toBe("");
  expect(ok(await runtime(["--root", `${b.directory}/empty`, "list", "-f", "json"])).stdout.trim()).toBe("null");
});

spec("list shows stopped containers with pid 0", async () => {
  const container = await new Container(bundle(probe("echo:x"))).up();
  await container.stopped();
  const [one] = JSON.parse(ok(await runtime(["list", "-f", "json"])).stdout);
  expect(one).toMatchObject({ id: container.id, status: "stopped", pid: 0 });
});

spec("3.21 containers that share a root do not touch each other", async () => {
  const one = await new Container(bundle(probe("pause"))).up();
  const two = await new Container(bundle(probe("pause"))).up();
  ok(await one.delete({ flags: ["--force"] }));
  expect(await two.status()).toBe("running");
});

spec("--version tells name and specification", async () => {
  const { stdout } = ok(await runtime(["--version"]));
  expect(stdout).toMatch(/^\w+ version \S+/);
  expect(stdout).toMatch(/^spec: 1\.\d+\.\d+/m);
});

spec("unknown commands and flags are errors", async () => {
  fails(await runtime(["frobnicate"]));
  fails(await runtime(["state", "--no-such-flag", "x"]));
  fails(await runtime(["--no-such-global", "list"]));
});

spec("--log with json: one error record in runc's shape", async () => {
  const container = new Container(bundle());
  const log = `${container.bundle.directory}/log.json`;
  fails(await container.start({ globals: ["--log", log, "--log-format", "json"] }));
  const records = readLog(log).filter((record) => record.level === "error");
  expect(records).toHaveLength(1);
  expect(records[0]?.msg).toContain("does not exist");
  expect(records[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
});

spec("--log=file --log-format=json, as podman writes them; the log is appended to", async () => {
  const container = new Container(bundle());
  const log = `${container.bundle.directory}/log.json`;
  for (let i = 0; i < 2; i++) fails(await container.start({ globals: [`--log=${log}`, "--log-format=json"] }));
  expect(readLog(log).filter((record) => record.level === "error")).toHaveLength(2);
});

spec("--log in text form", async () => {
  const container = new Container(bundle());
  const log = `${container.bundle.directory}/log`;
  fails(await container.start({ globals: ["--log", log] }));
  expect(readFileSync(log, "utf8")).toContain("does not exist");
});

spec("errors are on stderr, in one line that names the object", oracle({ runc: "does not name it" }), async () => {
  const result = fails(await runtime(["state", "no-such-container"]), /no-such-container/);
  expect(result.stdout).toBe("");
});

spec("the exit code of a refused run is not that of the program", async () => {
  const result = await new Container(bundle({ process: { args: ["/nosuch"] } })).run();
  expect(result.code).not.toBe(0);
});

spec("a failed run leaves nothing", async () => {
  const container = new Container(bundle({ process: { args: ["/nosuch"] } }));
  fails(await container.run());
  expect(leftovers(container.bundle.name, ROOT)).toEqual([]);
});

spec("1.08 20 containers at once, and nothing is left", { timeoutMs: 60_000 }, async () => {
  const containers = Array.from({ length: 20 }, (_, i) => new Container(bundle(probe(`echo:container ${i}`, "uts"))));
  const results = await Promise.all(containers.map((container) => container.run({ timeoutMs: 50_000 })));
  results.forEach((result, i) => {
    expect(ok(result).stdout).toContain(`container ${i}\n`);
  });
  for (const container of containers) expect(leftovers(container.bundle.name, ROOT)).toEqual([]);
});

spec("3.02 of 8 creates of one id at once exactly one wins", oracle({ runc: "1.1: a loser may take the winner's state away" }), async () => {
  const b = bundle(probe("echo:x"));
  const containers = Array.from({ length: 8 }, () => new Container(b));
  const results = await Promise.all(containers.map((container) => container.create()));
  expect(results.filter((result) => result.code === 0)).toHaveLength(1);
  ok(await new Container(b).start());
  await new Container(b).stopped();
  ok(await new Container(b).delete());
});

spec("3.13 of 6 starts at once exactly one wins", oracle({ runc: "the others wait on the fifo without end" }), async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.create());
  const results = await Promise.all(Array.from({ length: 6 }, () => container.start({ timeoutMs: 3000 })));
  expect(results.filter((result) => result.code === 0)).toHaveLength(1);
  expect(await container.status()).toBe("running");
});

spec("run hands signals on to the program", needs("oneThread"), async () => {
  const container = new Container(bundle(probe("await:15")));
  const running = Bun.spawn([...COMMAND, "--root", ROOT, "run", "--bundle", container.bundle.directory, container.id], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const reader = running.stdout.getReader();
  let text = "";
  while (!text.includes("awaiting=")) text += new TextDecoder().decode((await reader.read()).value);
  running.kill("SIGTERM");
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value);
  expect(await running.exited).toBe(0);
  expect(text).toContain("await:15=15");
});

spec("3.21 a second signal, while run deletes the container, does not keep it from doing so", needs("oneThread"), async () => {
  const b = bundle(probe("await:15"));
  const hooks = [`touch ${b.rootfs}/deleting; sleep 0.5`, `touch ${b.rootfs}/deleted`].map((script) => ({ path: "/bin/sh", args: ["sh", "-c", script] }));
  b.rewrite({ hooks: { poststop: hooks } });
  const running = Bun.spawn([...COMMAND, "--root", ROOT, "run", "--bundle", b.directory, b.name], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  expect(new TextDecoder().decode((await running.stdout.getReader().read()).value)).toContain("awaiting=");
  running.kill("SIGTERM");
  await until("the first poststop hook", () => existsSync(`${b.rootfs}/deleting`));
  running.kill("SIGTERM");
  expect(await running.exited).toBe(0);
  expect(existsSync(`${b.rootfs}/deleted`)).toBe(true);
});

spec("a caller that ignores SIGCHLD gets the exit code, and its hooks run", oracle({ crun: "hooks fail" }), async () => {
  const b = bundle({
    process: { args: ["/bin/sh", "-c", "exit 3"] },
    hooks: { createRuntime: [{ path: "/bin/true" }], createContainer: [{ path: "/bin/true" }] },
  });
  const ignoring = ["bash", "-c", `trap "" CHLD; exec "$@"`, "-", ...COMMAND, "--root", ROOT];
  expect((await exec([...ignoring, "run", "--bundle", b.directory, b.name])).code).toBe(3);
  const container = await new Container(bundle(probe("pause"))).up();
  expect((await exec([...ignoring, "exec", container.id, "/bin/sh", "-c", "exit 4"])).code).toBe(4);
});

spec("an answer that cannot be written is an error", oracle({ crun: "exit code 0" }), async () => {
  const result = await exec(["sh", "-c", `exec "$@" > /dev/full`, "-", ...COMMAND, "--root", ROOT, "list"]);
  fails(result, /no space left on device/i);
});

spec("1.08 3.04 a disk that is full while create writes: the error says so, and nothing is left", oracle({ runc: "says nothing of the cause" }), async () => {
  const b = bundle({ annotations: { large: "x".repeat(20_000) } });
  const root = `${ROOT}-full`;
  mkdirSync(root);
  // Room for a part of config.json.
  ok(await exec(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", root]));
  try {
    fails(await exec([...COMMAND, "--root", root, "create", "--bundle", b.directory, b.name]), /no space left on device/i);
    expect(existsSync(`${root}/${b.name}`)).toBe(false);
  } finally {
    ok(await exec(["umount", root]));
    rmSync(root, { recursive: true });
  }
});

spec("the global flags that engines give are understood", async () => {
  const b = bundle(probe("echo:x"));
  for (const globals of [["--debug"], ["--debug", "--log", "/dev/null"], ["--log-format=text"], ["--log-format", "json", "--log", `${b.directory}/log`]])
    ok(await new Container(b).run({ globals }));
});

spec("--rootless is accepted", async () => {
  const b = bundle(probe("echo:x"));
  for (const globals of [["--rootless", "auto"], ["--rootless=false"]]) ok(await new Container(b).run({ globals }));
});

spec("--systemd-cgroup without systemd is an error, never another driver", async () => {
  if (existsSync("/run/systemd/system")) return;
  const container = new Container(bundle(probe("echo:x"), { linux: { cgroupsPath: "system.slice:tsrun:test" } }));
  fails(await container.run({ globals: ["--systemd-cgroup"] }));
});

spec("5.04 spec writes a config.json, once, with the filesystems that a container is to have", async () => {
  const b = bundle();
  rmSync(`${b.directory}/config.json`);
  ok(await exec([...COMMAND, "spec"], { cwd: b.directory }));
  const config = JSON.parse(readFileSync(`${b.directory}/config.json`, "utf8"));
  expect(config.process.args).toEqual(["sh"]);
  expect(config.root.path).toBe("rootfs");
  const mounted = Object.fromEntries(config.mounts.map((mount: { destination: string; type: string }) => [mount.destination, mount.type]));
  expect(mounted).toMatchObject({ "/proc": "proc", "/sys": "sysfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs" });
  fails(await exec([...COMMAND, "spec"], { cwd: b.directory }), /exist/);
  b.rewrite({}).rewrite({
    ...config,
    process: { ...config.process, terminal: false, args: ["/probe", "echo:made by spec"] },
    root: { path: "rootfs", readonly: true },
  });
  expect(ok(await new Container(b).run()).stdout).toBe("made by spec\n");
});
