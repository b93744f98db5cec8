// What images and callers try: links in the rootfs, leaked descriptors, environment of the caller, broken input.
import { expect } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { MOUNTS } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused, runtime } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { BUILD, COMMAND, IS_BUN_HOST } from "../helpers/runtime.ts";
import { oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

// --- A. descriptors and the runtime's own binary ---

spec("7.16 CVE-2016-9962 the program has only the descriptors 0-2", async () => {
  const f = await facts(bundle(probe("fds")));
  expect(f.all("fd").map((line) => line.split(" ")[0])).toEqual(["0", "1", "2"]);
});

spec("7.16 descriptors that the caller left open do not reach the program", async () => {
  const container = new Container(bundle(probe("fds")));
  const result = ok(
    await exec([
      "bash",
      "-c",
      'exec 3</etc/passwd 4</ 9</etc 33</etc/group; exec "$@"',
      "-",
      ...COMMAND,
      "--root",
      ROOT,
      "run",
      "--bundle",
      container.bundle.directory,
      container.id,
    ]),
  );
  expect(result.stdout.match(/^fd=/gm)).toHaveLength(3);
});

spec("CVE-2024-21626 cwd /proc/self/fd/N is refused, or stays inside", { timeoutMs: 120_000 }, async () => {
  for (let fd = 3; fd <= 20; fd++) {
    const container = new Container(bundle({ process: { args: ["/probe", "cwd", "ls:.", "ls:../../../.."], cwd: `/proc/self/fd/${fd}` } }));
    const result = await container.run();
    if (result.code === 0) {
      expect(result.stdout).not.toMatch(/unreachable|cwd=!/);
      expect(result.stdout).toMatch(/^cwd=\/proc/m);
    }
  }
});

spec("CVE-2024-21626 the same through a link of the image", async () => {
  const b = bundle({ process: { args: ["/probe", "cwd"], cwd: "/link" } });
  b.link("link", "/proc/self/fd/7");
  const result = await new Container(b).run();
  if (result.code === 0) expect(result.stdout).not.toMatch(/unreachable|cwd=!/);
});

spec("CVE-2019-5736 the entry #!/proc/self/exe cannot run or write the runtime's binary", async () => {
  const b = bundle({ process: { args: ["/entry"] } });
  b.file("entry", "#!/proc/self/exe\n", 0o755);
  const size = statSync(COMMAND[0] ?? "").size;
  const result = await new Container(b).run().catch(() => undefined);
  expect(statSync(COMMAND[0] ?? "").size).toBe(size);
  expect(result?.code).not.toBe(0);
});

spec("CVE-2019-5736 while created, init's executable is not a file of the host", async () => {
  const container = new Container(bundle(probe("pause")));
  ok(await container.create());
  const link = readlinkSync(`/proc/${(await container.state()).pid}/exe`);
  expect(link).toMatch(/memfd|deleted|^\/(runc)?$/);
});

spec("CVE-2016-9962 while created, init is not dumpable", async () => {
  const container = new Container(bundle(probe("pause"), { process: { user: { uid: 1000, gid: 1000 } } }));
  ok(await container.create());
  // /proc files of an undumpable process belong to root, whatever its uid.
  expect(statSync(`/proc/${(await container.state()).pid}/environ`).uid).toBe(0);
});

spec("CVE-2016-9962 the container never sees a descriptor of a process that enters it", { timeoutMs: 60_000 }, async () => {
  // Every other process of the container, again and again: whatever can be opened through it must be the container's own.
  const b = bundle({ process: { args: ["/bin/sh", "/watch"] } });
  b.file(
    "watch",
    'echo begun; while [ ! -e /end ]; do for fd in /proc/[0-9]*/fd/*; do case $fd in /proc/1/*|/proc/self/*) ;; *) if cat "$fd/etc/tsrun-host-marker" 2>/dev/null; then echo escaped; fi;; esac; done; done; echo ended',
  );
  writeFileSync("/etc/tsrun-host-marker", "seen\n");
  try {
    const container = await new Container(b).up();
    await container.said("begun");
    for (let i = 0; i < 25; i++) ok(await container.command("exec", {}, "/bin/true"));
    b.file("end");
    await container.said("ended");
    expect(container.output()).toBe("begun\nended\n");
  } finally {
    rmSync("/etc/tsrun-host-marker");
  }
});

spec("CVE-2024-21626 exec --cwd /proc/self/fd/N is refused, or stays inside", { timeoutMs: 60_000 }, async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  for (let fd = 3; fd <= 16; fd++) {
    const result = await container.command("exec", { flags: ["--cwd", `/proc/self/fd/${fd}`] }, "/probe", "cwd", "ls:.");
    if (result.code !== 0) continue;
    expect(result.stdout).not.toMatch(/unreachable|cwd=!/);
    expect(result.stdout).toMatch(/^ls:\.=.*\bprobe\b|^cwd=\/proc/m);
  }
});

