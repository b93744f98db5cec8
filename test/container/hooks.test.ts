// hooks.*: order, place, state on stdin, environment, arguments, time limits and failures.
import { expect } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import type { Json, JsonObject } from "../helpers/config.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { leftovers } from "../helpers/leftovers.ts";
import { oracle, ROOT, spec } from "../helpers/spec.ts";

const KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;
type Kind = (typeof KINDS)[number];
/** Hooks that are found inside the container. */
const INSIDE: readonly Kind[] = ["startContainer"];

/** A shell hook, which reads its state to the end as some peers need it. Inside the container the log is /log, which the host sees in the rootfs. */
function shell(b: Bundle, kind: Kind, script: string, more: JsonObject = {}): Json {
  const log = INSIDE.includes(kind) ? "/log" : `${b.rootfs}/log`;
  return {
    path: "/bin/sh",
    args: ["sh", "-c", `LOG=${log}; ${script}; code=$?; cat > /dev/null; exit $code`],
    env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    ...more,
  };
}

function withHooks(patch: JsonObject, hooks: (b: Bundle) => Partial<Record<Kind, Json[]>>): Bundle {
  const b = bundle(patch);
  b.file("log");
  return b.rewrite({ hooks: hooks(b) as JsonObject });
}

const log = (b: Bundle) => readFileSync(`${b.rootfs}/log`, "utf8");
const everyKind = (b: Bundle, script: (kind: Kind) => string) => Object.fromEntries(KINDS.map((kind) => [kind, [shell(b, kind, script(kind))]]));

/** create, start, wait, delete. */
async function wholeLife(b: Bundle): Promise<Container> {
  const container = await new Container(b).up();
  await container.stopped();
  ok(await container.delete());
  return container;
}

spec("4.01 4.06-4.11 every kind runs, in order, each list in its order", oracle({ runc: "1.1 runs poststart in create" }), async () => {
  const b = withHooks(probe("echo:program"), (made) =>
    Object.fromEntries(KINDS.map((kind) => [kind, [1, 2].map((i) => shell(made, kind, `echo ${kind}${i} >> $LOG`))])),
  );
  const container = new Container(b);
  ok(await container.create());
  expect(log(b).trim().split("\n")).toEqual(["prestart1", "prestart2", "createRuntime1", "createRuntime2", "createContainer1", "createContainer2"]);
  ok(await container.start());
  await container.stopped();
  expect(log(b).trim().split("\n").slice(6)).toEqual(["startContainer1", "startContainer2", "poststart1", "poststart2"]);
  ok(await container.delete());
  expect(log(b).trim().split("\n").slice(10)).toEqual(["poststop1", "poststop2"]);
});

spec("4.01 run calls them all", oracle({ runc: "1.1 runs poststart in create" }), async () => {
  const b = withHooks(probe("echo:program"), (made) => everyKind(made, (kind) => `echo ${kind} >> $LOG`));
  ok(await new Container(b).run());
  expect(log(b).trim().split("\n")).toEqual([...KINDS]);
});

spec(
  "4.02 the state is on stdin, with the right status and pid",
  oracle({ runc: "1.1 runs poststart in create", crun: "says created early, and pid 0" }),
  async () => {
    const b = withHooks({ ...probe("echo:program"), annotations: { key: "value" } }, (made) =>
      everyKind(made, (kind) => `echo "${kind} $(cat)" | tr -d '\\n' >> $LOG; echo >> $LOG`),
    );
    const container = await wholeLife(b);
    const states = new Map(
      log(b)
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf(" ")), JSON.parse(line.slice(line.indexOf(" ")))]),
    );
    for (const kind of KINDS) expect(states.get(kind)).toMatchObject({ id: container.id, bundle: b.directory, annotations: { key: "value" } });
    for (const kind of ["prestart", "createRuntime", "createContainer"]) expect(states.get(kind).status).toBe("creating");
    expect(states.get("startContainer").status).toBe("created");
    expect(["running", "stopped"]).toContain(states.get("poststart").status);
    expect(states.get("poststop").status).toBe("stopped");
    for (const kind of KINDS) expect(states.get(kind).ociVersion).toMatch(/^1\.\d+\.\d+/);
    // Hooks of the runtime's namespace see the host's pid, those of the container's its own.
    expect(states.get("prestart").pid).toBeGreaterThan(1);
    expect(states.get("startContainer").pid).toBe(1);
  },
);

