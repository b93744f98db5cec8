// mounts[]: every option, binds of files and directories, tmpfs, propagation, order, missing targets.
import { expect } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import type { Mount } from "../helpers/facts.ts";
import { oracle, spec } from "../helpers/spec.ts";

/** A bundle whose mounts are the standard ones and these. */
const withMounts = (mounts: readonly JsonObject[], ...words: string[]) => bundle({ ...probe("mounts", ...words), mounts: [...MOUNTS, ...mounts] });

/** A host directory below the bundle, to bind from. */
function source(b: Bundle, name = "source"): string {
  mkdirSync(`${b.directory}/${name}`, { recursive: true });
  writeFileSync(`${b.directory}/${name}/file`, "content");
  return `${b.directory}/${name}`;
}

/** The mount that a bind of a host directory with these options gives. */
async function bindWith(options: string[], ...words: string[]) {
  const b = bundle(probe("mounts", ...words));
  const f = await facts(b.rewrite({ mounts: [...MOUNTS, { destination: "/mnt/b", source: source(b), options }] }));
  return { f, mount: f.mount("/mnt/b") };
}

async function tmpfsWith(options: string[], ...words: string[]) {
  const f = await facts(withMounts([{ destination: "/mnt/t", type: "tmpfs", source: "tmpfs", options }], ...words));
  return { f, mount: f.mount("/mnt/t") };
}

spec("6.01 5.04 the standard mounts, in the listed order", async () => {
  const f = await facts(bundle(probe("mounts")));
  const points = f.all("mount").map((line) => line.split(" ")[4] ?? "");
  const order = ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"];
  expect(points.filter((point) => order.includes(point)).filter((point, i, all) => all.indexOf(point) === i)).toEqual(order);
  expect(f.mount("/proc").type).toBe("proc");
  expect(f.mount("/dev/pts").type).toBe("devpts");
  expect(f.mount("/dev/shm").superOptions.join()).toMatch(/size=65536k/);
  expect(f.mount("/sys").options).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]));
  expect(f.mount("/dev").options).toContain("nosuid");
});

spec("6.01 a later mount hides an earlier one", async () => {
  const f = await facts(
    withMounts(
      [
        { destination: "/mnt", type: "tmpfs", source: "first" },
        { destination: "/mnt/sub", type: "tmpfs", source: "second" },
        { destination: "/mnt", type: "tmpfs", source: "third" },
      ],
      "stat:/mnt/sub",
    ),
  );
  expect(f.mount("/mnt").source).toBe("third");
  expect(f.get("stat:/mnt/sub")).toBe("!ENOENT");
});

spec("6.01 a read-only mount that a later one covers leaves that one writable", oracle({ runc: "1.1 makes the later one read-only" }), async () => {
  const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: "tmpfs", source: "tmpfs", options });
  const f = await facts(
    withMounts(
      [tmpfs("/mnt", "ro"), tmpfs("/mnt"), tmpfs("/srv/deep", "ro"), tmpfs("/srv"), tmpfs("/opt", "ro"), tmpfs("/opt/below")],
      "open:c,/mnt/x",
      "stat:/srv/deep",
      "open:c,/srv/x",
      "open:c,/opt/x",
      "open:c,/opt/below/x",
    ),
  );
  expect([f.get("open:c,/mnt/x"), f.get("stat:/srv/deep"), f.get("open:c,/srv/x")]).toEqual(["ok", "!ENOENT", "ok"]);
  expect([f.get("open:c,/opt/x"), f.get("open:c,/opt/below/x")]).toEqual(["EROFS", "ok"]);
});

spec("6.02 a relative destination counts from /", async () => {
  expect((await facts(withMounts([{ destination: "mnt/rel", type: "tmpfs", source: "tmpfs" }]))).mount("/mnt/rel").type).toBe("tmpfs");
});

spec("6.02 a destination is required", async () => {
  await refused(withMounts([{ type: "tmpfs", source: "tmpfs" }]));
});

spec("6.02 missing destinations are made, with their parents", async () => {
  const b = withMounts([{ destination: "/new/a/b", type: "tmpfs", source: "tmpfs" }]);
  expect((await facts(b)).mount("/new/a/b").type).toBe("tmpfs");
  expect(statSync(`${b.rootfs}/new/a`).mode & 0o7777).toBe(0o755);
});

