// linux.seccomp: actions, arguments, flags, notifications, and that nothing of it is left out.
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { spawn } from "bun";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import type { Json, JsonObject } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { until } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

function filtered(seccomp: JsonObject, words: string[], patch: JsonObject = {}): Bundle {
  return bundle(probe(...words), { linux: { seccomp } }, patch);
}

const rule = (action: string, names: Json, more: JsonObject = {}): JsonObject => ({ names, action, ...more });
const forbidMkdir = (action: string, more: JsonObject = {}): JsonObject => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [rule(action, ["mkdir", "mkdirat"], more)],
});
const nnp = (value: boolean): JsonObject => ({ process: { noNewPrivileges: value } });

for (const value of [true, false]) {
  spec(`8.70 SCMP_ACT_ERRNO ${value ? "with" : "without"} noNewPrivileges, for root and another user`, async () => {
    for (const uid of [0, 1000]) {
      const patch = { process: { noNewPrivileges: value, user: { uid, gid: uid }, cwd: "/tmp" } };
      const f = await facts(filtered(forbidMkdir("SCMP_ACT_ERRNO"), ["mkdir:/tmp/x", "prctl", "read:/proc/self/status"], patch));
      expect(f.get("mkdir:/tmp/x")).toBe("EPERM");
      expect(f.get("nnp")).toBe(value ? "1" : "0");
      expect(f.text).toMatch(/Seccomp:\s*2/);
    }
  });
}