spec("4.06-4.11 each runs in its namespaces", async () => {
  const b = withHooks(probe("ns", "pause"), (made) =>
    everyKind(made, (kind) => `echo "${kind} $(readlink /proc/self/ns/uts) $(readlink /proc/self/ns/net)" >> $LOG`),
  );
  b.link("bin/readlink", "busybox");
  const container = await new Container(b).up();
  await container.said("ns.uts");
  const inside = [container.facts().get("ns.uts"), container.facts().get("ns.net")].join(" ");
  const host = [readlinkSync("/proc/self/ns/uts"), readlinkSync("/proc/self/ns/net")].join(" ");
  ok(await container.delete({ flags: ["--force"] }));
  const seen = new Map(
    log(b)
      .trim()
      .split("\n")
      .map((line) => [line.split(" ")[0], line.split(" ").slice(1).join(" ")]),
  );
  for (const kind of ["prestart", "createRuntime", "poststart", "poststop"]) expect(`${kind} ${seen.get(kind)}`).toBe(`${kind} ${host}`);
  for (const kind of ["createContainer", "startContainer"]) expect(`${kind} ${seen.get(kind)}`).toBe(`${kind} ${inside}`);
});

spec("4.05 args and env are the hook's, nothing of the runtime's", async () => {
  const b = withHooks(probe("echo:x"), (made) => ({
    createRuntime: [
      {
        path: "/bin/sh",
        args: ["my-name", "-c", `echo "$0|$1|$2" > ${made.rootfs}/log; env | sort >> ${made.rootfs}/log`, "one", "two words", "3"],
        env: ["A=1", "B=x y", "PATH=/usr/bin:/bin"],
      },
    ],
  }));
  ok(await new Container(b).run({ env: { PATH: process.env["PATH"] ?? "", SECRET: "1" } }));
  const [first, ...env] = log(b).trim().split("\n");
  expect(first).toBe("one|two words|3");
  expect(env.filter((line) => !/^(PWD|SHLVL|_)=/.test(line))).toEqual(["A=1", "B=x y", "PATH=/usr/bin:/bin"]);
});

spec("4.05 a hook without args is given its path as argv[0]", async () => {
  const b = withHooks(probe("echo:x"), (made) => ({ prestart: [{ path: `${made.directory}/hook` }] }));
  await Bun.write(`${b.directory}/hook`, `#!/bin/sh\necho "$#" > ${b.rootfs}/log\n`);
  Bun.spawnSync(["chmod", "755", `${b.directory}/hook`]);
  ok(await new Container(b).run());
  expect(log(b)).toBe("0\n");
});

for (const kind of ["prestart", "createRuntime", "createContainer"] as const)
  spec(`3.11 4.12 a ${kind} hook that fails: error, no container, nothing left`, async () => {
    const b = withHooks(probe("echo:program"), (made) => ({ [kind]: [shell(made, kind, "echo why it failed >&2; exit 3")] }));
    const container = new Container(b);
    fails(await container.create(), /hook|why it failed/i);
    fails(await container.command("state"), /does not exist/);
    expect(leftovers(b.name, ROOT)).toEqual([]);
  });

spec("3.11 the hooks after a failing one are not run, those of poststop are", oracle({ crun: "runs no poststop" }), async () => {
  const b = withHooks(probe("echo:program"), (made) => ({
    prestart: [shell(made, "prestart", "exit 1"), shell(made, "prestart", "echo second >> $LOG")],
    createRuntime: [shell(made, "createRuntime", "echo runtime >> $LOG")],
    poststop: [shell(made, "poststop", "echo poststop >> $LOG")],
  }));
  fails(await new Container(b).create());
  expect(log(b)).toBe("poststop\n");
});

spec("3.15 a startContainer hook that fails: start fails, the program never runs", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ startContainer: [shell(made, "startContainer", "exit 1")] }));
  const container = new Container(b);
  ok(await container.create());
  // runc tells it only by the container's end; the specification by start's own failure.
  await container.start();
  for (let i = 0; i < 200; i++) {
    const state = await container.command("state");
    if (state.code !== 0 || state.stdout.includes('"stopped"')) break;
    await Bun.sleep(10);
  }
  expect(container.output()).not.toContain("program");
});

spec("3.15 start itself fails then", oracle({ runc: "start is told nothing", crun: "start is told nothing" }), async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ startContainer: [shell(made, "startContainer", "exit 1")] }));
  const container = new Container(b);
  ok(await container.create());
  fails(await container.start(), /hook/i);
});

spec(
  "3.17 a poststart hook that fails: start fails, the container is stopped",
  oracle({ runc: "1.1 runs poststart in create", crun: "only warns" }),
  async () => {
    const b = withHooks(probe("pause"), (made) => ({ poststart: [shell(made, "poststart", "exit 1")] }));
    const container = new Container(b);
    ok(await container.create());
    fails(await container.start(), /hook/i);
    const state = await container.command("state");
    if (state.code === 0) expect(state.stdout).not.toContain('"running"');
  },
);