// --- B. links and mounts ---

spec("CVE-2019-18837 CVE-2024-45310 a destination that leads out by links stays inside", async () => {
  const b = bundle(probe("mounts"), { mounts: [...MOUNTS, { destination: "/escape/tsrun-t-out/sub", type: "tmpfs", source: "tmpfs" }] });
  b.link("escape", "../../../../../../../../tmp");
  const result = await new Container(b).run();
  expect(existsSync("/tmp/tsrun-t-out")).toBe(false);
  if (result.code === 0) expect(result.stdout).toContain(" /tmp/tsrun-t-out/sub ");
});

spec("CVE-2019-18837 an absolute link, and a link in the last place", async () => {
  const b = bundle(probe("mounts"), { mounts: [...MOUNTS, { destination: "/last", type: "tmpfs", source: "tmpfs" }] });
  b.link("last", "/etc/inner");
  b.dir("etc/inner");
  expect((await facts(b)).mount("/etc/inner").type).toBe("tmpfs");
});

spec("6.02 a destination with .. stays inside", async () => {
  const b = bundle(probe("mounts"), { mounts: [...MOUNTS, { destination: "/mnt/../../../../../mnt/x", type: "tmpfs", source: "tmpfs" }] });
  expect((await facts(b)).mount("/mnt/x").type).toBe("tmpfs");
});

spec("CVE-2025-54867 CVE-2023-28642 /proc that is a link is an error", async () => {
  const b = bundle();
  rmSync(`${b.rootfs}/proc`, { recursive: true });
  b.dir("other");
  symlinkSync("other", `${b.rootfs}/proc`);
  await refused(b);
});

spec("CVE-2025-54867 /sys that is a link is an error, or nothing outside is touched", async () => {
  const b = bundle(probe("echo:x"));
  rmSync(`${b.rootfs}/sys`, { recursive: true });
  symlinkSync("/../../../../../../tmp/tsrun-t-sys", `${b.rootfs}/sys`);
  await new Container(b).run();
  expect(existsSync("/tmp/tsrun-t-sys")).toBe(false);
});

spec(
  "CVE-2019-16884 CVE-2019-19921 CVE-2023-27561 a mount of another kind over /proc is an error",
  oracle({ runc: "1.1 leaves some to the kernel" }),
  async () => {
    for (const mount of [
      { destination: "/proc", type: "tmpfs", source: "tmpfs" },
      { destination: "/proc/self/attr", type: "tmpfs", source: "tmpfs" },
      { destination: "/proc", type: "bind", source: "/tmp", options: ["bind"] },
    ])
      await refused(bundle({ mounts: [...MOUNTS, mount] }), /proc/);
  },
);

spec("CVE-2019-19921 the sub-files that lxcfs sets are allowed", async () => {
  const b = bundle(probe("read:/proc/uptime"));
  writeFileSync(`${b.directory}/uptime`, "1 1\n");
  expect(
    (await facts(b.rewrite({ mounts: [...MOUNTS, { destination: "/proc/uptime", source: `${b.directory}/uptime`, options: ["bind"] }] }))).get(
      "read:/proc/uptime",
    ),
  ).toBe("1 1");
});

