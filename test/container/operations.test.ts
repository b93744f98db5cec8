// The operations and the state of a container, as the specification promises them: what is there when, and what a failure leaves.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { Ajv } from "ajv";
import { bundle, CGROUP_PARENT, probe } from "../helpers/bundle.ts";
import { cgroupValue } from "../helpers/cgroups.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { Container, facts, fails, ok, runtime } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { parseMount } from "../helpers/facts.ts";
import { leftovers } from "../helpers/leftovers.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec } from "../helpers/spec.ts";

const words = (text: string) => text.trim().split(/\s+/);

/** A hook of the runtime's namespaces that runs a script. */
const hook = (script: string): JsonObject => ({
  path: "/bin/sh",
  args: ["sh", "-c", `${script}; code=$?; cat > /dev/null; exit $code`],
  env: [`PATH=${process.env["PATH"]}`],
});

/** The runtime as a hook's script calls it. */
const self = (...args: string[]) => [...COMMAND, "--root", ROOT, ...args].join(" ");

spec("1.10 1.11 2.11 3.03 3.16 3.19 create, start, state, kill and delete, each by a process of its own", async () => {
  const container = new Container(bundle(probe("echo:program", "await:15")));
  ok(await container.create());
  expect(await container.status()).toBe("created");
  ok(await container.start());
  await container.said("awaiting");
  expect(await container.state()).toMatchObject({ id: container.id, status: "running", bundle: container.bundle.directory });
  ok(await container.kill("TERM"));
  expect((await container.stopped()).status).toBe("stopped");
  ok(await container.delete());
  fails(await container.command("state"));
});

/** The specification's schema/state-schema.json in short; `paused` is a state of its own (rule 2.04). */
const isState = new Ajv().compile({
  type: "object",
  required: ["ociVersion", "id", "status", "bundle"],
  properties: {
    ociVersion: { type: "string" },
    id: { type: "string" },
    status: { enum: ["creating", "created", "running", "stopped"] },
    pid: { type: "integer", minimum: 0 },
    bundle: { type: "string" },
    annotations: { type: "object", additionalProperties: { type: "string" } },
  },
});

spec("2.01 2.07 2.08 the state fits the schema in every status", async () => {
  for (const annotations of [undefined, { a: "b", c: "" }]) {
    const container = new Container(bundle(probe("await:15"), { annotations }));
    ok(await container.create());
    const seen = [await container.state()];
    ok(await container.start());
    await container.said("awaiting");
    seen.push(await container.state());
    ok(await container.kill("TERM"));
    seen.push(await container.stopped());
    expect(seen.map(({ status }) => status)).toEqual(["created", "running", "stopped"]);
    for (const state of seen) expect({ state, isValid: isState(state) }).toEqual({ state, isValid: true });
    ok(await container.delete());
  }
});

spec(
  "2.03 2.05 while create is at work the status is creating, as hooks and others see it",
  oracle({ runc: "1.1 does not know the container yet", crun: "says created" }),
  async () => {
    const b = bundle(probe("pause"));
    const container = new Container(b.rewrite({ hooks: { createRuntime: [hook(`${self("state", b.name)} > ${b.directory}/seen`)] } }));
    ok(await container.create());
    const seen = JSON.parse(readFileSync(`${b.directory}/seen`, "utf8"));
    expect(seen).toMatchObject({ id: b.name, status: "creating", pid: (await container.state()).pid });
    expect(isState(seen)).toBe(true);
    expect(await container.status()).toBe("created");
  },
);

spec(
  "3.13 3.18 3.20 a container that is being created takes neither start, nor kill, nor delete, and is created nevertheless",
  oracle({ runc: "1.1 does not know the container yet", crun: "takes them" }),
  async () => {
    const b = bundle(probe("await:15"));
    const calls = [self("start", b.name), self("kill", b.name, "KILL"), self("delete", b.name)];
    const script = `for call in ${calls.map((call) => `"${call}"`).join(" ")}; do $call 2> /dev/null; echo $? >> ${b.directory}/codes; done`;
    const container = new Container(b.rewrite({ hooks: { createRuntime: [hook(script)] } }));
    ok(await container.create());
    expect(words(readFileSync(`${b.directory}/codes`, "utf8"))).toEqual(["1", "1", "1"]);
    ok(await container.start());
    await container.said("awaiting");
  },
);