spec("3.22 a poststop hook that fails is a warning: the others run, delete goes on", oracle({ runc: "stops at the first" }), async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ poststop: [shell(made, "poststop", "exit 1"), shell(made, "poststop", "echo second >> $LOG")] }));
  const container = await new Container(b).up();
  await container.stopped();
  ok(await container.delete());
  expect(log(b)).toBe("second\n");
  fails(await container.command("state"), /does not exist/);
});

spec("4.04 a hook that outlasts its time limit is ended and counts as failed", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ createRuntime: [shell(made, "createRuntime", "exec sleep 20", { timeout: 1 })] }));
  const before = Date.now();
  fails(await new Container(b).create(), /hook|time/i);
  expect(Date.now() - before).toBeLessThan(8000);
});

spec("4.04 a time limit in the container, too", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ createContainer: [shell(made, "createContainer", "exec sleep 20", { timeout: 1 })] }));
  fails(await new Container(b).create(), /hook|time/i);
});

spec("4.04 a time limit that is not reached does no harm", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ createRuntime: [shell(made, "createRuntime", "echo x >> $LOG", { timeout: 30 })] }));
  ok(await new Container(b).run());
  expect(log(b)).toBe("x\n");
});

spec("4.03 4.04 relative paths and limits below 1 are errors", oracle({ runc: "unchecked", crun: "unchecked" }), async () => {
  for (const hook of [{ path: "bin/sh" }, { path: "" }, {}, { path: "/bin/true", timeout: 0 }, { path: "/bin/true", timeout: -1 }]) {
    const container = new Container(bundle({ hooks: { poststop: [hook] } }));
    fails(await container.create());
  }
});

spec("4.03 a hook that is not there is a failure", async () => {
  const b = bundle({ hooks: { prestart: [{ path: "/no/such/hook" }] } });
  fails(await new Container(b).create(), /hook|no such file/i);
});

spec("4.08 createContainer is looked up on the host, startContainer in the container", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({
    createContainer: [{ path: `${made.directory}/only-host` }],
    startContainer: [{ path: "/only-inside" }],
  }));
  await Bun.write(`${b.directory}/only-host`, `#!/bin/sh\necho host >> ${b.rootfs}/log\n`);
  Bun.spawnSync(["chmod", "755", `${b.directory}/only-host`]);
  b.file("only-inside", "#!/bin/sh\necho inside >> /log\n", 0o755);
  ok(await new Container(b).run());
  expect(log(b)).toBe("host\ninside\n");
});

spec("a hook that reads nothing from stdin does no harm", async () => {
  const b = withHooks({ ...probe("echo:program"), annotations: { big: "x".repeat(200_000) } }, (made) => ({
    createRuntime: [shell(made, "createRuntime", "exit 0")],
    createContainer: [shell(made, "createContainer", "exit 0")],
  }));
  ok(await new Container(b).run());
});

spec("a hook gets no descriptors of the runtime", oracle({ runc: "1.1 leaks its own to createContainer" }), async () => {
  const b = withHooks(probe("echo:program"), (made) => ({
    createRuntime: [shell(made, "createRuntime", "ls /proc/self/fd >> $LOG")],
    createContainer: [shell(made, "createContainer", "ls /proc/self/fd >> $LOG")],
  }));
  ok(await new Container(b).run());
  // ls itself opens the directory as 3.
  expect(log(b)).toMatch(/^(0\n1\n2\n3\n){2}$/);
});

spec("4.06 prestart can use the pid: the network namespace is there", async () => {
  const b = withHooks(probe("net"), (made) => ({
    prestart: [shell(made, "prestart", `pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p'); readlink /proc/$pid/ns/net > $LOG`)],
  }));
  ok(await new Container(b).run());
  expect(log(b)).toMatch(/^net:/);
  expect(log(b).trim()).not.toBe(readlinkSync("/proc/self/ns/net"));
});

spec("3.08 poststop hooks are those of create, even when the bundle has changed", async () => {
  const b = withHooks(probe("echo:x"), (made) => ({ poststop: [shell(made, "poststop", "echo first >> $LOG")] }));
  const container = await new Container(b).up();
  await container.stopped();
  b.rewrite({ hooks: { poststop: [shell(b, "poststop", "echo second >> $LOG")] } });
  ok(await container.delete());
  expect(log(b)).toBe("first\n");
  expect(existsSync(b.directory)).toBe(true);
});

spec("3.22 delete --force runs poststop hooks", async () => {
  const b = withHooks(probe("pause"), (made) => ({ poststop: [shell(made, "poststop", "echo stopped >> $LOG")] }));
  const container = await new Container(b).up();
  ok(await container.delete({ flags: ["--force"] }));
  expect(log(b)).toBe("stopped\n");
});
