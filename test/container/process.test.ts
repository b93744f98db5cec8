// process.*: what the program of the container is given.
import { expect } from "bun:test";
import { statSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec } from "../helpers/spec.ts";

spec("7.04 args are given unchanged", async () => {
  const args = ["/probe", "args", "echo:", "echo:a  b\tc", "echo:ü€😀", "echo:$HOME `x` \"q\" 'q' \\"];
  expect((await facts(bundle({ process: { args } }))).all("args").slice(0, 6)).toEqual(args);
});

spec("7.04 args[0] is looked up on the PATH of the container", async () => {
  const b = bundle({ process: { args: ["tool", "x"], env: ["PATH=/none:/opt/tools:/bin"] } });
  b.file("opt/tools/tool", "#!/bin/echo found\n", 0o755);
  expect(ok(await new Container(b).run()).stdout).toBe("found /opt/tools/tool x\n");
});

spec("7.04 a directory on the PATH is passed over", async () => {
  const b = bundle({ process: { args: ["tool"], env: ["PATH=/first:/second"] } });
  b.dir("first/tool");
  b.file("second/tool", "#!/bin/echo found\n", 0o755);
  expect(ok(await new Container(b).run()).stdout).toBe("found /second/tool\n");
});

spec("7.04 a program that is not there is an error of create, with the words that engines look for", async () => {
  await refused(bundle({ process: { args: ["nosuch"] } }), /executable file.*not found|no such file or directory/i);
  await refused(bundle({ process: { args: ["/bin/nosuch"] } }), /no such file or directory/i);
});

spec("7.04 a program that may not be executed is an error of create", async () => {
  const b = bundle({ process: { args: ["/etc/passwd"] } });
  await refused(b, /permission denied/i);
  await refused(bundle({ process: { args: ["/etc"] } }), /permission denied|is a directory/i);
});

spec("7.04 args must not be empty", async () => {
  await refused(bundle({ process: { args: [] } }));
});

spec("7.05 env is given unchanged", async () => {
  const env = ["PATH=/bin", "HOME=/h", "EMPTY=", "TWO=a=b", "SPACES=a b  c", "ÜML=ü", "LINES=a\nb", "lower=x", "A.B-C=odd"];
  const f = await facts(bundle({ process: { args: ["/probe", "env"], env } }));
  expect(f.all("env")).toEqual(env);
});

spec("7.05 env of the runtime does not reach the container", async () => {
  const f = await facts(bundle(probe("env")), { env: { PATH: process.env["PATH"] ?? "", SECRET: "1", BUN_OPTIONS: "", LANG: "C" } });
  expect(f.all("env").filter((one) => !/^(PATH|HOME)=/.test(one))).toEqual([]);
});

spec("7.05 an absent HOME comes from the container's passwd", oracle({ crun: "1.8 gives the last entry's order anew" }), async () => {
  const user = await facts(bundle({ process: { args: ["/probe", "env"], env: ["PATH=/bin"], user: { uid: 1000, gid: 1000 } } }));
  expect(user.all("env")).toEqual(["PATH=/bin", "HOME=/home/user"]);
  const unknown = await facts(bundle({ process: { args: ["/probe", "env"], env: ["PATH=/bin"], user: { uid: 4321, gid: 0 } } }));
  expect(unknown.all("env")).toEqual(["PATH=/bin", "HOME=/"]);
});

spec("7.05 no env at all", async () => {
  const f = await facts(bundle({ process: { args: ["/probe", "env"], env: undefined } }));
  expect(f.all("env").filter((one) => !one.startsWith("HOME="))).toEqual([]);
});

spec("7.03 cwd is the working directory", async () => {
  expect((await facts(bundle({ process: { args: ["/probe", "cwd"], cwd: "/usr" } }))).get("cwd")).toBe("/usr");
});

