// keyring, descriptors that are handed on, sd_notify, personality, scheduler, ioPriority, annotations that change nothing.
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, facts, ok, readLog, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

spec("the program has a session keyring of its own, named for the container", needs("keyring"), async () => {
  const b = bundle(probe("keyring"));
  expect((await facts(b)).get("keyring")).toContain(b.name);
});

spec("--no-new-keyring keeps the caller's", needs("keyring"), async () => {
  const b = bundle(probe("keyring"));
  expect((await facts(b, { flags: ["--no-new-keyring"] })).get("keyring")).not.toContain(b.name);
});

/** Runs the container with open files at 3, 4 and 5. */
async function withOpenFiles(words: string[], flags: string[], env: Record<string, string> = {}) {
  const container = new Container(bundle(probe(...words)));
  for (const name of ["three", "four", "five"]) await Bun.write(`${container.bundle.directory}/${name}`, name);
  const argv = [
    "bash",
    "-c",
    'exec 3<three 4<four 5<five; export LISTEN_PID=$$; exec "$@"',
    "-",
    ...COMMAND,
    "--root",
    ROOT,
    "run",
    ...flags,
    "--bundle",
    container.bundle.directory,
    container.id,
  ];
  return new Facts(ok(await exec(argv, { cwd: container.bundle.directory, env: { PATH: process.env["PATH"] ?? "", ...env } })).stdout);
}

spec("7.16 --preserve-fds N hands 3 to 2+N on, and no more", needs("lowFds"), async () => {
  const f = await withOpenFiles(["fdread:3", "fdread:4", "fds"], ["--preserve-fds", "2"]);
  expect([f.get("fdread:3"), f.get("fdread:4")]).toEqual(["three", "four"]);
  expect(f.all("fd").map((line) => line.split(" ")[0])).toEqual(["0", "1", "2", "3", "4"]);
});

spec("7.16 LISTEN_FDS of the caller: descriptors and variables are handed on", async () => {
  const f = await withOpenFiles(["env", "fdread:3", "fds"], [], { LISTEN_FDS: "1" });
  expect(f.get("fdread:3")).toBe("three");
  expect(f.all("env")).toEqual(expect.arrayContaining(["LISTEN_FDS=1", "LISTEN_PID=1"]));
  expect(f.all("fd")).toHaveLength(4);
});

spec("--preserve-fds with descriptors that are not open is an error or harmless", async () => {
  const result = await new Container(bundle(probe("fds"))).run({ flags: ["--preserve-fds", "50"] });
  if (result.code === 0) expect(new Facts(result.stdout).all("fd").length).toBe(3);
});

spec("NOTIFY_SOCKET: the container's word reaches the caller's socket", async () => {
  const container = new Container(bundle(probe("env", "notify:READY=1", "pause")));
  const path = `${container.bundle.directory}/notify.sock`;
  const receiver = Bun.spawn(
    [
      "python3",
      "-c",
      `import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\ns.settimeout(8)\nprint("bound",flush=True)\nwhile True:\n  d=s.recv(4096).decode()\n  print(d,flush=True)\n  if "READY=1" in d: break`,
      path,
    ],
    { stdout: "pipe", stderr: "ignore" },
  );
  while (!existsSync(path)) await Bun.sleep(5);
  container.created = ok(await container.create({ env: { PATH: process.env["PATH"] ?? "", NOTIFY_SOCKET: path } }));
  const started = container.start({ env: { PATH: process.env["PATH"] ?? "", NOTIFY_SOCKET: path } });
  expect(await new Response(receiver.stdout).text()).toContain("READY=1");
  ok(await started);
});

spec("8.62 personality", oracle({ runc: "1.1 does not know it" }), async () => {
  const f = await facts(bundle(probe("personality", "uts"), { linux: { personality: { domain: "LINUX32" } } }));
  expect(f.get("personality")).toBe("8");
  expect(f.get("machine")).toMatch(/i.86|arm/);
  expect((await facts(bundle(probe("personality"), { linux: { personality: { domain: "LINUX" } } }))).get("personality")).toBe("0");
});

spec("8.62 unknown domains, and flags of any kind, are errors", oracle({ runc: "only warns", crun: "ignores flags" }), async () => {
  await refused(bundle({ linux: { personality: { domain: "SOLARIS" } } }));
  await refused(bundle({ linux: { personality: { domain: "LINUX", flags: ["X"] } } }));
});

const withScheduler = (scheduler: JsonObject) => bundle(probe("sched"), { process: { scheduler } });

spec("7.10 unknown policies and flags are errors", oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" }), async () => {
  await refused(withScheduler({ policy: "SCHED_NOSUCH" }));
  await refused(withScheduler({ policy: "SCHED_OTHER", flags: ["SCHED_FLAG_NOSUCH"] }));
});

spec("7.11 wrong classes and priorities are errors", oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" }), async () => {
  await refused(bundle({ process: { ioPriority: { class: "IOPRIO_CLASS_NOSUCH", priority: 1 } } }));
  await refused(bundle({ process: { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 8 } } }));
  await refused(bundle({ process: { ioPriority: { class: "IOPRIO_CLASS_BE" } } }));
});

spec("while created the container charges next to nothing", async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.create());
  const { pid } = await container.state();
  expect(readdirSync(`/proc/${pid}/task`).length).toBeLessThan(20);
  expect(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])).toBeLessThan(60_000);
});

spec("10.02 8.13 reserved annotations and two names for one device are warnings", tsrunOnly, async () => {
  const devices = ["/dev/one", "/dev/two"].map((path) => ({ path, type: "c", major: 1, minor: 3 }));
  const b = bundle({ annotations: { "org.opencontainers.own": "x", "org.opencontainers.image.author": "me" }, linux: { devices } });
  const log = `${b.directory}/log`;
  ok(await new Container(b).run({ globals: ["--log", log, "--log-format", "json"] }));
  const records = readLog(log);
  expect(records.map(({ level }) => level)).toEqual(["warning", "warning"]);
  expect(records.map(({ msg }) => msg).join("\n")).toMatch(/org\.opencontainers\.own[\s\S]*\/dev\/one.*\/dev\/two/);
});