spec("6.03 bind of a directory: the host's files, writable", async () => {
  const b = bundle(probe("mounts", "read:/mnt/b/file", "open:c,/mnt/b/new", "open:w,/mnt/b/file"));
  const from = source(b);
  const f = await facts(b.rewrite({ mounts: [...MOUNTS, { destination: "/mnt/b", type: "none", source: from, options: ["bind"] }] }));
  expect(f.get("read:/mnt/b/file")).toBe("content");
  expect(f.get("open:c,/mnt/b/new")).toBe("ok");
  expect(existsSync(`${from}/new`)).toBe(true);
});

spec("6.03 bind of a file onto a missing target makes an empty file", async () => {
  const b = bundle(probe("read:/etc/deep/hosts"));
  const from = source(b);
  const f = await facts(b.rewrite({ mounts: [...MOUNTS, { destination: "/etc/deep/hosts", source: `${from}/file`, options: ["rbind"] }] }));
  expect(f.get("read:/etc/deep/hosts")).toBe("content");
  expect(readFileSync(`${b.rootfs}/etc/deep/hosts`, "utf8")).toBe("");
});

spec("6.03 a relative bind source counts from the bundle", async () => {
  const b = withMounts([{ destination: "/mnt/b", source: "source", options: ["bind"] }], "read:/mnt/b/file");
  source(b);
  expect((await facts(b)).get("read:/mnt/b/file")).toBe("content");
});

spec("6.03 a bind source that is a link is followed on the host", async () => {
  const b = withMounts([{ destination: "/mnt/b", source: "link", options: ["bind"] }], "read:/mnt/b/file");
  symlinkSync(source(b), `${b.directory}/link`);
  expect((await facts(b)).get("read:/mnt/b/file")).toBe("content");
});

spec("6.03 a missing bind source is an error", async () => {
  await refused(withMounts([{ destination: "/mnt/b", source: "/no/such/source", options: ["bind"] }]), /no such file|not exist/i);
});

spec("6.03 bind of a directory onto a file, and of a file onto a directory, are errors", async () => {
  const b = bundle();
  const from = source(b);
  b.file("file");
  b.dir("directory");
  await refused(b.rewrite({ mounts: [...MOUNTS, { destination: "/file", source: from, options: ["bind"] }] }));
  await refused(b.rewrite({ mounts: [...MOUNTS, { destination: "/directory", source: `${from}/file`, options: ["bind"] }] }));
});

spec("6.04 a bind takes ro, and the host side stays writable", async () => {
  const { f, mount } = await bindWith(["bind", "ro"], "open:w,/mnt/b/file", "open:r,/mnt/b/file");
  expect(mount.options).toContain("ro");
  expect(f.get("open:w,/mnt/b/file")).toBe("EROFS");
  expect(f.get("open:r,/mnt/b/file")).toBe("ok");
});

spec("6.05 rro makes the whole tree of a bind read-only", async () => {
  const mounts = [...MOUNTS, { destination: "/stage", type: "tmpfs", source: "tmpfs" }, { destination: "/mnt/b", source: "/dev", options: ["rbind", "rro"] }];
  const f = await facts(bundle({ ...probe("mounts", "open:c,/mnt/b/x", "open:c,/mnt/b/shm/x"), mounts }));
  expect(f.get("open:c,/mnt/b/x")).toBe("EROFS");
  expect(f.get("open:c,/mnt/b/shm/x")).toBe("EROFS");
  for (const line of f.all("mount").filter((one) => one.split(" ")[4]?.startsWith("/mnt/b"))) expect(line.split(" ")[5]).toMatch(/^ro/);
});

spec("6.05 rro of a new filesystem", oracle({ runc: "passes over it", crun: "passes over it" }), async () => {
  const { f, mount } = await tmpfsWith(["rro", "rnosuid", "rnoatime"], "open:c,/mnt/t/x");
  expect(f.get("open:c,/mnt/t/x")).toBe("EROFS");
  expect(mount.options).toEqual(expect.arrayContaining(["ro", "nosuid", "noatime"]));
});