spec("7.03 a missing cwd is made", async () => {
  const b = bundle({ process: { args: ["/probe", "cwd"], cwd: "/srv/a/b" } });
  expect((await facts(b)).get("cwd")).toBe("/srv/a/b");
  expect(statSync(`${b.rootfs}/srv/a/b`).mode & 0o7777).toBe(0o755);
});

spec("7.03 cwd through a link of the image stays inside", async () => {
  const b = bundle({ process: { args: ["/probe", "cwd"], cwd: "/link" } });
  b.link("link", "../../../usr");
  expect((await facts(b)).get("cwd")).toBe("/usr");
});

spec("7.03 a relative or absent cwd is an error", async () => {
  await refused(bundle({ process: { cwd: "usr" } }), /cwd/i);
  await refused(bundle({ process: { cwd: "" } }), /cwd/i);
  await refused(bundle({ process: { cwd: undefined } }), /cwd/i);
});

spec("7.03 a cwd that the user cannot enter is an error", async () => {
  const b = bundle({ process: { cwd: "/locked", user: { uid: 1000, gid: 1000 }, capabilities: { bounding: [], effective: [], permitted: [] } } });
  b.dir("locked", 0o700);
  const container = new Container(b);
  const result = await container.run();
  // runc tries as root first: a directory that only root can enter is then fine for it.
  if (result.code !== 0) fails(result, /permission denied/i);
});

spec("7.14 uid, gid and additional groups", async () => {
  const f = await facts(bundle({ process: { args: ["/probe", "user"], user: { uid: 1000, gid: 2000, additionalGids: [5, 3000, 2147483647] } } }));
  expect(f.get("uid")).toBe("1000 1000 1000");
  expect(f.get("gid")).toBe("2000 2000 2000");
  expect(f.get("groups").split(" ")).toEqual(expect.arrayContaining(["5", "3000", "2147483647"]));
});

spec("7.14 ids up to 32 bits", oracle({ runc: "stops at 31 bits" }), async () => {
  const f = await facts(bundle({ process: { args: ["/probe", "user"], user: { uid: 4294967294, gid: 4294967293, additionalGids: [4294967294] } } }));
  expect(f.get("uid")).toBe("4294967294 4294967294 4294967294");
  expect(f.get("gid")).toBe("4294967293 4294967293 4294967293");
});

spec("7.14 without additional groups none of the caller's are kept", async () => {
  const f = await facts(bundle({ process: { args: ["/probe", "user"], user: { uid: 1000, gid: 1000 } } }));
  expect(["", "1000"]).toContain(f.get("groups"));
});

spec("CVE-2016-3697 a numeric user name in passwd changes nothing", async () => {
  const b = bundle({ process: { args: ["/probe", "user"], user: { uid: 1000, gid: 1000 } } });
  b.file("etc/passwd", "root:x:0:0::/root:/bin/sh\n1000:x:0:0::/root:/bin/sh\n");
  expect((await facts(b)).get("uid")).toBe("1000 1000 1000");
});

spec("7.14 wrong ids are errors", oracle({ crun: "wraps around" }), async () => {
  await refused(bundle({ process: { user: { uid: -1, gid: 0 } } }));
  await refused(bundle({ process: { user: { uid: 0, gid: 4294967296 } } }));
  await refused(bundle({ process: { user: { uid: "0", gid: 0 } } }));
});

spec("7.15 umask is set", async () => {
  expect((await facts(bundle({ process: { args: ["/probe", "umask"], user: { uid: 0, gid: 0, umask: 0o27 } } }))).get("umask")).toBe("0027");
  expect((await facts(bundle({ process: { args: ["/probe", "umask"], user: { uid: 0, gid: 0, umask: 0 } } }))).get("umask")).toBe("0000");
});

/** The runtime's `run` of a bundle, from a shell that has set something up. */
async function runFrom(setUp: string, b: Bundle): Promise<Facts> {
  const command = [...COMMAND, "--root", ROOT, "run", "--bundle", b.directory, b.name].join(" ");
  return new Facts(ok(await exec(["sh", "-c", `${setUp}; exec ${command}`])).stdout);
}

