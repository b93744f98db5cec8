// linux.devices, the default devices and the links of /dev.
import { expect } from "bun:test";
import { chownSync, existsSync, readFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { type Json, MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { facts, refused } from "../helpers/container.ts";
import { needs, oracle, spec } from "../helpers/spec.ts";

const withDevices = (devices: Json, ...words: string[]) =>
  bundle(probe(...words), { linux: { devices, resources: { devices: [{ allow: true, access: "rwm" }] } } });
const fuse = { type: "c", path: "/dev/fuse", major: 10, minor: 229 };

spec("5.06 8.13 the default devices", async () => {
  const numbers: readonly [string, string][] = [
    ["null", "1:3"],
    ["zero", "1:5"],
    ["full", "1:7"],
    ["random", "1:8"],
    ["urandom", "1:9"],
    ["tty", "5:0"],
  ];
  const f = await facts(
    bundle(
      probe(
        ...numbers.map(([name]) => `stat:/dev/${name}`),
        "open:rw,/dev/null",
        "open:rw,/dev/zero",
        "open:rw,/dev/full",
        "open:r,/dev/random",
        "open:r,/dev/urandom",
      ),
    ),
  );
  for (const [name, number] of numbers) expect(f.get(`stat:/dev/${name}`)).toMatch(new RegExp(`^char 0666 0:0 ${number} `));
  for (const word of ["open:rw,/dev/null", "open:rw,/dev/zero", "open:rw,/dev/full", "open:r,/dev/random", "open:r,/dev/urandom"])
    expect(f.get(word)).toBe("ok");
});

spec("5.05 5.08 the links of /dev", async () => {
  const f = await facts(bundle(probe("link:/dev/fd", "link:/dev/stdin", "link:/dev/stdout", "link:/dev/stderr", "link:/dev/ptmx", "open:rw,/dev/ptmx")));
  expect(f.get("link:/dev/fd")).toBe("/proc/self/fd");
  expect(f.get("link:/dev/stdin")).toBe("/proc/self/fd/0");
  expect(f.get("link:/dev/stdout")).toBe("/proc/self/fd/1");
  expect(f.get("link:/dev/stderr")).toBe("/proc/self/fd/2");
  expect(f.get("link:/dev/ptmx")).toMatch(/^(\/dev\/)?pts\/ptmx$/);
  expect(f.get("open:rw,/dev/ptmx")).toBe("ok");
});

spec("/dev holds nothing else", async () => {
  const f = await facts(bundle(probe("ls:/dev")));
  expect(
    f
      .get("ls:/dev")
      .split(" ")
      .filter((name) => name !== "core" && name !== "console")
      .sort(),
  ).toEqual(["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"]);
});

spec("8.10 8.12 a listed device with mode, uid and gid", async () => {
  const f = await facts(withDevices([{ ...fuse, fileMode: 0o640, uid: 5, gid: 6 }], "stat:/dev/fuse"));
  expect(f.get("stat:/dev/fuse")).toMatch(/^char 0640 5:6 10:229 /);
});

spec("8.12 fileMode whatever the umask", async () => {
  const f = await facts(withDevices([{ ...fuse, fileMode: 0o666 }], "stat:/dev/fuse"));
  expect(f.get("stat:/dev/fuse")).toMatch(/^char 0666 0:0 /);
});

spec("8.11 types b, u and p, anywhere", async () => {
  const f = await facts(
    withDevices(
      [
        { type: "b", path: "/dev/disk", major: 254, minor: 0, fileMode: 0o600 },
        { type: "u", path: "/dev/unbuffered", major: 1, minor: 3, fileMode: 0o600 },
        { type: "p", path: "/dev/pipe", fileMode: 0o600 },
        { type: "c", path: "/opt/deep/null", major: 1, minor: 3, fileMode: 0o600 },
      ],
      "stat:/dev/disk",
      "stat:/dev/unbuffered",
      "stat:/dev/pipe",
      "stat:/opt/deep/null",
    ),
  );
  expect(f.get("stat:/dev/disk")).toMatch(/^block 0600 0:0 254:0 /);
  expect(f.get("stat:/dev/unbuffered")).toMatch(/^char 0600 0:0 1:3 /);
  expect(f.get("stat:/dev/pipe")).toMatch(/^fifo 0600 0:0 /);
  expect(f.get("stat:/opt/deep/null")).toMatch(/^char 0600 0:0 1:3 /);
});

spec("8.11 wrong types, relative paths and absent numbers are errors", oracle({ runc: "takes 0 for a number", crun: "takes 0 for a number" }), async () => {
  await refused(withDevices([{ ...fuse, type: "x" }]));
  await refused(withDevices([{ ...fuse, path: "dev/fuse" }]));
  await refused(withDevices([{ type: "c", path: "/dev/fuse" }]));
});

spec(
  "8.12 a file that is not the device asked for is an error; the device itself is fine",
  oracle({ runc: "1.1 takes any file", crun: "takes some" }),
  async () => {
    const b = withDevices([{ ...fuse, path: "/opt/fuse" }], "stat:/opt/fuse");
    b.file("opt/fuse", "not a device");
    await refused(b);
    const right = withDevices([{ ...fuse, path: "/opt/fuse" }], "stat:/opt/fuse");
    right.dir("opt");
    Bun.spawnSync(["mknod", `${right.rootfs}/opt/fuse`, "c", "10", "229"]);
    expect((await facts(right)).get("stat:/opt/fuse")).toContain(" 10:229 ");
  },
);

spec(
  "8.12 each other thing at the path is an error: another number, another type, a fifo, a directory, a link to one",
  oracle({ runc: "1.1 takes any file", crun: "takes some" }),
  async () => {
    const others: readonly (readonly string[])[] = [
      ["mknod", "fuse", "c", "10", "228"],
      ["mknod", "fuse", "c", "11", "229"],
      ["mknod", "fuse", "b", "10", "229"],
      ["mkfifo", "fuse"],
      ["mkdir", "fuse"],
      ["ln", "-s", "/etc/passwd", "fuse"],
    ];
    for (const other of others) {
      const b = withDevices([{ ...fuse, path: "/opt/fuse" }], "stat:/opt/fuse");
      b.dir("opt");
      Bun.spawnSync([...other], { cwd: `${b.rootfs}/opt` });
      await refused(b);
      expect(readFileSync(`${b.rootfs}/etc/passwd`, "utf8")).toStartWith("root:");
    }
    // A fifo that is to be one is fine.
    const fifo = withDevices([{ type: "p", path: "/opt/pipe" }], "stat:/opt/pipe");
    fifo.dir("opt");
    Bun.spawnSync(["mkfifo", "pipe"], { cwd: `${fifo.rootfs}/opt` });
    expect((await facts(fifo)).get("stat:/opt/pipe")).toStartWith("fifo ");
  },
);

spec("8.10 8.11 8.13 listed devices can be used, beside the default ones", async () => {
  const f = await facts(
    withDevices(
      [
        { type: "c", path: "/dev/zero2", major: 1, minor: 5, fileMode: 0o444 },
        { type: "u", path: "/opt/null", major: 1, minor: 3 },
      ],
      "open:r,/dev/zero2",
      "open:rw,/opt/null",
      "open:rw,/dev/null",
      "open:r,/dev/urandom",
      "stat:/dev/zero2",
    ),
  );
  for (const word of ["open:r,/dev/zero2", "open:rw,/opt/null", "open:rw,/dev/null", "open:r,/dev/urandom"]) expect(f.get(word)).toBe("ok");
  expect(f.get("stat:/dev/zero2")).toMatch(/^char 0444 0:0 1:5 /);
});

spec("8.10 a listed default device takes the mode of the list", async () => {
  const f = await facts(withDevices([{ type: "c", path: "/dev/null", major: 1, minor: 3, fileMode: 0o600, uid: 0, gid: 0 }], "stat:/dev/null"));
  expect(f.get("stat:/dev/null")).toMatch(/^char 0600 0:0 1:3 /);
});

spec("8.10 devices in a user namespace", needs("userns"), async () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const b = bundle(probe("stat:/dev/null", "stat:/dev/fuse", "open:rw,/dev/null"), {
    linux: { devices: existsSync("/dev/fuse") ? [fuse] : [], namespaces: [...NAMESPACES, { type: "user" }], uidMappings: mapping, gidMappings: mapping },
  });
  chownSync(b.rootfs, 100000, 100000);
  const f = await facts(b);
  expect(f.get("stat:/dev/null")).toContain(" 1:3 ");
  expect(f.get("open:rw,/dev/null")).toBe("ok");
  if (existsSync("/dev/fuse")) expect(f.get("stat:/dev/fuse")).toContain(" 10:229 ");
});

spec("8.10 with the host's /dev bound nothing is made in it", async () => {
  const before = [existsSync("/dev/fd"), existsSync("/dev/ptmx")];
  const f = await facts(
    bundle(probe("open:rw,/dev/null"), { mounts: [MOUNTS[0] ?? {}, { destination: "/dev", type: "bind", source: "/dev", options: ["rbind", "rprivate"] }] }),
  );
  expect(f.get("open:rw,/dev/null")).toBe("ok");
  expect([existsSync("/dev/fd"), existsSync("/dev/ptmx")]).toEqual(before);
});

spec("5.05 5.06 without a mount on /dev the devices are made in the rootfs", async () => {
  const f = await facts(bundle(probe("stat:/dev/null", "link:/dev/fd"), { mounts: [MOUNTS[0] ?? {}] }));
  expect(f.get("stat:/dev/null")).toContain(" 1:3 ");
  expect(f.get("link:/dev/fd")).toBe("/proc/self/fd");
});

spec("5.05 without a /proc for them to point to the links are not made", oracle({ runc: "needs /proc", crun: "makes them always" }), async () => {
  const mounts = MOUNTS.filter((mount) => mount["destination"] !== "/proc");
  const f = await facts(bundle(probe("ls:/dev"), { mounts, linux: { maskedPaths: undefined, readonlyPaths: undefined } }));
  for (const name of ["fd", "stdin", "stdout", "stderr"]) expect(f.get("ls:/dev").split(" ")).not.toContain(name);
});
