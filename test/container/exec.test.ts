// exec: another process in a running container.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawn } from "bun";
import { bundle, probe } from "../helpers/bundle.ts";
import { cgroupDirectory, isV2 } from "../helpers/cgroups.ts";
import type { JsonObject } from "../helpers/config.ts";
import { type CommandOptions, Container, fails, ok, runtime } from "../helpers/container.ts";
import { exec, type Result, until } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { BUILD, COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

/** A running container that waits. */
function running(...patches: JsonObject[]): Promise<Container> {
  return new Container(bundle(probe("pause"), ...patches)).up();
}

function execIn(container: Container, flags: readonly string[], words: readonly string[], options: CommandOptions = {}): Promise<Result> {
  return runtime(["exec", ...flags, container.id, ...words], options);
}

/** The probe's facts from within. */
async function factsOf(container: Container, words: readonly string[], flags: readonly string[] = [], options: CommandOptions = {}): Promise<Facts> {
  return new Facts(ok(await execIn(container, flags, ["/probe", ...words], options)).stdout);
}

/** --process with this document; members that are not given are those of a plain root process. */
function document(container: Container, process: JsonObject): string {
  const path = `${container.bundle.directory}/process.json`;
  writeFileSync(path, JSON.stringify({ cwd: "/", env: ["PATH=/bin"], args: ["/probe"], user: { uid: 0, gid: 0 }, ...process }));
  return path;
}

spec("exec: the program is in all of the container's namespaces and in its root", async () => {
  const container = await running({ hostname: "inside" });
  const f = await factsOf(container, ["uts", "ids"]);
  expect(f.get("hostname")).toBe("inside");
  const { pid } = await container.state();
  for (const name of ["mnt", "uts", "ipc", "net"]) {
    const inside = ok(await execIn(container, [], ["/bin/ls", "-l", `/proc/self/ns/${name}`])).stdout;
    const outside = (await exec(["ls", "-l", `/proc/${pid}/ns/${name}`])).stdout;
    expect(/\[\d+\]/.exec(inside)?.[0]).toBe(/\[\d+\]/.exec(outside)?.[0] ?? "?");
  }
});

spec("exec: exit codes of the program, 128 + n for a signal", async () => {
  const container = await running();
  expect((await execIn(container, [], ["/bin/sh", "-c", "exit 7"])).code).toBe(7);
  expect((await execIn(container, [], ["/bin/sh", "-c", "kill -9 $$"])).code).toBe(137);
  expect((await execIn(container, [], ["/bin/true"])).code).toBe(0);
});

spec("exec: 255 and runc's words when the runtime fails", oracle({ crun: "exits with 1" }), async () => {
  const container = await running();
  const missing = fails(await execIn(container, [], ["nosuch"]), /executable file not found in \$PATH/);
  expect(missing.code).toBe(255);
  expect(fails(await execIn(container, [], ["/nosuch"]), /no such file or directory/).code).toBe(255);
  expect(fails(await execIn(container, [], ["/etc/passwd"]), /permission denied/).code).toBe(255);
  expect(fails(await runtime(["exec", "no-such-container", "true"]), /does not exist/).code).toBe(255);
});

spec("exec: not in a stopped container", async () => {
  const container = await running();
  ok(await container.kill("KILL"));
  await container.stopped();
  fails(await execIn(container, [], ["/bin/true"]), /stopped container|not running/);
});

spec("exec: not in a paused container, unless --ignore-paused", oracle({ crun: "has no --ignore-paused" }), async () => {
  const container = await running();
  ok(await container.command("pause"));
  fails(await execIn(container, [], ["/bin/true"]), /paused/);
  const waiting = execIn(container, ["--ignore-paused"], ["/bin/true"]);
  await Bun.sleep(50);
  ok(await container.command("resume"));
  ok(await waiting);
});

spec("exec: environment, working directory and user of the container, changed by flags", oracle({ runc: "1.1 has a changed name twice" }), async () => {
  const container = await running({ process: { env: ["PATH=/bin", "OWN=1", "CHANGED=old"], cwd: "/tmp" } });
  const plain = await factsOf(container, ["env", "cwd", "user"]);
  expect(plain.all("env")).toEqual(expect.arrayContaining(["OWN=1", "CHANGED=old"]));
  expect(plain.get("cwd")).toBe("/tmp");
  expect(plain.get("uid")).toBe("0 0 0");
  const changed = await factsOf(container, ["env", "cwd", "user"], ["--cwd", "/home", "-e", "CHANGED=new", "--env", "MORE=a=b", "--user", "1000:1001"]);
  expect(changed.all("env")).toEqual(expect.arrayContaining(["OWN=1", "CHANGED=new", "MORE=a=b"]));
  expect(changed.get("cwd")).toBe("/home");
  expect(changed.get("uid")).toBe("1000 1000 1000");
  expect(changed.get("gid")).toBe("1001 1001 1001");
});

spec("exec: --additional-gids, --cap and --no-new-privs", oracle({ crun: "has no --additional-gids" }), async () => {
  const container = await running({ process: { capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] } } });
  const f = await factsOf(container, ["user", "caps", "prctl"], ["-g", "7", "-g", "8", "--cap", "CAP_CHOWN", "--no-new-privs"]);
  expect(f.get("groups").split(" ").sort()).toEqual(["7", "8"]);
  expect(f.get("caps.effective")).toBe((await factsOf(container, ["caps"], ["--cap", "CAP_CHOWN"])).get("caps.effective"));
  expect(Number.parseInt(f.get("caps.effective"), 16)).toBe(0x21);
  expect(f.get("nnp")).toBe("1");
});

