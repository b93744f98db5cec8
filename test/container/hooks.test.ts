// hooks.*: order, place, state on stdin, environment, arguments, time limits and failures.
import { expect } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type Json, type JsonObject, MOUNTS } from "../helpers/config.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { findProcesses, leftovers } from "../helpers/leftovers.ts";
import { COMMAND, RUNTIME } from "../helpers/runtime.ts";
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

/** Two hooks of each kind, which write what they are; and what the log has after each operation. */
async function loggedLife(): Promise<{ create: string[]; start: string[]; remove: string[] }> {
  const b = withHooks(probe("echo:program"), (made) =>
    Object.fromEntries(KINDS.map((kind) => [kind, [1, 2].map((i) => shell(made, kind, `echo ${kind}${i} >> $LOG`))])),
  );
  const container = new Container(b);
  let seen = 0;
  const added = () => {
    const lines = log(b).split("\n").slice(0, -1);
    const fresh = lines.slice(seen);
    seen = lines.length;
    return fresh;
  };
  ok(await container.create());
  const create = added();
  ok(await container.start());
  await container.stopped();
  const start = added();
  ok(await container.delete());
  return { create, start, remove: added() };
}

const lateStart = oracle({ runc: "1.1 runs poststart in create", crun: "runs poststart while startContainer is still at work" });

spec("3.10 4.01 4.06-4.08 create runs prestart, createRuntime and createContainer, each list in its order", async () => {
  const own = (lines: readonly string[]) => lines.filter((line) => !line.startsWith("poststart"));
  expect(own((await loggedLife()).create)).toEqual(["prestart1", "prestart2", "createRuntime1", "createRuntime2", "createContainer1", "createContainer2"]);
});

spec("4.01 4.09 4.10 start runs startContainer, then poststart, each list in its order", lateStart, async () => {
  expect((await loggedLife()).start).toEqual(["startContainer1", "startContainer2", "poststart1", "poststart2"]);
});

spec("4.01 4.11 delete runs poststop, in its order", async () => {
  expect((await loggedLife()).remove).toEqual(["poststop1", "poststop2"]);
});

spec("4.01 run calls them all", oracle({ runc: "1.1 runs poststart in create" }), async () => {
  const b = withHooks(probe("echo:program"), (made) => everyKind(made, (kind) => `echo ${kind} >> $LOG`));
  ok(await new Container(b).run());
  expect(log(b).trim().split("\n")).toEqual([...KINDS]);
});