spec("7.15 an absent umask is the caller's", oracle({ runc: "0022 always", crun: "0022 always" }), async () => {
  for (const umask of ["0022", "0077", "0002"]) expect((await runFrom(`umask ${umask}`, bundle(probe("umask")))).get("umask")).toBe(umask);
});

spec("7.08 noNewPrivileges", async () => {
  expect((await facts(bundle(probe("prctl"), { process: { noNewPrivileges: true } }))).get("nnp")).toBe("1");
  expect((await facts(bundle(probe("prctl"), { process: { noNewPrivileges: false } }))).get("nnp")).toBe("0");
  expect((await facts(bundle(probe("prctl"), { process: { noNewPrivileges: undefined } }))).get("nnp")).toBe("0");
});

spec("the program is dumpable, has no parent death signal and plain secure bits", async () => {
  const f = await facts(bundle(probe("prctl")));
  expect([f.get("dumpable"), f.get("pdeathsig"), f.get("securebits")]).toEqual(["1", "0", "0"]);
});

spec("signals that the caller ignores or blocks are not so for the program", async () => {
  const b = bundle(probe("signals"));
  const argv = ["bash", "-c", 'trap "" HUP USR1 PIPE; exec "$@"', "-", ...COMMAND, "--root", ROOT, "run", "--bundle", b.directory, b.name];
  const f = new Facts(ok(await exec(argv)).stdout);
  expect(f.get("signals.blocked")).toBe("");
  expect(f.get("signals.ignored")).toBe("");
});

spec("the program leads its session and is pid 1", async () => {
  const f = await facts(bundle(probe("ids")));
  expect([f.get("pid"), f.get("ppid"), f.get("sid"), f.get("pgid")]).toEqual(["1", "0", "1", "1"]);
});

spec("7.09 oomScoreAdj is set", async () => {
  expect((await facts(bundle(probe("oom"), { process: { oomScoreAdj: 321 } }))).get("oom")).toBe("321");
});

spec("7.09 an absent oomScoreAdj is not touched: it is the caller's, whatever that is", async () => {
  for (const score of ["0", "123"]) expect((await runFrom(`echo ${score} > /proc/self/oom_score_adj`, bundle(probe("oom")))).get("oom")).toBe(score);
});

spec("7.09 oomScoreAdj out of range is an error", async () => {
  await refused(bundle({ process: { oomScoreAdj: 1001 } }));
});

spec("the exit code of the program is the exit code of run", async () => {
  expect((await new Container(bundle(probe("exit:0"))).run()).code).toBe(0);
  expect((await new Container(bundle(probe("exit:7"))).run()).code).toBe(7);
  expect((await new Container(bundle(probe("exit:255"))).run()).code).toBe(255);
});

spec("a program killed by signal n makes run exit with 128 + n", needs("busybox"), async () => {
  const container = new Container(bundle({ process: { args: ["/probe", "echo:up", "sleep:20000"] } }));
  const running = container.run();
  for (let i = 0; i < 500; i++) {
    const state = await container.command("state");
    if (state.code === 0 && state.stdout.includes('"running"')) break;
    await Bun.sleep(10);
  }
  ok(await container.kill("KILL"));
  expect((await running).code).toBe(137);
});

spec("stdin, stdout and stderr pass through run", async () => {
  const container = new Container(bundle({ process: { args: ["/bin/sh", "-c", "cat; echo oops >&2"] } }));
  const result = ok(await container.run({ stdin: "from outside" }));
  expect(result.stdout).toBe("from outside");
  expect(result.stderr).toContain("oops");
});

spec("3.14 a config without process can be created, and start is the error", oracle({ runc: "needs process at create" }), async () => {
  const container = new Container(bundle({ process: undefined }));
  ok(await container.create());
  fails(await container.start());
});