spec("exec: --cap gives nothing inheritable (CVE-2022-29162 CVE-2022-27650 CVE-2025-27612)", async () => {
  const container = await running();
  const f = await factsOf(container, ["caps"], ["--cap", "CAP_SYS_ADMIN"]);
  expect(Number.parseInt(f.get("caps.effective"), 16) & 0x200000).toBe(0x200000);
  expect(f.get("caps.inheritable")).toBe("0");
  expect(f.get("caps.ambient")).toBe("0");
});

spec("exec: --user with a number only, an id is never guessed from a name (CVE-2026-30892)", oracle({ crun: "looks names up" }), async () => {
  const container = await running();
  expect((await factsOf(container, ["user"], ["-u", "1"])).get("uid")).toBe("1 1 1");
  fails(await execIn(container, ["-u", "user"], ["/bin/true"]));
  fails(await execIn(container, ["-u", "-1"], ["/bin/true"]));
});

spec("exec: what follows the id belongs to the program", async () => {
  const container = await running();
  expect(ok(await execIn(container, [], ["/bin/echo", "-t", "--help", "--user", "5"])).stdout).toBe("-t --help --user 5\n");
});

spec("exec: --process has the whole process", oracle({ runc: "1.1 sets the hard limit of open files as the soft one" }), async () => {
  const container = await running({ process: { env: ["PATH=/bin", "OWN=1"], cwd: "/tmp" } });
  const path = document(container, {
    args: ["/probe", "env", "cwd", "user", "caps", "rlimits", "prctl"],
    env: ["PATH=/bin", "FROM=file"],
    cwd: "/etc",
    user: { uid: 5, gid: 6, additionalGids: [9] },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 50, hard: 60 }],
    noNewPrivileges: true,
  });
  const f = new Facts(ok(await runtime(["exec", "--process", path, container.id])).stdout);
  expect(f.all("env")).toContain("FROM=file");
  expect(f.all("env")).not.toContain("OWN=1");
  expect(f.get("cwd")).toBe("/etc");
  expect(f.get("uid")).toBe("5 5 5");
  expect(f.get("groups")).toBe("9");
  expect(f.get("nnp")).toBe("1");
  expect(f.get("rlimit.RLIMIT_NOFILE")).toBe("50 60");
  // As in runc: what the document does not say of these is the container's.
  expect(f.get("caps.bounding")).toBe((await factsOf(container, ["caps"])).get("caps.bounding"));
});