spec("6.05 rro of a remount takes the tree along", async () => {
  const mounts = [...MOUNTS, { destination: "/mnt/b", source: "/dev", options: ["rbind"] }, { destination: "/mnt/b", options: ["remount", "bind", "rro"] }];
  const f = await facts(bundle({ ...probe("open:c,/mnt/b/x", "open:c,/mnt/b/shm/x"), mounts }));
  expect([f.get("open:c,/mnt/b/x"), f.get("open:c,/mnt/b/shm/x")]).toEqual(["EROFS", "EROFS"]);
});

spec("a word of propagation and others, with nothing to mount, is an error: none is passed over", async () => {
  await refused(bundle({ mounts: [...MOUNTS, { destination: "/dev", options: ["rprivate", "ro"] }] }));
});

spec("6.05 ro on an rbind leaves submounts as they are", async () => {
  const f = await facts(
    bundle({ ...probe("mounts", "open:c,/mnt/b/x"), mounts: [...MOUNTS, { destination: "/mnt/b", source: "/dev", options: ["rbind", "ro"] }] }),
  );
  expect(f.get("open:c,/mnt/b/x")).toBe("EROFS");
  expect(f.mount("/mnt/b/shm").options).toContain("rw");
});

spec("6.10 filesystem options are passed on: size, mode, uid, gid, nr_inodes", async () => {
  const { f, mount } = await tmpfsWith(["size=1m", "mode=1711", "uid=5", "gid=6", "nr_inodes=100"], "stat:/mnt/t", "statfs:/mnt/t");
  expect(mount.superOptions).toEqual(expect.arrayContaining(["size=1024k", "mode=1711", "uid=5", "gid=6", "nr_inodes=100"]));
  expect(f.get("stat:/mnt/t")).toMatch(/^dir 1711 5:6 /);
  expect(f.get("statfs:/mnt/t")).toContain("bytes=1048576 inodes=100");
});

spec("6.11 an option that the filesystem refuses is an error", async () => {
  await refused(withMounts([{ destination: "/mnt/t", type: "tmpfs", source: "tmpfs", options: ["nosuchoption=1"] }]), /invalid argument|EINVAL/i);
});

spec("6.11 an unknown filesystem type is an error", async () => {
  await refused(withMounts([{ destination: "/mnt/t", type: "nosuchfs", source: "x" }]), /no such device|unknown filesystem|ENODEV/i);
});

spec("6.10 a tmpfs without a mode takes the mode of the directory below", async () => {
  const b = withMounts([{ destination: "/modes", type: "tmpfs", source: "tmpfs" }], "stat:/modes");
  b.dir("modes", 0o1770);
  expect((await facts(b)).get("stat:/modes")).toMatch(/^dir 1770 /);
});

spec("6.06 tmpcopyup copies what was there", async () => {
  const b = withMounts(
    [{ destination: "/copy", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }],
    "read:/copy/a/file",
    "stat:/copy/script",
    "link:/copy/link",
    "stat:/copy/owned",
    "open:c,/copy/new",
  );
  b.dir("copy", 0o750);
  b.file("copy/a/file", "old");
  b.file("copy/script", "#!/bin/sh", 0o4755);
  b.link("copy/link", "a/file");
  b.file("copy/owned", "x", 0o600);
  const f = await facts(b);
  expect(f.mount("/copy").type).toBe("tmpfs");
  expect(f.get("read:/copy/a/file")).toBe("old");
  expect(f.get("stat:/copy/script")).toMatch(/^file 4?755 |^file 0755 /);
  expect(f.get("link:/copy/link")).toBe("a/file");
  expect(f.get("stat:/copy/owned")).toMatch(/^file 0600 /);
  expect(existsSync(`${b.rootfs}/copy/new`)).toBe(false);
});

const PROPAGATION: readonly [string, (mount: Mount) => boolean][] = [
  ["private", (mount) => mount.propagation.length === 0],
  ["rprivate", (mount) => mount.propagation.length === 0],
  ["shared", (mount) => mount.propagation.some((word) => word.startsWith("shared:"))],
  ["rshared", (mount) => mount.propagation.some((word) => word.startsWith("shared:"))],
  ["unbindable", (mount) => mount.propagation.includes("unbindable")],
  ["runbindable", (mount) => mount.propagation.includes("unbindable")],
];
for (const [word, isRight] of PROPAGATION)
  spec(`6.04 ${word} on a bind and on a tmpfs`, async () => {
    const bind = (await bindWith(["rbind", word])).mount;
    if (!isRight(bind)) throw new Error(`bind: ${bind.propagation}`);
    const fs = (await tmpfsWith([word])).mount;
    if (!isRight(fs)) throw new Error(`tmpfs: ${fs.propagation}`);
  });