spec("8.71 errnoRet is what the program gets; EPERM when it is not there", async () => {
  expect((await facts(filtered(forbidMkdir("SCMP_ACT_ERRNO", { errnoRet: 5 }), ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("EIO");
  const all: JsonObject = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 95,
    syscalls: [rule("SCMP_ACT_ALLOW", allBut("mkdir", "mkdirat"))],
  };
  expect((await facts(filtered(all, ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("EOPNOTSUPP");
});

/** Names that the probe and the runtimes need, without some. */
function allBut(...left: string[]): string[] {
  const names =
    "accept accept4 access arch_prctl bind brk capget capset chdir chmod clock_gettime clone clone3 close close_range connect dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 execve execveat exit exit_group faccessat faccessat2 fchdir fchmod fchown fcntl fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getgroups getpgid getpid getppid getrandom getresgid getresuid getrlimit getsid gettid getuid ioctl lseek lstat madvise mkdir mkdirat mmap mprotect munmap nanosleep newfstatat open openat openat2 pipe2 poll prctl pread64 prlimit64 read readlink readlinkat recvmsg rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield seccomp sendmsg set_robust_list set_tid_address setgid setgroups setregid setresgid setresuid setsid setuid sigaltstack socket stat statfs statx tgkill umask uname unlink wait4 waitid write writev";
  return names.split(" ").filter((name) => !left.includes(name));
}

spec("8.71 errnoRet with an action that takes none is an error", oracle({ runc: "not checked" }), async () => {
  await refused(filtered(forbidMkdir("SCMP_ACT_KILL", { errnoRet: 5 }), []), /errnoRet/);
  await refused(filtered({ defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 5 }, []), /defaultErrnoRet/);
});

spec("8.70 KILL, KILL_PROCESS, KILL_THREAD and TRAP end the program with SIGSYS", async () => {
  for (const action of ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"]) {
    const result = await new Container(filtered(forbidMkdir(action), ["echo:before", "mkdir:/tmp/x", "echo:after"])).run();
    expect([action, result.code]).toEqual([action, 128 + 31]);
    expect(result.stdout).not.toContain("after");
  }
});

spec("8.70 LOG and ALLOW let the call through, TRACE without a tracer is ENOSYS", async () => {
  expect((await facts(filtered(forbidMkdir("SCMP_ACT_LOG"), ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("ok");
  expect((await facts(filtered(forbidMkdir("SCMP_ACT_TRACE"), ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("ENOSYS");
});

spec("8.70 8.72 conditions on arguments: every operator, two conditions, values beyond 2^53", async () => {
  // mkdirat(directory, path, mode): the probe's mode is 0777 = 511.
  const with511 = async (args: Json, expected: string) => {
    const f = await facts(filtered(forbidMkdir("SCMP_ACT_ERRNO", { args }), ["mkdir:/tmp/x"]));
    expect([JSON.stringify(args), f.get("mkdir:/tmp/x")]).toEqual([JSON.stringify(args), expected]);
  };
  const on = (index: number, op: string, value: Json, more: JsonObject = {}): JsonObject => ({ index, value, op: `SCMP_CMP_${op}`, ...more });
  // Each operator below, at and above the value.
  for (const [op, below, at, above] of [
    ["EQ", false, true, false],
    ["NE", true, false, true],
    ["LT", false, false, true],
    ["LE", false, true, true],
    ["GT", true, false, false],
    ["GE", true, true, false],
  ] as const) {
    await with511([on(2, op, 510)], below ? "EPERM" : "ok");
    await with511([on(2, op, 511)], at ? "EPERM" : "ok");
    await with511([on(2, op, 512)], above ? "EPERM" : "ok");
  }
  await with511([on(2, "MASKED_EQ", 0o700, { valueTwo: 0o700 })], "EPERM");
  await with511([on(2, "MASKED_EQ", 0o070, { valueTwo: 0o010 })], "ok");
  await with511([on(2, "EQ", 511), on(1, "NE", 0)], "EPERM");
  await with511([on(2, "EQ", 511), on(1, "EQ", 0)], "ok");
  // Two on one argument are alternatives.
  await with511([on(2, "EQ", 1), on(2, "EQ", 511)], "EPERM");
});

spec("8.72 a value of 64 bits is exact", tsrunOnly, async () => {
  const b = filtered(
    { defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule("SCMP_ACT_ERRNO", ["lseek"], { args: [{ index: 1, value: 1, op: "SCMP_CMP_EQ" }] })] },
    ["echo:x"],
  );
  const path = `${b.directory}/config.json`;
  await Bun.write(path, readFileSync(path, "utf8").replace(/"value": ?1\b/, '"value": 18446744073709551615'));
  ok(await new Container(b).run());
  const kept = readdirSync(`${ROOT}/~seccomp`).map((name) => readFileSync(`${ROOT}/~seccomp/${name}`, "latin1"));
  expect(kept.some((text) => text.includes('"value":18446744073709551615'))).toBe(true);
});

spec("8.70 names that are not known are ignored, architectures and flags are taken", oracle({ runc: "1.1 knows no flags" }), async () => {
  const seccomp: JsonObject = {
    ...forbidMkdir("SCMP_ACT_ERRNO"),
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
  };
  (seccomp["syscalls"] as JsonObject[]).push(rule("SCMP_ACT_ERRNO", ["no_such_call"]));
  expect((await facts(filtered(seccomp, ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("EPERM");
});

/** What a filter makes of getppid: the number of the 64-bit kind, of x32, and of the 32-bit kind by int 0x80. */
const GETPPID = { native: "syscall:110", x32: `syscall:${0x40000000 + 110}`, i386: "int80:64" };

spec("8.70 architectures: rules hold for those that are listed, and calls of others are not let through", needs("x64"), async () => {
  const seen = async (...architectures: string[]) => {
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures, syscalls: [rule("SCMP_ACT_ERRNO", ["getppid"], { errnoRet: 5 })] };
    return facts(filtered(seccomp, [GETPPID.native, GETPPID.i386]));
  };
  const both = await seen("SCMP_ARCH_X86_64", "SCMP_ARCH_X86");
  expect([both.get(GETPPID.native), both.get(GETPPID.i386)]).toEqual(["EIO", "EIO"]);
  const own = await seen("SCMP_ARCH_X86_64");
  expect([own.get(GETPPID.native), own.get(GETPPID.i386)]).toEqual(["EIO", "signal 31"]);
});

spec("8.70 the architecture x32, which shares its name in the kernel with x86_64", needs("x64"), async () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
    syscalls: [rule("SCMP_ACT_ERRNO", ["getppid"], { errnoRet: 5 })],
  };
  const f = await facts(filtered(seccomp, [GETPPID.native, GETPPID.x32]));
  expect([f.get(GETPPID.native), f.get(GETPPID.x32)]).toEqual(["EIO", "EIO"]);
});

const ARCHITECTURES =
  "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64";

spec(
  "8.70 all 23 architectures at once, also those of the other byte order",
  oracle({ runc: "1.1 knows 17", crun: "refuses the other byte order" }),
  async () => {
    const architectures = ARCHITECTURES.split(" ").map((name) => `SCMP_ARCH_${name}`);
    expect((await facts(filtered({ ...forbidMkdir("SCMP_ACT_ERRNO"), architectures }, ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("EPERM");
  },
);

spec("8.70 every flag, alone and all at once", oracle({ runc: "1.1 knows no flags" }), async () => {
  const all = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
  for (const flags of [...all.map((flag) => [flag]), all, []]) {
    const f = await facts(filtered({ ...forbidMkdir("SCMP_ACT_ERRNO"), flags }, ["mkdir:/tmp/x"]));
    expect({ flags, seen: f.get("mkdir:/tmp/x") }).toEqual({ flags, seen: "EPERM" });
  }
});

spec("8.70 SPEC_ALLOW leaves the speculation of the program alone, and is the default", oracle({ runc: "1.1 knows no flags" }), async () => {
  // Without it the kernel turns mitigations on for a filtered program, where it has any that are chosen by task.
  const speculation = async (more: JsonObject) => {
    const f = await facts(filtered({ ...forbidMkdir("SCMP_ACT_ERRNO"), ...more }, ["read:/proc/self/status"]));
    return /Speculation_Store_Bypass:\s*(.*?)\n/.exec(f.get("read:/proc/self/status"))?.[1];
  };
  const plain = await facts(bundle(probe("read:/proc/self/status")));
  const unfiltered = /Speculation_Store_Bypass:\s*(.*?)\n/.exec(plain.get("read:/proc/self/status"))?.[1];
  expect(await speculation({})).toBe(unfiltered);
  expect(await speculation({ flags: ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] })).toBe(unfiltered);
});

/** The program must be allowed what it does; what is left to the default is mkdir. */
spec("8.70 every action as the default", async () => {
  const allowed = rule("SCMP_ACT_ALLOW", [...allBut("mkdir", "mkdirat")]);
  const run = (defaultAction: string) => new Container(filtered({ defaultAction, syscalls: [allowed] }, ["mkdir:/tmp/x", "echo:after"])).run();
  for (const [action, code, output] of [
    ["ERRNO", 0, "mkdir:/tmp/x=EPERM\nafter\n"],
    ["TRACE", 0, "mkdir:/tmp/x=ENOSYS\nafter\n"],
    ["LOG", 0, "mkdir:/tmp/x=ok\nafter\n"],
    ["ALLOW", 0, "mkdir:/tmp/x=ok\nafter\n"],
    ["KILL", 159, ""],
    ["KILL_THREAD", 159, ""],
    ["KILL_PROCESS", 159, ""],
    ["TRAP", 159, ""],
  ] as const) {
    const { code: seen, stdout } = await run(`SCMP_ACT_${action}`);
    expect({ action, code: seen, output: stdout }).toEqual({ action, code, output });
  }
});

const INIT_MODULE = process.arch === "x64" ? "syscall:175" : "syscall:105";

spec("newer system calls than the profile knows are ENOSYS, when it forbids by default", oracle({ crun: "returns the default's errno" }), async () => {
  const b = filtered({ defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"], syscalls: [rule("SCMP_ACT_ALLOW", allBut())] }, [
    "syscall:9999",
    INIT_MODULE,
  ]);
  const f = await facts(b);
  expect(f.get("syscall:9999")).toBe("ENOSYS");
  // It is old, and forbidden.
  expect(f.get(INIT_MODULE)).toBe("EPERM");
});

spec("a filter is compiled once and kept; a broken one is not used", tsrunOnly, async () => {
  const seccomp = forbidMkdir("SCMP_ACT_ERRNO", { errnoRet: 71 });
  await facts(filtered(seccomp, ["mkdir:/tmp/x"]));
  const directory = `${ROOT}/~seccomp`;
  const before = readdirSync(directory);
  expect((await facts(filtered(seccomp, ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("EPROTO");
  expect(readdirSync(directory)).toEqual(before);
  for (const name of before) await Bun.write(`${directory}/${name}`, "TSRUNBPF and rubbish");
  expect((await facts(filtered(seccomp, ["mkdir:/tmp/x"]))).get("mkdir:/tmp/x")).toBe("EPROTO");
});

spec("seccomp holds in exec as well", async () => {
  const container = await new Container(filtered(forbidMkdir("SCMP_ACT_ERRNO"), ["pause"])).up();
  expect(new Facts(ok(await container.command("exec", {}, "/probe", "mkdir:/tmp/y")).stdout).get("mkdir:/tmp/y")).toBe("EPERM");
  expect(new Facts(ok(await container.command("exec", { flags: ["--no-new-privs"] }, "/probe", "mkdir:/tmp/y")).stdout).get("mkdir:/tmp/y")).toBe("EPERM");
});

/** An agent that answers every notification with EISDIR, and prints the process state that it was sent. Its socket has its name when it listens. */
const AGENT = `
import socket,sys,os,array,fcntl,struct,threading,json
s=socket.socket(socket.AF_UNIX,socket.SOCK_STREAM);s.bind(sys.argv[1]+'.new');s.listen(4);os.rename(sys.argv[1]+'.new',sys.argv[1])
def serve(fd):
  while True:
    n=bytearray(80)
    try: fcntl.ioctl(fd,0xc0502100,n,True)
    except OSError: return
    i=struct.unpack_from('Q',n,0)[0]
    fcntl.ioctl(fd,0xc0182101,struct.pack('QqiI',i,0,-21,0))
while True:
  c,_=s.accept();m,f,_,_=socket.recv_fds(c,65536,4)
  print(json.dumps(json.loads(m),separators=(',',':')),flush=True);print('fds',len(f),'rest',len(c.recv(1)),flush=True)
  threading.Thread(target=serve,args=(f[0],),daemon=True).start()
`;

/** What the agent was sent in so many connections. */
async function withAgent(
  seccomp: JsonObject,
  patch: JsonObject,
  body: (b: Bundle) => Promise<void>,
  connections = 1,
): Promise<{ states: JsonObject[]; counts: string[] }> {
  const b = filtered({ ...seccomp, listenerPath: "placeholder" }, ["mkdir:/tmp/x", "echo:done"], patch);
  const path = `${b.directory}/agent.sock`;
  const output = `${b.directory}/agent.out`;
  const agent = spawn(["python3", "-c", AGENT, path], { stdout: Bun.file(output), stderr: "inherit", stdin: "ignore" });
  const words = () => readFileSync(output, "utf8");
  try {
    await until("the agent", () => existsSync(path));
    await body(b.rewrite({ linux: { seccomp: { listenerPath: path } } }));
    await until("the agent's words", () => words().split("\nfds ").length > connections);
  } finally {
    agent.kill();
  }
  const lines = words().trim().split("\n");
  return { states: lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)), counts: lines.filter((line) => line.startsWith("fds")) };
}

for (const value of [true, false]) {
  spec(`8.73 8.75 SCMP_ACT_NOTIFY ${value ? "with" : "without"} noNewPrivileges: the agent gets the process state and answers`, async () => {
    let pid = 0;
    const { states, counts } = await withAgent({ ...forbidMkdir("SCMP_ACT_NOTIFY"), listenerMetadata: "some words" }, nnp(value), async (b) => {
      const container = new Container(b);
      ok(await container.create());
      pid = (await container.state()).pid;
      ok(await container.start());
      await container.stopped();
      expect(container.facts().get("mkdir:/tmp/x")).toBe("EISDIR");
    });
    // As the runtime sees it, and the state is the container's.
    expect(states[0]).toMatchObject({
      pid,
      state: { pid, id: expect.any(String), bundle: expect.stringMatching(/^\//), ociVersion: states[0]?.["ociVersion"] },
    });
    expect(states.length).toBe(1);
    expect(states[0]).toMatchObject({ fds: ["seccompFd"], metadata: "some words", state: { status: "creating" } });
    expect(states[0]?.["ociVersion"]).toMatch(/^1\.\d+\.\d+/);
    const pids = [...JSON.stringify(states[0]).matchAll(/"pid":(\d+)/g)].map(([, pid]) => pid);
    expect(pids).toEqual([pids[0], pids[0]]);
    // One fd, and the connection is closed after the message.
    expect(counts).toEqual(["fds 1 rest 0"]);
  });
}

spec("8.75 SCMP_ACT_NOTIFY on exec", oracle({ runc: "1.1 waits for ever" }), async () => {
  const onExec = async (b: Bundle) => {
    const container = await new Container(b).up();
    const f = new Facts(ok(await container.command("exec", {}, "/probe", "mkdir:/tmp/y")).stdout);
    expect(f.get("mkdir:/tmp/y")).toBe("EISDIR");
  };
  const { states, counts } = await withAgent(forbidMkdir("SCMP_ACT_NOTIFY"), { process: { args: ["/probe", "pause"] } }, onExec, 2);
  // A connection and a descriptor for each; the pid is the new process's, the state the container's.
  expect(counts).toEqual(["fds 1 rest 0", "fds 1 rest 0"]);
  const [first, second] = states as { pid: number; state: { pid: number; status: string } }[];
  expect(second?.state).toMatchObject({ status: "running", pid: first?.pid });
  expect(second?.pid).not.toBe(first?.pid);
});

spec("8.73 without a notification listenerPath is ignored", async () => {
  ok(await new Container(filtered({ ...forbidMkdir("SCMP_ACT_ERRNO"), listenerPath: "/nowhere.sock" }, [])).run());
});

spec("8.73 1.08 an agent that is not there, or does not listen on a stream, is an error, and nothing is left", async () => {
  const notify = (listenerPath: string) => filtered({ ...forbidMkdir("SCMP_ACT_NOTIFY"), listenerPath }, []);
  await refused(notify("/nowhere/agent.sock"), /agent\.sock|no such file/);
  const { directory } = bundle();
  const path = `${directory}/datagram.sock`;
  const other = spawn(["python3", "-c", "import socket,sys,time\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.bind(sys.argv[1]);time.sleep(60)", path]);
  try {
    await until("the socket", () => existsSync(path));
    await refused(notify(path), /datagram\.sock|wrong type|connect/i);
  } finally {
    other.kill();
  }
});

spec("8.73 every flag goes with notifications", oracle({ runc: "1.1 knows no flags", crun: "1.8 does not know them" }), async () => {
  const flags = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
  const { states } = await withAgent({ ...forbidMkdir("SCMP_ACT_NOTIFY"), flags }, {}, async (b) => {
    expect((await facts(b)).get("mkdir:/tmp/x")).toBe("EISDIR");
  });
  expect(states.length).toBe(1);
});

spec("8.73 SCMP_ACT_NOTIFY without listenerPath, as the default, or for what the runtime needs itself", async () => {
  await refused(filtered({ defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/x.sock" }, []), /default/);
  await refused(filtered({ defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x.sock", syscalls: [rule("SCMP_ACT_NOTIFY", ["write"])] }, []), /write/);
});

spec("a rule that libseccomp refuses names its line", tsrunOnly, async () => {
  const args = [0, 1, 2, 3, 4, 5].map((index) => ({ index, value: 1, op: "SCMP_CMP_EQ" }));
  const b = filtered(
    {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: Array.from({ length: 900 }, (_, i) => rule("SCMP_ACT_ERRNO", ["mkdirat"], { args: args.map((a) => ({ ...a, value: i })) })),
    },
    [],
  );
  fails(await new Container(b).create(), /seccomp filter.*E2BIG|E2BIG/s);
});