spec("exec: an error in --process names its line", tsrunOnly, async () => {
  const container = await running();
  const path = `${container.bundle.directory}/process.json`;
  writeFileSync(path, '{\n  "args": ["/probe"],\n  "cwd": "relative",\n  "user": {"uid": 0, "gid": 0}\n}\n');
  const result = fails(await runtime(["exec", "--process", path, container.id]), /process\.json:3:\d+/);
  expect(result.code).toBe(255);
  writeFileSync(path, '{\n  "args": ["/nosuch"],\n  "cwd": "/",\n  "user": {"uid": 0, "gid": 0}\n}\n');
  fails(await runtime(["exec", "--process", path, container.id]), /process\.json:2:\d+ \(#\/args\/0\)/);
});

spec("exec: --detach with --pid-file", async () => {
  const container = await running();
  const pidFile = `${container.bundle.directory}/exec.pid`;
  ok(await execIn(container, ["--detach", "--pid-file", pidFile], ["/bin/sleep", "100"]));
  const pid = Number(readFileSync(pidFile, "utf8"));
  await until("the program", () => readFileSync(`/proc/${pid}/cmdline`, "utf8") === "/bin/sleep\x00100\x00");
  expect(ok(await container.command("ps", { flags: ["--format", "json"] })).stdout).toContain(String(pid));
});

spec("exec: the program is in the container's cgroups", async () => {
  const container = await running();
  const pidFile = `${container.bundle.directory}/exec.pid`;
  ok(await execIn(container, ["--detach", "--pid-file", pidFile], ["/bin/sleep", "100"]));
  const own = readFileSync(`/proc/${(await container.state()).pid}/cgroup`, "utf8");
  expect(readFileSync(`/proc/${readFileSync(pidFile, "utf8").trim()}/cgroup`, "utf8")).toBe(own);
});

spec(
  "exec: --cgroup must stay below the container's and be there",
  oracle({ runc: "1.1.5 has no --cgroup of one controller", crun: "another way" }),
  async () => {
    const container = await running();
    fails(await execIn(container, ["--cgroup", "no-such-child"], ["/bin/true"]), /no such file or directory/);
    fails(await execIn(container, ["--cgroup", "cgroup.procs"], ["/bin/true"]), /not a directory/);
    fails(await execIn(container, ["--cgroup", "../.."], ["/bin/true"]));
  },
);

spec("exec: --cgroup is a cgroup below the container's, on v1 of one controller or of all", oracle({ crun: "another way" }), async () => {
  const container = await running();
  const own = (pid: number, controller: string) => cgroupDirectory(pid, controller) ?? "";
  const { pid } = await container.state();
  for (const controller of ["pids", "blkio", "freezer"]) mkdirSync(`${own(pid, controller)}/inner`, { recursive: true });
  const whereIs = async (...flags: string[]) => {
    const pidFile = `${container.bundle.directory}/exec.pid`;
    ok(await execIn(container, ["--detach", "--pid-file", pidFile, ...flags], ["/bin/sleep", "100"]));
    const started = Number(readFileSync(pidFile, "utf8"));
    return ["pids", "blkio"].map((controller) => own(started, controller).slice(own(pid, controller).length));
  };
  if (isV2("pids")) {
    expect(await whereIs("--cgroup", "inner")).toEqual(["/inner", "/inner"]);
    fails(await execIn(container, ["--cgroup", "pids:inner"], ["/bin/true"]));
  } else {
    expect(await whereIs("--cgroup", "pids:inner")).toEqual(["/inner", ""]);
    expect(await whereIs("--cgroup", "pids,blkio:inner")).toEqual(["/inner", "/inner"]);
    fails(await execIn(container, ["--cgroup", "nosuch:inner"], ["/bin/true"]));
    fails(await execIn(container, ["--cgroup", "pids:../.."], ["/bin/true"]));
  }
});

spec("exec: a terminal of the container's own devpts, sent to --console-socket", async () => {
  const container = await running();
  const path = `${container.bundle.directory}/console.sock`;
  const receiver = spawn([`${BUILD}/console-recv`, path], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  await until("the console socket", () => existsSync(path));
  ok(await execIn(container, ["--tty", "--console-socket", path, "--detach"], ["/probe", "tty", "ids"]));
  const f = new Facts((await new Response(receiver.stdout).text()).replaceAll("\r\n", "\n"));
  expect(f.get("tty.0")).toMatch(/^\/dev\/pts\/\d+$/);
  expect(f.get("tty.controlling")).toBe("ok");
  await receiver.exited;
});

spec("exec: a terminal in the foreground", async () => {
  const container = await running();
  const command = [...COMMAND, "--root", ROOT, "exec", "-t", container.id, "/bin/sh", "-c", "'test -t 0 && echo on a terminal; exit 3'"].join(" ");
  const result = await exec(["script", "-qec", command, "/dev/null"]);
  expect(result.stdout).toContain("on a terminal");
  expect(result.code).toBe(3);
});

spec("exec: a detached terminal needs a console socket", async () => {
  const container = await running();
  fails(await execIn(container, ["--tty", "--detach"], ["/bin/true"]), /console socket/);
});

spec("exec: signals reach the program", needs("oneThread"), async () => {
  const container = await running();
  const child = spawn([...COMMAND, "--root", ROOT, "exec", container.id, "/bin/sh", "-c", "trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done"], {
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
  });
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain("ready");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(42);
});

spec("exec: --preserve-fds", needs("lowFds"), async () => {
  const container = await running();
  const command = `exec 3</etc/hostname 4</etc/hostname; exec ${COMMAND.join(" ")} --root ${ROOT} exec --preserve-fds 1 ${container.id} /probe fds`;
  const result = await exec(["/bin/sh", "-c", command]);
  expect(new Facts(ok(result).stdout).all("fd").length).toBe(4);
});

spec("exec: nothing of the runtime is open in the program", async () => {
  const container = await running();
  expect((await factsOf(container, ["fds"])).all("fd").length).toBe(3);
});

spec("exec: in a user namespace", needs("userns"), async () => {
  const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const container = new Container(
    bundle(probe("pause"), {
      linux: {
        namespaces: [{ type: "pid" }, { type: "mount" }, { type: "user" }, { type: "uts" }, { type: "ipc" }, { type: "network" }],
        uidMappings: map,
        gidMappings: map,
      },
    }),
  );
  await exec(["chown", "-R", "100000:100000", container.bundle.rootfs]);
  await container.up();
  const f = await factsOf(container, ["user"], ["-u", "3:4"]);
  expect(f.get("uid")).toBe("3 3 3");
  const pidFile = `${container.bundle.directory}/exec.pid`;
  ok(await execIn(container, ["-d", "--pid-file", pidFile], ["/bin/sleep", "50"]));
  expect(readFileSync(`/proc/${readFileSync(pidFile, "utf8").trim()}/status`, "utf8")).toMatch(/^Uid:\s+100000\s/m);
});

spec("exec: without a mount namespace the container's root is entered as well", oracle({ runc: "refuses such a config", crun: "another way" }), async () => {
  const container = await running({ linux: { namespaces: [{ type: "pid" }, { type: "uts" }], maskedPaths: [], readonlyPaths: [], devices: [] }, mounts: [] });
  expect((await factsOf(container, ["cwd", "stat:/probe"])).get("cwd")).toBe("/");
});

spec("exec: the pidfd socket is sent a pidfd of the program", oracle({ runc: "1.1 has no --pidfd-socket", crun: "has no --pidfd-socket" }), async () => {
  const container = await running();
  const path = `${container.bundle.directory}/pidfd.sock`;
  const receiver = spawn(
    [
      "python3",
      "-c",
      `import socket,sys,os,array
s=socket.socket(socket.AF_UNIX,socket.SOCK_STREAM);s.bind(sys.argv[1]+'.new');s.listen(1);os.rename(sys.argv[1]+'.new',sys.argv[1])
c,_=s.accept();m,f,_,_=socket.recv_fds(c,100,1)
print([l for l in open('/proc/self/fdinfo/%d'%f[0]) if l.startswith('Pid')][0])`,
      path,
    ],
    { stdout: "pipe", stderr: "inherit", stdin: "ignore" },
  );
  await until("the pidfd socket", () => existsSync(path));
  const pidFile = `${container.bundle.directory}/exec.pid`;
  ok(await execIn(container, ["-d", "--pidfd-socket", path, "--pid-file", pidFile], ["/bin/sleep", "50"]));
  expect(await new Response(receiver.stdout).text()).toMatch(new RegExp(`Pid:\\s+${readFileSync(pidFile, "utf8").trim()}\\s`));
});