spec("6.04 slave of a shared mount of the host", async () => {
  const b = bundle(probe("mounts"));
  const point = source(b, "shared");
  Bun.spawnSync(["mount", "-t", "tmpfs", "tmpfs", point]);
  Bun.spawnSync(["mount", "--make-shared", point]);
  try {
    const slave = await facts(
      b.rewrite({
        linux: { rootfsPropagation: "rslave" },
        mounts: [
          ...MOUNTS,
          { destination: "/mnt/s", source: point, options: ["rbind", "rslave"] },
          { destination: "/mnt/p", source: point, options: ["rbind", "rprivate"] },
        ],
      }),
    );
    expect(slave.mount("/mnt/s").propagation.join()).toMatch(/^master:/);
    expect(slave.mount("/mnt/p").propagation).toEqual([]);
  } finally {
    Bun.spawnSync(["umount", point]);
  }
});

spec("6.03 devices, fifos and sockets can be bound", async () => {
  const b = withMounts([{ destination: "/mnt/null", source: "/dev/null", options: ["bind"] }], "stat:/mnt/null");
  expect((await facts(b)).get("stat:/mnt/null")).toContain(" 1:3 ");
});

spec("8.33 a cgroup mount shows the hierarchies", async () => {
  const f = await facts(
    withMounts(
      [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"] }],
      "ls:/sys/fs/cgroup",
      "cgroup",
      "mkdir:/sys/fs/cgroup/memory/x",
    ),
  );
  expect(f.get("ls:/sys/fs/cgroup").length).toBeGreaterThan(0);
  expect(f.get("mkdir:/sys/fs/cgroup/memory/x")).toMatch(/EROFS|ENOENT/);
  expect(f.mounts("/sys/fs/cgroup").length).toBeGreaterThan(0);
});

spec("mounts of the container do not appear on the host, nor new ones of the host in it", async () => {
  const container = await new Container(
    bundle({ ...probe("echo:up", "await:15", "mounts"), mounts: [...MOUNTS, { destination: "/mnt/t", type: "tmpfs", source: "tmpfs" }] }),
  ).up();
  await container.said("awaiting");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(container.bundle.rootfs);
  const point = source(container.bundle, "later");
  Bun.spawnSync(["mount", "-t", "tmpfs", "tmpfs", point]);
  ok(await container.kill("TERM"));
  await container.stopped();
  Bun.spawnSync(["umount", point]);
  expect(container.output()).not.toContain("later");
});

spec("the old root is gone: no mount of the host's is left in the container", async () => {
  const f = await facts(bundle(probe("mounts", "ls:/")));
  const points = f.all("mount").map((line) => line.split(" ")[4]);
  expect(points.filter((point) => point === "/")).toHaveLength(1);
  for (const point of points) expect(point).toMatch(/^\/($|proc|dev|sys)/);
});

spec("1.01 unknown properties of a mount are ignored", async () => {
  expect((await facts(withMounts([{ destination: "/mnt/t", type: "tmpfs", source: "tmpfs", "x-unknown": { a: 1 } }]))).mount("/mnt/t").type).toBe("tmpfs");
});

spec("6.02 a destination through a dangling link of the image stays inside", async () => {
  const b = withMounts([{ destination: "/out/x", type: "tmpfs", source: "tmpfs" }]);
  b.link("out", "../../../../../../../../mnt");
  expect((await facts(b)).mount("/mnt/x").type).toBe("tmpfs");
  expect(lstatSync(`${b.rootfs}/mnt/x`).isDirectory()).toBe(true);
});

spec("6.01 100 mounts", async () => {
  const many = Array.from({ length: 100 }, (_, i) => ({ destination: `/mnt/m${i}`, type: "tmpfs", source: "tmpfs", options: ["size=4k"] }));
  const f = await facts(withMounts(many));
  for (const { destination } of many) expect(f.mounts(destination)).toHaveLength(1);
});

spec(
  "6.01 without a mount namespace the mounts are the host's, and go with the container",
  oracle({ runc: "leaves them there", crun: "another way" }),
  async () => {
    const b = bundle(probe("pause"), {
      linux: { namespaces: [{ type: "pid" }, { type: "uts" }], maskedPaths: [], readonlyPaths: [] },
      mounts: [{ destination: "/mnt/own", type: "tmpfs", source: "tmpfs", options: ["size=64k"] }],
    });
    const container = await new Container(b).up();
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toContain(`${b.rootfs}/mnt/own`);
    ok(await container.delete({ flags: ["--force"] }));
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(b.rootfs);
    // A create that fails takes them away as well.
    const failing = b.rewrite({ process: { args: ["/nosuch"] } });
    fails(await new Container(failing).create());
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(b.rootfs);
  },
);

const oldIdmap = oracle({ runc: "1.1 does not know it" });

/** A bind mount with a file of root, seen through a mapping. */
function idmapped(options: string[], more: JsonObject, patch: JsonObject = {}): Bundle {
  const b = bundle(probe("stat:/mnt/id/file", "stat:/mnt/id/inner/file"), patch);
  const own = source(b);
  mkdirSync(`${own}/inner`);
  writeFileSync(`${own}/inner/file`, "x");
  return b.rewrite({ mounts: [...MOUNTS, { destination: "/mnt/id", source: own, options, ...more }] });
}

const to1000 = [{ containerID: 0, hostID: 1000, size: 10 }];

spec("6.07 6.08 an id-mapped mount shows the files of root as another's", oldIdmap, async () => {
  for (const options of [["bind", "idmap"], ["rbind", "ridmap"], ["bind"]]) {
    const f = await facts(idmapped(options, { uidMappings: to1000, gidMappings: to1000 }));
    expect(f.get("stat:/mnt/id/file")).toMatch(/ 1000:1000 /);
    expect(f.get("stat:/mnt/id/inner/file")).toMatch(/ 1000:1000 /);
  }
});

spec("6.07 idmap maps the mount alone, ridmap its tree", oldIdmap, async () => {
  const b = idmapped(["rbind", "idmap"], { uidMappings: to1000, gidMappings: to1000 });
  const inner = `${b.directory}/source/inner`;
  ok(await exec(["mount", "-t", "tmpfs", "tmpfs", inner]));
  try {
    writeFileSync(`${inner}/file`, "x");
    const top = await facts(b);
    expect([top.get("stat:/mnt/id/file"), top.get("stat:/mnt/id/inner/file")]).toEqual([
      expect.stringContaining(" 1000:1000 "),
      expect.stringContaining(" 0:0 "),
    ]);
    const mount = { destination: "/mnt/id", source: `${b.directory}/source`, options: ["rbind", "ridmap"], uidMappings: to1000, gidMappings: to1000 };
    const tree = await facts(b.rewrite({ mounts: [...MOUNTS, mount] }));
    for (const word of ["stat:/mnt/id/file", "stat:/mnt/id/inner/file"]) expect(tree.get(word)).toContain(" 1000:1000 ");
  } finally {
    ok(await exec(["umount", inner]));
  }
});

spec("6.07 without mappings of its own the mount has those of the container's user namespace", async () => {
  const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const namespaces = ["pid", "mount", "uts", "ipc", "network", "user"].map((type) => ({ type }));
  const b = idmapped(["bind", "idmap"], {}, { linux: { namespaces, uidMappings: map, gidMappings: map } });
  Bun.spawnSync(["chown", "-R", "--no-dereference", "100000:100000", b.rootfs]);
  // Root's on the host, root's in the container.
  expect((await facts(b)).get("stat:/mnt/id/file")).toMatch(/ 0:0 /);
});

spec("6.07 idmap without any mapping is an error, and where the filesystem cannot", oldIdmap, async () => {
  await refused(idmapped(["bind", "idmap"], {}), /needs uidMappings/);
  const b = bundle({
    mounts: [...MOUNTS, { destination: "/mnt/id", source: "/proc/fs", options: ["bind", "idmap"], uidMappings: to1000, gidMappings: to1000 }],
  });
  await refused(b, /mount_setattr|map the ids/);
});