spec(
  "2.05 4.02 the state is on stdin, with the right status and pid",
  oracle({ runc: "1.1 runs poststart in create", crun: "says created early, and pid 0" }),
  async () => {
    const b = withHooks({ ...probe("pause"), annotations: { key: "value" } }, (made) =>
      everyKind(made, (kind) => `echo "${kind} $(cat)" | tr -d '\\n' >> $LOG; echo >> $LOG`),
    );
    const container = await new Container(b).up();
    const { pid } = await container.state();
    ok(await container.delete({ flags: ["--force"] }));
    const states = new Map(
      log(b)
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf(" ")), JSON.parse(line.slice(line.indexOf(" ")))]),
    );
    for (const kind of KINDS) expect(states.get(kind)).toMatchObject({ id: container.id, bundle: b.directory, annotations: { key: "value" } });
    for (const kind of ["prestart", "createRuntime", "createContainer"]) expect(states.get(kind).status).toBe("creating");
    expect(states.get("startContainer").status).toBe("created");
    expect(states.get("poststart").status).toBe("running");
    expect(states.get("poststop").status).toBe("stopped");
    for (const kind of KINDS) expect(states.get(kind).ociVersion).toMatch(/^1\.\d+\.\d+/);
    // Hooks of the runtime's namespace see the host's pid, those of the container's its own.
    for (const kind of ["prestart", "createRuntime", "poststart"]) expect(states.get(kind).pid).toBe(pid);
    for (const kind of ["createContainer", "startContainer"]) expect(states.get(kind).pid).toBe(1);
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
  spec(`3.11 4.12 a ${kind} hook that fails: error, no container, nothing left, and the poststop hooks`, oracle({ crun: "runs no poststop" }), async () => {
    const b = withHooks(probe("echo:program"), (made) => ({
      [kind]: [shell(made, kind, "echo why it failed >&2; exit 3")],
      poststop: [shell(made, "poststop", `echo "$(cat)" >> $LOG`)],
    }));
    const container = new Container(b);
    fails(await container.create(), /hook|why it failed/i);
    fails(await container.command("state"), /does not exist/);
    expect(JSON.parse(log(b))).toMatchObject({ id: container.id, status: "stopped" });
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

spec(
  "3.15 4.12 start itself fails then; the container is stopped and destroyed, and the poststop hooks are run",
  oracle({ runc: "start is told nothing", crun: "start is told nothing" }),
  async () => {
    const b = withHooks(probe("echo:program"), (made) => ({
      startContainer: [shell(made, "startContainer", "exit 1"), shell(made, "startContainer", "echo second >> $LOG")],
      poststop: [shell(made, "poststop", "echo poststop >> $LOG")],
    }));
    const container = new Container(b);
    ok(await container.create());
    fails(await container.start(), /hook/i);
    expect(log(b)).toBe("poststop\n");
    fails(await container.command("state"), /does not exist/);
    expect(leftovers(b.name, ROOT)).toEqual([]);
  },
);

spec(
  "3.17 4.12 a poststart hook that fails: start fails, the container is stopped and destroyed, and the poststop hooks are run",
  oracle({ runc: "1.1 runs poststart in create", crun: "only warns" }),
  async () => {
    const b = withHooks(probe("pause"), (made) => ({
      poststart: [shell(made, "poststart", "exit 1"), shell(made, "poststart", "echo second >> $LOG")],
      poststop: [shell(made, "poststop", "echo poststop >> $LOG")],
    }));
    for (const start of ["start", "run"]) {
      const container = new Container(b);
      if (start === "start") ok(await container.create());
      fails(start === "start" ? await container.start() : await container.run({ flags: ["--detach"] }), /hook/i);
      fails(await container.command("state"), /does not exist/);
      expect(leftovers(b.name, ROOT)).toEqual([]);
    }
    expect(log(b)).toBe("poststop\npoststop\n");
  },
);

spec("3.22 4.12 a poststop hook that fails is a warning: the others run, delete goes on", oracle({ runc: "stops at the first" }), async () => {
  const b = withHooks(probe("echo:program"), (made) => ({
    poststop: [shell(made, "poststop", "exit 1"), { path: "/no/such/hook" }, shell(made, "poststop", "echo second >> $LOG")],
  }));
  const container = await new Container(b).up();
  await container.stopped();
  const warned = ok(await container.delete());
  if (RUNTIME === "tsrun") expect(warned.stderr).toMatch(/warning.*poststop[\s\S]*warning.*\/no\/such\/hook/);
  expect(log(b)).toBe("second\n");
  fails(await container.command("state"), /does not exist/);
  expect(leftovers(b.name, ROOT)).toEqual([]);
});

spec("4.11 poststop hooks run when the container is deleted: it has no state and no cgroup any more", oracle({ crun: "1.8 runs them before" }), async () => {
  const cgroups = `find /sys/fs/cgroup -maxdepth 4 -name '*'"$NAME"'*' | wc -l`;
  const b = withHooks(probe("pause"), (made) => ({
    poststop: [
      shell(made, "poststop", `${[...COMMAND, "--root", ROOT, "state", made.name].join(" ")} > /dev/null 2>&1; echo $? >> $LOG; ${cgroups} >> $LOG`, {
        env: [`PATH=${process.env["PATH"]}`, `NAME=${made.name}`],
      }),
    ],
  }));
  const container = await new Container(b).up();
  ok(await container.delete({ flags: ["--force"] }));
  expect(log(b)).toBe("1\n0\n");
});

spec("4.04 a hook that outlasts its time limit is ended and counts as failed", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ createRuntime: [shell(made, "createRuntime", "exec sleep 20.125", { timeout: 1 })] }));
  fails(await new Container(b).create(), /hook|time/i);
  expect(findProcesses("sleep 20.125")).toEqual([]);
});

spec("4.04 a time limit in the container, too", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ createContainer: [shell(made, "createContainer", "exec sleep 20.25", { timeout: 1 })] }));
  fails(await new Container(b).create(), /hook|time/i);
  expect(findProcesses("sleep 20.25")).toEqual([]);
});

spec("4.04 a time limit that is not reached does no harm", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({ createRuntime: [shell(made, "createRuntime", "echo x >> $LOG", { timeout: 30 })] }));
  ok(await new Container(b).run());
  expect(log(b)).toBe("x\n");
});

spec("4.03 4.04 relative paths and limits below 1 are errors", oracle({ runc: "unchecked", crun: "unchecked" }), async () => {
  for (const hook of [{ path: "bin/sh" }, { path: "true" }, { path: "" }, {}, { path: "/bin/true", timeout: 0 }, { path: "/bin/true", timeout: -1 }]) {
    const container = new Container(bundle({ hooks: { poststop: [hook] } }));
    fails(await container.create());
  }
});