spec("2.02 3.02 ids are unique, whichever bundle they come with, also while one is created", async () => {
  const first = bundle(probe("pause"));
  const second = bundle(probe("echo:other"));
  const container = new Container(first);
  ok(await container.create());
  const other = await runtime(["create", "--bundle", second.directory, container.id]);
  fails(other);
  expect((await container.state()).bundle).toBe(first.directory);
  ok(await container.start());
  fails(await runtime(["run", "--bundle", second.directory, container.id]));
  expect(await container.status()).toBe("running");
});

spec("2.09 2.10 3.01 3.12 3.18 3.20 no id, an empty one, and one that is not there are errors of every operation", async () => {
  const b = bundle();
  fails(await runtime(["create"], { cwd: b.directory }));
  fails(await runtime(["create", "--bundle", b.directory, ""]));
  for (const command of ["state", "start", "kill", "delete"]) for (const ids of [[], [""], ["no-such-container"]]) fails(await runtime([command, ...ids]));
});

/** What of a created container the host can see. */
async function createdFacts(container: Container) {
  const { pid } = await container.state();
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, "utf8");
  const inside = async (...argv: string[]) => words(ok(await exec(["nsenter", "--target", String(pid), "--uts", "--net", ...argv])).stdout);
  const mounts = read("mountinfo").trim().split("\n").map(parseMount);
  return { pid, read, inside, mounts };
}

spec("3.05 3.06 create applies everything but the process: namespaces, mounts, names, devices, settings, limits, and runs nothing", async () => {
  const b = bundle(probe("echo:program", "pause"), {
    hostname: "made-by-create",
    root: { readonly: true },
    mounts: [...MOUNTS, { destination: "/mnt/own", type: "tmpfs", source: "own", options: ["ro"] }],
    linux: {
      sysctl: { "net.ipv4.ip_forward": "1" },
      devices: [{ type: "c", path: "/dev/own", major: 1, minor: 3 }],
      resources: { pids: { limit: 77 }, devices: [{ allow: true, access: "rwm" }] },
    },
  });
  const container = new Container(b);
  ok(await container.create());
  const { pid, read, inside, mounts } = await createdFacts(container);
  for (const name of ["mnt", "pid", "uts", "ipc", "net"])
    expect(readlinkSync(`/proc/${pid}/ns/${name === "pid" ? "pid_for_children" : name}`)).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
  expect(await inside("hostname")).toEqual(["made-by-create"]);
  expect(await inside("cat", "/proc/sys/net/ipv4/ip_forward")).toEqual(["1"]);
  expect(mounts.find(({ point }) => point === "/mnt/own")).toMatchObject({ source: "own", options: expect.arrayContaining(["ro"]) });
  expect(mounts.find(({ point }) => point === "/")?.options).toContain("ro");
  expect(mounts.some(({ point }) => point === "/proc/sys")).toBe(true);
  expect(existsSync(`/proc/${pid}/root/dev/own`)).toBe(true);
  expect(cgroupValue(pid, "pids", "pids.max", "pids.max")).toBe("77");
  // The program is not there: neither its name nor its words.
  expect(read("cmdline")).not.toContain("echo:program");
  expect(container.output()).toBe("");
  ok(await container.start());
  await container.said("program");
});