spec("CVE-2025-31133 CVE-2025-62161 a /dev/null of the image that is a link is never used as a mask", oracle({ runc: "1.1.5 is open to it" }), async () => {
  // The published attack aims at core_pattern; the container's own host name does as well, and harms nothing.
  const b = bundle(probe("read:/secret", "open:w,/proc/sys/kernel/hostname", "uts"), {
    mounts: [MOUNTS[0] ?? {}],
    linux: { maskedPaths: ["/secret"], readonlyPaths: ["/proc/sys"] },
  });
  b.file("secret", "s");
  b.link("dev/null", "/proc/sys/kernel/hostname");
  const result = await new Container(b).run();
  if (result.code === 0) {
    expect(result.stdout).toContain("read:/secret=\n");
    expect(result.stdout).toContain("open:w,/proc/sys/kernel/hostname=EROFS");
    expect(result.stdout).toContain("hostname=box\n");
  }
});

spec("CVE-2026-88265 a /dev/null that leads to another file changes neither owner nor content of it", async () => {
  const b = bundle({ ...probe("echo:x"), process: { args: ["/probe"], user: { uid: 1000, gid: 1000 } }, mounts: [MOUNTS[0] ?? {}] });
  const marker = `${b.rootfs}/marker`;
  writeFileSync(marker, "untouched");
  b.link("dev/null", "/marker");
  await new Container(b).run();
  expect(readFileSync(marker, "utf8")).toBe("untouched");
  expect(statSync(marker).uid).toBe(0);
});

spec("CVE-2026-88264 a /dev/console that is a link makes no file outside", async () => {
  const b = bundle({
    process: { terminal: true, args: ["/probe"] },
    mounts: [MOUNTS[0] ?? {}, { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] }],
  });
  b.link("dev/console", "/../../../../../../../tmp/tsrun-t-console");
  const path = `${b.directory}/console.sock`;
  const receiver = Bun.spawn([`${BUILD}/console-recv`, path], { stdout: "ignore", stderr: "ignore" });
  await until("the console socket", () => existsSync(path));
  const container = new Container(b);
  await container.create({ flags: ["--console-socket", path] });
  receiver.kill();
  const wasMade = existsSync("/tmp/tsrun-t-console");
  rmSync("/tmp/tsrun-t-console", { force: true });
  expect(wasMade).toBe(false);
});

spec(
  "CVE-2025-52565 a /dev/console that is swapped for a link while containers start is never mounted on its target",
  oracle({ runc: "1.1.5 is open to it", crun: "1.8.1 is open to it" }),
  { timeoutMs: 60_000 },
  async () => {
    const b = bundle({
      process: { terminal: true, args: ["/probe"] },
      mounts: [MOUNTS[0] ?? {}, { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] }],
      linux: { cgroupsPath: undefined },
    });
    b.file("victim", "untouched");
    const swapper = Bun.spawn(
      ["bash", "-c", 'cd "$1"; for i in $(seq 1 3000); do ln -sfn "$2" console; rm -f console; : > console; done', "-", `${b.rootfs}/dev`, "../victim"],
      { stderr: "ignore" },
    );
    try {
      for (let i = 0; i < 12; i++) {
        const path = `${b.directory}/console-${i}.sock`;
        const receiver = Bun.spawn([`${BUILD}/console-recv`, path], { stdout: "ignore", stderr: "ignore" });
        await until("the console socket", () => existsSync(path));
        const container = new Container(b, `-${i}`);
        const result = await container.create({ flags: ["--console-socket", path] });
        if (result.code === 0) {
          const mounts = readFileSync(`/proc/${(await container.state()).pid}/mountinfo`, "utf8");
          expect(mounts).not.toMatch(/ \/victim /);
          ok(await container.delete({ flags: ["--force"] }));
        }
        receiver.kill();
      }
    } finally {
      swapper.kill("SIGKILL");
      await swapper.exited;
    }
    expect(readFileSync(`${b.rootfs}/victim`, "utf8")).toBe("untouched");
    expect(statSync(`${b.rootfs}/victim`).uid).toBe(0);
  },
);