spec("4.03 a hook that is not there is a failure", async () => {
  const b = bundle({ hooks: { prestart: [{ path: "/no/such/hook" }] } });
  fails(await new Container(b).create(), /hook|no such file/i);
});

spec(
  "4.05 no args are the path alone, also as an empty list; no env is none",
  oracle({ runc: "gives startContainer the container's", crun: "gives its own" }),
  async () => {
    // What the shell sets by itself is not of the environment that it was given.
    const script = (output: string) => `#!/bin/sh\necho "$0 $#" $(env | sed '/^\\(PWD\\|SHLVL\\|OLDPWD\\|PATH\\|_\\)=/d') >> ${output}\ncat > /dev/null\n`;
    for (const args of [undefined, []]) {
      const b = withHooks(probe("echo:x"), (made) => {
        const on = { path: `${made.directory}/hook`, ...(args === undefined ? {} : { args }) };
        return { prestart: [on], createRuntime: [on], createContainer: [on], startContainer: [{ ...on, path: "/hook" }], poststop: [on] };
      });
      b.link("bin/sed", "busybox");
      await Bun.write(`${b.directory}/hook`, script(`${b.rootfs}/log`));
      Bun.spawnSync(["chmod", "755", `${b.directory}/hook`]);
      b.file("hook", script("/log"), 0o755);
      ok(await new Container(b).run());
      const own = `${b.directory}/hook 0\n`;
      expect(log(b)).toBe(`${own}${own}${own}/hook 0\n${own}`);
    }
  },
);

spec("4.06-4.08 prestart, createRuntime and createContainer run when the environment is there, before pivot_root", async () => {
  // The host's root is still the root of init, and what the container has mounted is below the rootfs in init's mount namespace.
  const look = (made: Bundle) =>
    `[ /proc/$pid/root -ef / ] && echo not pivoted >> $LOG; grep -c " ${made.rootfs}/mnt/own " /proc/$pid/mountinfo >> $LOG; ` +
    "cmp -s /proc/$pid/cgroup /proc/self/cgroup || echo in its cgroup >> $LOG";
  const b = withHooks({ ...probe("echo:x"), mounts: [...MOUNTS, { destination: "/mnt/own", type: "tmpfs", source: "own" }] }, (made) => {
    const host = `pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p'); ${look(made)}`;
    return {
      prestart: [shell(made, "prestart", host)],
      createRuntime: [shell(made, "createRuntime", host)],
      createContainer: [
        shell(
          made,
          "createContainer",
          `[ -e ${made.directory}/config.json ] && echo not pivoted >> $LOG; grep -c " ${made.rootfs}/mnt/own " /proc/self/mountinfo >> $LOG`,
        ),
      ],
    };
  });
  ok(await new Container(b).run());
  expect(log(b).trim().split("\n")).toEqual(["not pivoted", "1", "in its cgroup", "not pivoted", "1", "in its cgroup", "not pivoted", "1"]);
});

spec("4.06 4.07 4.10 4.11 hooks of the runtime's namespaces are found there, not in the rootfs", async () => {
  const b = withHooks(probe("echo:program"), (made) =>
    Object.fromEntries(
      (["prestart", "createRuntime", "poststart", "poststop"] as const).map((kind) => [kind, [{ path: `${made.directory}/hook`, args: ["hook", kind] }]]),
    ),
  );
  await Bun.write(`${b.directory}/hook`, `#!/bin/sh\necho host $1 >> ${b.rootfs}/log\ncat > /dev/null\n`);
  Bun.spawnSync(["chmod", "755", `${b.directory}/hook`]);
  // The same path in the rootfs is another program.
  b.file(`${b.directory}/hook`, "#!/bin/sh\necho inside >> /log\ncat > /dev/null\n", 0o755);
  ok(await new Container(b).run());
  expect(log(b).trim().split("\n").toSorted()).toEqual(["host createRuntime", "host poststart", "host poststop", "host prestart"]);
});

spec("4.08 4.09 createContainer is looked up on the host, startContainer in the container", async () => {
  const b = withHooks(probe("echo:program"), (made) => ({
    createContainer: [{ path: `${made.directory}/only-host` }],
    startContainer: [{ path: "/only-inside" }],
  }));
  await Bun.write(`${b.directory}/only-host`, `#!/bin/sh\necho host >> ${b.rootfs}/log\ncat > /dev/null\n`);
  Bun.spawnSync(["chmod", "755", `${b.directory}/only-host`]);
  b.file("only-inside", "#!/bin/sh\necho inside >> /log\ncat > /dev/null\n", 0o755);
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