spec("3.06 3.16 start runs the program with every property of process", needs("timens"), async () => {
  const b = bundle({
    process: {
      args: ["/probe", "args", "cwd", "env", "user", "umask", "caps", "rlimits", "prctl", "oom"],
      cwd: "/usr",
      env: ["PATH=/bin", "ONE=1", "HOME=/here"],
      user: { uid: 5, gid: 6, additionalGids: [7, 8], umask: 0o27 },
      capabilities: { bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"] },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 50, hard: 60 }],
      noNewPrivileges: true,
      oomScoreAdj: 111,
    },
  });
  const container = await new Container(b).up();
  await container.stopped();
  const f = container.facts();
  expect(f.all("args")[0]).toBe("/probe");
  expect([f.get("cwd"), f.get("umask"), f.get("nnp"), f.get("oom")]).toEqual(["/usr", "0027", "1", "111"]);
  expect(f.all("env")).toEqual(["PATH=/bin", "ONE=1", "HOME=/here"]);
  expect([f.get("uid"), f.get("gid")]).toEqual(["5 5 5", "6 6 6"]);
  expect(f.get("groups").split(" ")).toEqual(expect.arrayContaining(["7", "8"]));
  expect([f.get("caps.effective"), f.get("caps.ambient"), f.get("caps.bounding")]).toEqual(["20", "20", "21"]);
  expect(f.get("rlimit.RLIMIT_NOFILE")).toBe("50 60");
});

spec("3.09 a fault anywhere in config.json is found before anything is made, and no hook is run", async () => {
  const b = bundle(probe("echo:x"));
  const faulty = b.rewrite({
    hooks: { prestart: [hook(`touch ${b.directory}/hook-ran`)] },
    process: { rlimits: [{ type: "RLIMIT_NOSUCH", soft: 1, hard: 1 }] },
    linux: { namespaces: [{ type: "pid" }, { type: "pid" }] },
  });
  fails(await new Container(faulty).create());
  expect(existsSync(`${b.directory}/hook-ran`)).toBe(false);
  expect(leftovers(b.name, ROOT)).toEqual([]);
});

/** Each breaks create at another step of it. */
const FAILING: readonly [string, JsonObject][] = [
  ["a program that is not there", { process: { args: ["/nosuch"] } }],
  ["a mount that the kernel refuses", { mounts: [...MOUNTS, { destination: "/mnt", type: "tmpfs", source: "t", options: ["nosuch=1"] }] }],
  ["a limit that the kernel refuses", { linux: { resources: { cpu: { cpus: "4000" } } } }],
  ["a namespace that is not there", { linux: { namespaces: [{ type: "mount" }, { type: "network", path: "/no/such/ns" }] } }],
  ["a sysctl that the kernel refuses", { linux: { sysctl: { "net.ipv4.ip_forward": "many" } } }],
  ["a working directory that is a file", { process: { cwd: "/etc/passwd" } }],
  ["a hook that fails", { hooks: { createContainer: [{ path: "/bin/false" }] } }],
];

for (const [what, patch] of FAILING)
  spec(`1.08 3.04 3.07 ${what}: no container, and the machine is as it was`, async () => {
    const b = bundle(probe("pause"));
    const failing = b.rewrite(patch);
    const container = new Container(failing);
    fails(await container.create());
    fails(await container.command("state"));
    expect(leftovers(b.name, ROOT)).toEqual([]);
    // The id is free again.
    ok(await new Container(b.rewrite({ process: { args: ["/probe"] } })).run());
  });

spec(
  "1.08 3.21 parents of the cgroup that create made go with it, after a failure and after delete",
  oracle({ runc: "leaves them", crun: "leaves them" }),
  async () => {
    const b = bundle(probe("echo:x"));
    const deep = b.rewrite({ linux: { cgroupsPath: `${CGROUP_PARENT}/${b.name}/of/it` } });
    fails(await new Container(deep.rewrite({ process: { args: ["/nosuch"] } })).create());
    expect(leftovers(b.name, ROOT)).toEqual([]);
    ok(await new Container(deep.rewrite({})).run());
    expect(leftovers(b.name, ROOT)).toEqual([]);
  },
);

spec("1.09 a warning changes nothing: the container is the same without its cause", async () => {
  const all = ["CAP_KILL"];
  const capabilities = (...more: string[]) => ({ bounding: [...all, ...more], effective: [...all, ...more], permitted: [...all, ...more] });
  const seen = async (patch: JsonObject) => {
    const result = ok(await new Container(bundle(probe("caps", "mounts", "ls:/dev", "env"), patch)).run());
    return result.stdout.replace(/mount=.*/g, (line) => parseMount(line.slice("mount=".length)).point);
  };
  const plain = await seen({ process: { capabilities: capabilities() } });
  const warned = await seen({
    ociVersion: "1.0.2",
    annotations: { "org.opencontainers.unknown": "x" },
    process: { capabilities: capabilities("CAP_NO_SUCH") },
  });
  expect(warned).toBe(plain);
});

spec("3.17 4.10 start returns when the program was executed and the poststart hooks have ended", oracle({ runc: "1.1 runs poststart in create" }), async () => {
  const b = bundle(probe("echo:program", "pause"));
  const pid = `pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')`;
  const container = new Container(
    b.rewrite({ hooks: { poststart: [hook(`${pid}; tr '\\0' ' ' < /proc/$pid/cmdline > ${b.directory}/seen; sleep 0.2; echo end >> ${b.directory}/seen`)] } }),
  );
  ok(await container.create());
  expect(existsSync(`${b.directory}/seen`)).toBe(false);
  ok(await container.start());
  expect(readFileSync(`${b.directory}/seen`, "utf8")).toBe("/probe echo:program pause end\n");
});

spec("3.21 what a container only used stays: sources of mounts, a cgroup above, the rootfs", async () => {
  const b = bundle(probe("pause"));
  mkdirSync(`${b.directory}/source`);
  writeFileSync(`${b.directory}/source/file`, "kept");
  const container = await new Container(
    b.rewrite({
      mounts: [...MOUNTS, { destination: "/mnt/s", source: "source", options: ["bind"] }, { destination: "/etc/f", source: "source/file", options: ["bind"] }],
    }),
  ).up();
  ok(await container.delete({ flags: ["--force"] }));
  expect(readFileSync(`${b.directory}/source/file`, "utf8")).toBe("kept");
  expect(existsSync(`${b.rootfs}/probe`)).toBe(true);
  expect(leftovers(b.name, ROOT)).toEqual([]);
});

spec(
  "3.14 start without process is an error, and the container is still there to be deleted",
  oracle({ runc: "needs process at create", crun: "an internal error at create" }),
  async () => {
    const container = new Container(bundle({ process: undefined }));
    ok(await container.create());
    fails(await container.start());
    expect(await container.status()).toBe("created");
    ok(await container.kill("KILL"));
    await container.stopped();
    ok(await container.delete());
  },
);

spec("1.05 the order of names in config.json means nothing", async () => {
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, member]) => [name, reversed(member)]),
    );
  };
  const b = bundle(probe("uts", "caps", "cwd"));
  const plain = (await facts(b)).text;
  writeFileSync(`${b.directory}/config.json`, JSON.stringify(reversed(JSON.parse(readFileSync(`${b.directory}/config.json`, "utf8")))));
  expect((await facts(b)).text).toBe(plain);
});

spec("1.02 10.02 an unknown annotation changes nothing", async () => {
  const annotations = { "org.example.unknown": "x", "run.oci.systemd.subgroup": "x", "org.opencontainers.image.nosuch": "x" };
  const seen = async (patch: JsonObject) => (await facts(bundle(probe("uts", "caps", "cwd", "user", "rlimits"), patch))).text;
  expect(await seen({ annotations })).toBe(await seen({}));
});

spec("1.03 a value that is unknown or of the wrong type is an error", async () => {
  const wrong: JsonObject[] = [
    { linux: { rootfsPropagation: "nosuch" } },
    { linux: { namespaces: [{ type: "nosuch" }] } },
    { process: { user: { uid: "root", gid: 0 } } },
    { process: { rlimits: [{ type: "RLIMIT_NOSUCH", soft: 1, hard: 1 }] } },
    { mounts: [{ destination: 5 }] },
  ];
  for (const patch of wrong) fails(await new Container(bundle(patch)).create());
});