spec(
  "CVE-2025-52881 CVE-2025-62596 a sysctl that is over-mounted in the joined mount namespace is not written to",
  oracle({ runc: "1.1.5 writes it" }),
  async () => {
    const b = bundle(probe("echo:x"), { mounts: [MOUNTS[0] ?? {}] });
    const marker = `${b.directory}/marker`;
    writeFileSync(marker, "untouched");
    // A process whose mount namespace has the file over the sysctl.
    const holder = Bun.spawn(
      ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /proc/sys/net/ipv4/ip_forward && echo ready && exec sleep 60', "-", marker],
      { stdout: "pipe", stderr: "ignore" },
    );
    try {
      expect(new TextDecoder().decode((await holder.stdout.getReader().read()).value)).toBe("ready\n");
      const joined = b.rewrite({
        mounts: [],
        root: { path: "rootfs" },
        linux: {
          namespaces: [{ type: "pid" }, { type: "network" }, { type: "mount", path: `/proc/${holder.pid}/ns/mnt` }],
          maskedPaths: [],
          readonlyPaths: [],
          sysctl: { "net.ipv4.ip_forward": "1" },
        },
        hostname: undefined,
      });
      await new Container(joined).run();
      expect(readFileSync(marker, "utf8")).toBe("untouched");
    } finally {
      holder.kill("SIGKILL");
      await holder.exited;
    }
  },
);

spec("CVE-2025-24965 the runtime writes no file into the root filesystem but mount points and devices", async () => {
  const b = bundle(probe("echo:x"));
  const before = readdirSync(b.rootfs, { recursive: true }).sort();
  ok(await new Container(b).run());
  expect(readdirSync(b.rootfs, { recursive: true }).sort()).toEqual(before);
});

spec("CVE-2026-41579 CVE-2026-47766 a /dev that is a link: nothing is made outside of the rootfs", oracle({ runc: "1.1.5 is open to it" }), async () => {
  const b = bundle(probe("echo:x"), { mounts: [MOUNTS[0] ?? {}] });
  rmSync(`${b.rootfs}/dev`, { recursive: true });
  mkdirSync(`${b.directory}/outside`);
  symlinkSync("../outside", `${b.rootfs}/dev`);
  await new Container(b).run();
  expect(readdirSync(`${b.directory}/outside`)).toEqual([]);
});

spec("CVE-2026-41579 /dev -> /etc of the image: no links over its files", async () => {
  const b = bundle(probe("echo:x"), { mounts: [MOUNTS[0] ?? {}] });
  rmSync(`${b.rootfs}/dev`, { recursive: true });
  symlinkSync("etc", `${b.rootfs}/dev`);
  await new Container(b).run();
  expect(lstatSync(`${b.rootfs}/etc/passwd`).isFile()).toBe(true);
});

spec(
  "CVE-2021-30465 CVE-2024-45310 a destination that is swapped while containers start never leads outside",
  oracle({ runc: "1.1.5 makes the directory outside" }),
  { timeoutMs: 120_000 },
  async () => {
    const b = bundle(probe("echo:x"), { linux: { cgroupsPath: undefined } });
    mkdirSync(`${b.rootfs}/vol/dir`, { recursive: true });
    mkdirSync(`${b.directory}/outside`);
    const swapper = Bun.spawn(
      [
        "bash",
        "-c",
        'cd "$1"; for i in $(seq 1 2000); do mv dir real 2>/dev/null; ln -s "$2" dir 2>/dev/null; rm -f dir; mv real dir 2>/dev/null; done',
        "-",
        `${b.rootfs}/vol`,
        `../../../../../../../..${b.directory}/outside`,
      ],
      { stderr: "ignore" },
    );
    const patched = b.rewrite({ mounts: [...MOUNTS, { destination: "/vol/dir/target", type: "tmpfs", source: "tmpfs" }] });
    for (let i = 0; i < 20; i++) {
      await new Container(patched, `-${i}`).run();
      expect(readdirSync(`${b.directory}/outside`)).toEqual([]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(`${b.directory}/outside`);
    }
    swapper.kill("SIGKILL");
    await swapper.exited;
  },
);

// --- E. parsing, and the environment of the caller ---

spec("1.05 broken JSON, other encodings and wrong types are errors", async () => {
  const b = bundle();
  for (const text of ["", "{", "[]", "null", '{"ociVersion":"1.0.2"', '{"ociVersion":"1.0.2"} x', "\u0000", '{"ociVersion":1}']) {
    writeFileSync(`${b.directory}/config.json`, text);
    await refused(b);
  }
  writeFileSync(`${b.directory}/config.json`, Buffer.from('{"ociVersion":"1.0.2","hostname":"\ufeff"}', "utf16le"));
  await refused(b);
});

spec("1.05 the same name twice is an error", oracle({ runc: "the last one wins", crun: "the last one wins" }), async () => {
  const b = bundle();
  const text = readFileSync(`${b.directory}/config.json`, "utf8");
  writeFileSync(`${b.directory}/config.json`, text.replace('"hostname"', '"hostname":"first","hostname"'));
  await refused(b);
});

spec("1.05 bytes that are not UTF-8 are an error", oracle({ runc: "replaces them" }), async () => {
  const b = bundle({ hostname: "MARK" });
  const bytes = readFileSync(`${b.directory}/config.json`);
  bytes[bytes.indexOf("MARK")] = 0xff;
  writeFileSync(`${b.directory}/config.json`, bytes);
  await refused(b);
});

spec("1.06 ociVersion must be there and be one of ours", oracle({ runc: "not checked", crun: "checked in part" }), async () => {
  for (const ociVersion of [undefined, "", "1", "1.0", "2.0.0", "0.9.0", "x", "1.0.0.0", 1]) await refused(bundle({ ociVersion }));
});

spec("1.06 every 1.x", oracle({ crun: "1.8 knows 1.0 only" }), async () => {
  for (const ociVersion of ["1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0", "1.3.0+dev"]) ok(await new Container(bundle({ ociVersion })).run());
});

spec("1.01 unknown properties anywhere are ignored", async () => {
  ok(
    await new Container(
      bundle({ future: { a: [1] }, process: { future: 1 }, root: { future: null }, linux: { future: "x", resources: { future: {} } } }),
    ).run(),
  );
});

spec("1.05 deep nesting and huge numbers neither crash nor hang", async () => {
  const b = bundle();
  writeFileSync(`${b.directory}/config.json`, `{"ociVersion":"1.0.2","x":${"[".repeat(20000)}${"]".repeat(20000)}}`);
  expect((await new Container(b).create()).code).not.toBe(139);
  writeFileSync(`${b.directory}/config.json`, `{"ociVersion":"1.0.2","process":{"rlimits":[{"type":"RLIMIT_CORE","soft":1e400,"hard":1}]}}`);
  fails(await new Container(b).create());
});

spec("CVE-2021-43784 100 KB of environment, arguments and paths", async () => {
  const big = "x".repeat(100_000);
  const f = await facts(bundle({ process: { args: ["/probe", "env", `echo:${big}`], env: ["PATH=/bin", `BIG=${big}`] } }));
  expect(f.all("env")).toContain(`BIG=${big}`);
  await refused(bundle({ process: { cwd: `/${big}` } }));
});

spec("a NUL in a string is an error, not a cut", oracle({ runc: "1.1 cuts", crun: "cuts" }), async () => {
  for (const patch of [
    { process: { args: ["/probe", "echo:a\0b"] } },
    { process: { env: ["PATH=/bin", "A=b\0c"] } },
    { process: { cwd: "/\0x" } },
    { hostname: "a\0b" },
  ])
    await refused(bundle(patch));
});

const INJECTIONS: readonly [string, string][] = [
  ["BUN_OPTIONS", "--preload=@"],
  ["BUN_BE_BUN", "1"],
  ["NODE_OPTIONS", "--require=@"],
  ["BUN_INSPECT_PRELOAD", "@"],
  ["LD_PRELOAD", "/nonexistent-but-named.so"],
];

spec("the caller's environment cannot make the runtime run other code", tsrunOnly, async () => {
  const b = bundle();
  const script = `${b.directory}/evil.js`;
  writeFileSync(script, `require("fs").writeFileSync(${JSON.stringify(`${b.directory}/marker`)}, "")`);
  const env: Record<string, string> = { PATH: process.env["PATH"] ?? "" };
  for (const [name, value] of INJECTIONS) env[name] = value.replace("@", script);
  // A checkout under Bun is for developers: there Bun's own variables work, as they are meant to.
  if (!IS_BUN_HOST) ok(await new Container(b).run({ env }));
  expect(existsSync(`${b.directory}/marker`)).toBe(false);
});

spec("files of the working directory cannot make the runtime run other code", tsrunOnly, async () => {
  const b = bundle();
  const marker = `require("fs").writeFileSync(${JSON.stringify(`${b.directory}/marker`)}, "")`;
  writeFileSync(`${b.directory}/evil.js`, marker);
  writeFileSync(`${b.directory}/bunfig.toml`, 'preload = ["./evil.js"]\n');
  writeFileSync(`${b.directory}/.env`, "BUN_OPTIONS=--preload=./evil.js\n");
  writeFileSync(`${b.directory}/package.json`, '{"type":"commonjs","main":"evil.js"}');
  if (!IS_BUN_HOST) ok(await runtime(["run", b.name], { cwd: b.directory }));
  expect(existsSync(`${b.directory}/marker`)).toBe(false);
});

spec("a state directory that others have replaced by a link is not followed", oracle({ runc: "follows it" }), async () => {
  const container = new Container(bundle());
  const root = `${container.bundle.directory}/root`;
  mkdirSync(root);
  mkdirSync(`${container.bundle.directory}/elsewhere`);
  symlinkSync(`${container.bundle.directory}/elsewhere`, `${root}/${container.id}`);
  fails(await runtime(["--root", root, "create", "--bundle", container.bundle.directory, container.id]));
  expect(readdirSync(`${container.bundle.directory}/elsewhere`)).toEqual([]);
});

spec("a broken state file is an error of its container only", async () => {
  const good = await new Container(bundle(probe("pause"))).up();
  mkdirSync(`${ROOT}/broken`);
  writeFileSync(`${ROOT}/broken/state.json`, "{");
  writeFileSync(`${ROOT}/broken/status`, "{");
  try {
    fails(await runtime(["state", "broken"]));
    expect(await good.status()).toBe("running");
  } finally {
    rmSync(`${ROOT}/broken`, { recursive: true });
  }
});

spec("the program cannot see the runtime's processes or the host's", async () => {
  const f = await facts(bundle(probe("ls:/proc")));
  expect(
    f
      .get("ls:/proc")
      .split(" ")
      .filter((name) => /^\d+$/.test(name)),
  ).toEqual(["1"]);
});

spec("setuid programs of the image gain nothing under noNewPrivileges", async () => {
  const b = bundle({ process: { args: ["/suid", "user"], user: { uid: 1000, gid: 1000 }, noNewPrivileges: true } });
  b.file("suid");
  writeFileSync(`${b.rootfs}/suid`, readFileSync(`${b.rootfs}/probe`));
  chmodSync(`${b.rootfs}/suid`, 0o4755);
  expect((await facts(b)).get("uid")).toBe("1000 1000 1000");
});
