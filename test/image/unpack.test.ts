// What unpack makes of layers: kinds, attributes, and how layers lie on one another. As root.
/// <reference types="bun" />
import { expect, setDefaultTimeout, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { archive, type Member, octal, padded, pax } from "./helpers/archive.ts";
import { makeLayout } from "./helpers/layout.ts";
import { scratch } from "./helpers/scratch.ts";
import { image, ok, run, TOOL_ARGV } from "./helpers/tool.ts";
import { treeOf } from "./helpers/tree.ts";
import { treeOfLayers, unpack, unpackSpec } from "./helpers/unpack.ts";

setDefaultTimeout(60_000);
const newPath = scratch();
const hex = (text: string) => Buffer.from(text, "latin1").toString("hex");
const names = (tree: object) => Object.keys(tree).sort();

test("unpack: every kind of entry with all its attributes", async () => {
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
  const tree = await treeOfLayers(newPath(), [
    { path: "dir/", mode: 0o2751, uid: 10, gid: 20, mtime: "1000000000.123456789", xattrs: { "user.d": "dir", "trusted.t": "t" } },
    { path: "dir/file", content: "content", mode: 0o4755, uid: 1, gid: 2, mtime: "999.000000001", xattrs: { "user.a": "\x00\xff", "user.empty": "" } },
    { path: "dir/capable", content: "x", mode: 0o755, xattrs: { "security.capability": capability } },
    { path: "dir/sticky", mode: 0o1666, uid: 4_000_000_000, gid: 3_000_000_000, mtime: -1.5 },
    { path: "link", link: "dir/file", uid: 3, gid: 4, mtime: "77.5", xattrs: { "trusted.l": "link" } },
    { path: "dangling", link: "/no/where" },
    { path: "hard", type: "1", link: "dir/file" },
    { path: "hardlink-of-link", type: "1", link: "link" },
    { path: "null", type: "3", major: 1, minor: 3, mode: 0o666, uid: 5, mtime: 123, xattrs: { "trusted.n": "n" } },
    { path: "disk", type: "4", major: 259, minor: 70_000, mode: 0o660, gid: 6 },
    { path: "pipe", type: "6", mode: 0o1622, mtime: "5.25" },
    { path: "big", content: Buffer.alloc(700_000, "big"), mode: 0o6711, uid: 7, gid: 8, mtime: "6.5" },
  ]);
  expect(tree).toEqual({
    dir: { kind: "directory", mode: "2751", owner: "10:20", mtime: "1000000000.123456789", xattrs: { "trusted.t": hex("t"), "user.d": hex("dir") } },
    "dir/file": {
      kind: "file",
      mode: "4755",
      owner: "1:2",
      mtime: "999.000000001",
      size: 7,
      content: "ed7002b439e9ac84",
      "same as": "dir/file",
      xattrs: { "user.a": Buffer.from("\x00\xff").toString("hex"), "user.empty": "" },
    },
    "dir/capable": {
      kind: "file",
      mode: "755",
      owner: "0:0",
      mtime: "1700000000.000000000",
      size: 1,
      content: "2d711642b726b044",
      xattrs: { "security.capability": capability.toString("hex") },
    },
    "dir/sticky": { kind: "file", mode: "1666", owner: "4000000000:3000000000", mtime: "-2.500000000", size: 0, content: "e3b0c44298fc1c14" },
    link: {
      kind: "link",
      mode: "777",
      owner: "3:4",
      mtime: "77.500000000",
      target: "dir/file",
      "same as": "hardlink-of-link",
      xattrs: { "trusted.l": hex("link") },
    },
    dangling: { kind: "link", mode: "777", owner: "0:0", mtime: "1700000000.000000000", target: "/no/where" },
    hard: {
      kind: "file",
      mode: "4755",
      owner: "1:2",
      mtime: "999.000000001",
      size: 7,
      content: "ed7002b439e9ac84",
      "same as": "dir/file",
      xattrs: { "user.a": Buffer.from("\x00\xff").toString("hex"), "user.empty": "" },
    },
    "hardlink-of-link": {
      kind: "link",
      mode: "777",
      owner: "3:4",
      mtime: "77.500000000",
      target: "dir/file",
      "same as": "hardlink-of-link",
      xattrs: { "trusted.l": hex("link") },
    },
    null: { kind: "character", mode: "666", owner: "5:0", mtime: "123.000000000", device: "1:3", xattrs: { "trusted.n": hex("n") } },
    disk: { kind: "block", mode: "660", owner: "0:6", mtime: "1700000000.000000000", device: "259:70000" },
    pipe: { kind: "fifo", mode: "1622", owner: "0:0", mtime: "5.250000000" },
    big: { kind: "file", mode: "6711", owner: "7:8", mtime: "6.500000000", size: 700_000, content: "6fb3ef115b582672" },
  });
});

test("unpack: modes do not depend on the caller's umask", async () => {
  const layout = makeLayout(newPath(), {
    layers: [
      [
        { path: "f", mode: 0o666 },
        { path: "d/", mode: 0o777 },
        { path: "made/g", mode: 0o600 },
        { path: "p", type: "6", mode: 0o666 },
      ],
    ],
  });
  const bundle = newPath();
  const ran = await run(["sh", "-c", 'umask 077; exec "$@"', "-", ...TOOL_ARGV, "unpack", "--image", layout, bundle]);
  expect(ran.err).toBe("");
  const tree = treeOf(`${bundle}/rootfs`);
  expect(Object.entries(tree).map(([name, { mode }]) => `${name} ${mode}`)).toEqual([". 755", "d 777", "f 666", "made 755", "made/g 600", "p 666"]);
});

test("unpack: names of any bytes and any length that the kernel has", async () => {
  const odd = Buffer.from([0x61, 0xff, 0x0a, 0x1b, 0x5b, 0x5c, 0xc3]);
  const longName = "n".repeat(255);
  const deep = `${"deep/".repeat(700)}file`;
  const tree = await treeOfLayers(newPath(), [
    { path: odd, content: "odd", pax: [["path", odd]] },
    { path: "to-odd", link: odd },
    { path: "hard-odd", type: "1", link: odd },
    { path: longName, content: "long" },
    { path: deep, content: "deep" },
    { path: " ", content: "space" },
    { path: "-rf", content: "option" },
    { path: "ü", content: "utf8" },
  ]);
  expect(names(tree).filter((name) => !name.startsWith("deep"))).toEqual([" ", "-rf", odd.toString("latin1"), "hard-odd", longName, "to-odd", "Ã¼"].sort());
  expect(tree["to-odd"]?.target).toBe(odd.toString("latin1"));
  expect(tree["hard-odd"]?.["same as"]).toBe(odd.toString("latin1"));
  expect(tree[deep]?.size).toBe(4);
});

test("unpack: ./ in front, slashes behind and absolute names are all names under the root", async () => {
  const tree = await treeOfLayers(newPath(), [
    { path: "./" },
    { path: "./a//" },
    { path: "./a/./b" },
    { path: "/abs" },
    { path: "//c//d" },
    { path: "e/", type: "0" },
  ]);
  expect(names(tree)).toEqual(["a", "a/b", "abs", "c", "c/d", "e"]);
  expect(tree["e"]?.kind).toBe("file");
});

test("unpack: the root's own attributes; without an entry 0755, and the beginning of time", async () => {
  const own = await unpack(newPath(), [{ path: "./", mode: 0o700, uid: 1, gid: 2, mtime: "9.5", xattrs: { "user.root": "r" } }, { path: "f" }]);
  expect(treeOf(own.rootfs)["."]).toEqual({ kind: "directory", mode: "700", owner: "1:2", mtime: "9.500000000", xattrs: { "user.root": hex("r") } });
  const none = await unpack(newPath(), [{ path: "f" }], [{ path: "g" }]);
  expect(treeOf(none.rootfs)["."]).toEqual({ kind: "directory", mode: "755", owner: "0:0", mtime: "0.000000000" });
});

test("unpack: sparse files keep their holes", async () => {
  const pieces = `0,4096,${64 << 20},4096,${128 << 20},0`;
  const content = Buffer.concat([Buffer.alloc(4096, "a"), Buffer.alloc(4096, "b")]);
  const sparse: Member = {
    path: "GNUSparseFile.1/f",
    content,
    mtime: "3.25",
    pax: [
      ["GNU.sparse.size", String(128 << 20)],
      ["GNU.sparse.name", "sparse"],
      ["GNU.sparse.map", pieces],
    ],
  };
  const { rootfs } = await unpack(newPath(), [sparse, { path: "after", content: "x" }]);
  const { size, blocks, mtimeMs } = statSync(`${rootfs}/sparse`);
  expect([size, mtimeMs]).toEqual([128 << 20, 3250]);
  expect(blocks * 512).toBeLessThan(1 << 20);
  const file = readFileSync(`${rootfs}/sparse`);
  expect([file[0], file[4095], file[4096], file[64 << 20], file[(64 << 20) + 4095], file.at(-1)]).toEqual([97, 97, 0, 98, 98, 0]);
});

test("unpack: what GNU tar writes in each of its formats, with sparse files and long names", async () => {
  const folder = newPath();
  const long = "long/".repeat(30);
  await ok(
    "sh",
    "-c",
    `mkdir -p ${folder}/${long} && cd ${folder} && dd if=/dev/urandom of=sparse bs=4096 count=1 status=none && dd if=/dev/urandom of=sparse bs=4096 count=3 seek=5000 status=none && truncate -s 40M sparse && echo deep > ${long}file && ln -s ${long}file link && ln ${long}file hard && touch -d @1234567890.987654321 sparse`,
  );
  const expected = treeOf(folder);
  for (const [format, ...more] of [
    ["gnu"],
    ["oldgnu"],
    ["posix", "--sparse-version=1.0"],
    ["posix", "--sparse-version=0.1"],
    ["posix", "--sparse-version=0.0"],
  ]) {
    const bytes = Bun.spawnSync(["tar", "-C", folder, "--sparse", `--format=${format}`, ...more, "--numeric-owner", "-cf", "-", "."], {
      maxBuffer: 1 << 30,
    }).stdout;
    const layout = makeLayout(newPath(), { layers: [{ archive: Buffer.from(bytes) }] });
    const bundle = newPath();
    expect((await image("unpack", "--quiet", "--image", layout, bundle)).err).toBe("");
    const tree = treeOf(`${bundle}/rootfs`);
    const times = (facts: typeof tree) =>
      Object.fromEntries(Object.entries(facts).map(([name, one]) => [name, { ...one, mtime: format === "posix" ? one.mtime : one.mtime.split(".")[0] }]));
    expect({ format, more, tree: times(tree) }).toEqual({ format, more, tree: times(expected) });
    expect(statSync(`${bundle}/rootfs/sparse`).blocks).toBe(statSync(`${folder}/sparse`).blocks);
  }
});

test("unpack: directories that the archive has no entry of are made with 0755 for root", async () => {
  const tree = await treeOfLayers(newPath(), [
    { path: "a/b/c", uid: 9 },
    { path: "a/", mode: 0o700, uid: 3, mtime: 5 },
  ]);
  expect([tree["a"]?.mode, tree["a"]?.owner, tree["a"]?.mtime]).toEqual(["700", "3:0", "5.000000000"]);
  expect([tree["a/b"]?.mode, tree["a/b"]?.owner]).toEqual(["755", "0:0"]);
});

test("unpack: a directory's time is its entry's, whatever is made in it before and after, in this layer and the next", async () => {
  const early = { path: "early/", mtime: "10.5" };
  const tree = await treeOfLayers(
    newPath(),
    [
      early,
      { path: "early/a" },
      { path: "late/a" },
      { path: "late/sub/b" },
      { path: "late/sub/", mtime: 30 },
      { path: "late/", mtime: 20 },
      { path: "late/c" },
    ],
    [{ path: "early/new" }, { path: "late/.wh.a" }, { path: "late/sub/b", content: "new" }],
  );
  expect([tree["early"]?.mtime, tree["late"]?.mtime, tree["late/sub"]?.mtime]).toEqual(["10.500000000", "20.000000000", "30.000000000"]);
  expect(tree["late/sub/b"]?.size).toBe(3);
});

test("unpack: more directories than are kept open, in any order, with the right times", async () => {
  const count = 700;
  const directories = Array.from({ length: count }, (_, i) => ({ path: `d${i}/`, mtime: `${1000 + i}.5` }));
  const files = Array.from({ length: count }, (_, i) => ({ path: `d${(i * 263) % count}/f`, content: `${i}` }));
  const links = Array.from({ length: count }, (_, i) => ({ path: `d${i}/h`, type: "1", link: `d${(i * 311) % count}/f` }));
  const tree = await treeOfLayers(newPath(), [...directories, ...files, ...links]);
  for (let i = 0; i < count; i++) expect(tree[`d${i}`]?.mtime).toBe(`${1000 + i}.500000000`);
  expect(names(tree).length).toBe(3 * count);
});

test("unpack: two names of one directory do not disturb its time", async () => {
  const tree = await treeOfLayers(newPath(), [
    { path: "usr/bin/", mtime: "40.5" },
    { path: "bin", link: "usr/bin" },
    { path: "usr/bin/a" },
    { path: "bin/b" },
    { path: "usr/bin/c" },
    { path: "bin/d", type: "1", link: "usr/bin/a" },
  ]);
  expect(tree["usr/bin"]?.mtime).toBe("40.500000000");
  expect(names(tree).filter((name) => name.startsWith("usr/bin/"))).toEqual(["usr/bin/a", "usr/bin/b", "usr/bin/c", "usr/bin/d"]);
});

test("unpack: what an ACL or the group bit of a directory would give to new files is not theirs", async () => {
  // user::rwx user:1234:rwx group::r-x mask::rwx other::r-x
  const acl = Buffer.from("0200000001000700ffffffff02000700d204000004000500ffffffff10000700ffffffff20000500ffffffff", "hex");
  const tree = await treeOfLayers(newPath(), [
    { path: "d/", mode: 0o2775, gid: 55, xattrs: { "system.posix_acl_default": acl } },
    { path: "d/file", mode: 0o640, gid: 0 },
    { path: "d/sub/", mode: 0o700, gid: 0 },
    { path: "d/implicit/file", mode: 0o604 },
    { path: "d/big", mode: 0o640, content: Buffer.alloc(200_000, "b") },
  ]);
  expect(names(tree["d"]?.xattrs ?? {})).toEqual(["system.posix_acl_default"]);
  const facts = (name: string) => [tree[name]?.mode, tree[name]?.owner, tree[name]?.xattrs];
  expect(facts("d/file")).toEqual(["640", "0:0", undefined]);
  expect(facts("d/sub")).toEqual(["700", "0:0", undefined]);
  expect(facts("d/big")).toEqual(["640", "0:0", undefined]);
  expect(facts("d/implicit")).toEqual(["755", "0:0", undefined]);
  expect(facts("d/implicit/file")).toEqual(["604", "0:0", undefined]);
});

test("unpack: SELinux labels of elsewhere are left out, and told once", async () => {
  const label = { "security.selinux": "system_u:object_r:bin_t:s0\0" };
  const { code, err, rootfs } = await unpackSpec(newPath(), {
    layers: [
      [
        { path: "a", xattrs: { ...label, "user.a": "a" } },
        { path: "b", xattrs: label },
      ],
    ],
  });
  expect(err.split("\n").length).toBe(2);
  expect(err).toContain('level=warning msg="the image has SELinux labels, which are not set');
  expect([code, treeOf(rootfs)["a"]?.xattrs]).toEqual([0, { "user.a": hex("a") }]);
});

test("unpack: on a filesystem without extended attributes they are left out, and told once", async () => {
  const layout = makeLayout(newPath(), {
    layers: [
      [
        { path: "a", xattrs: { "user.a": "a" } },
        { path: "d/", xattrs: { "user.d": "d" } },
        { path: "d/", mode: 0o700 },
      ],
    ],
  });
  const mountPoint = newPath();
  mkdirSync(mountPoint);
  const script = `mount -t ramfs none ${mountPoint} && "$@" && ls ${mountPoint}/bundle/rootfs`;
  const { code, out, err } = await run([
    "unshare",
    "--mount",
    "sh",
    "-c",
    script,
    "-",
    ...TOOL_ARGV,
    "unpack",
    "--quiet",
    "--image",
    layout,
    `${mountPoint}/bundle`,
  ]);
  expect(err).toContain('msg="the filesystem has no extended attributes user.*');
  expect([err.split("\n").length, out, code]).toEqual([2, "a\nd\n", 0]);
});

// --- layers on one another ---

test("layers: whiteouts remove files, links and whole directories of lower layers", async () => {
  const tree = await treeOfLayers(
    newPath(),
    [{ path: "file" }, { path: "dir/sub/deep" }, { path: "link", link: "dir" }, { path: "keep/a" }, { path: "keep/b" }, { path: ".hidden" }],
    [
      { path: ".wh.file" },
      { path: ".wh.dir" },
      { path: ".wh.link" },
      { path: "keep/.wh.a" },
      { path: ".wh..hidden" },
      { path: ".wh.never" },
      { path: "no/such/.wh.x" },
    ],
  );
  expect(names(tree)).toEqual(["keep", "keep/b"]);
});

test("layers: an opaque whiteout hides what lower layers have, wherever in the archive it is", async () => {
  const lower = (d: string): Member[] => [`${d}/old`, `${d}/sub/old`, `${d}/both`, `${d}/sub/deep/old`, `${d}-other`].map((path) => ({ path }));
  const upper = (d: string): Member[] => [
    { path: `${d}/`, mtime: 50 },
    { path: `${d}/new` },
    { path: `${d}/both`, content: "new" },
    { path: `${d}/sub/`, mtime: 60 },
    { path: `${d}/sub/new` },
  ];
  const places = [0, 1, 2, 3, 4, 5];
  const layer = places.flatMap((at) => upper(`d${at}`).toSpliced(at, 0, { path: `d${at}/.wh..wh..opq` }));
  const tree = await treeOfLayers(
    newPath(),
    places.flatMap((at) => lower(`d${at}`)),
    layer,
  );
  expect(names(tree)).toEqual(places.flatMap((at) => ["", "-other", "/both", "/new", "/sub", "/sub/new"].map((name) => `d${at}${name}`)));
  for (const at of places) expect([tree[`d${at}/both`]?.size, tree[`d${at}`]?.mtime, tree[`d${at}/sub`]?.mtime]).toEqual([3, "50.000000000", "60.000000000"]);
});

test("layers: a directory that is there only for what is in it does not keep a hidden one's attributes, whatever the order", async () => {
  const lower: Member[] = [{ path: "d/" }, { path: "d/sub/", mode: 0o700, uid: 9, xattrs: { "user.a": "old" } }, { path: "d/sub/old" }];
  const upper: Member[] = [{ path: "d/.wh..wh..opq" }, { path: "d/sub/new" }];
  const both = await Promise.all([upper, [...upper].reverse()].map((layer) => treeOfLayers(newPath(), lower, layer)));
  for (const tree of both) {
    expect(names(tree)).toEqual(["d", "d/sub", "d/sub/new"]);
    const { mtime: _, ...facts } = tree["d/sub"] ?? { mtime: "" };
    expect(facts as object).toEqual({ kind: "directory", mode: "755", owner: "0:0" });
  }
});

test("layers: a whiteout hides nothing of its own layer, before or after it", async () => {
  const lower: Member[] = [{ path: "f", content: "lower" }, { path: "d/old" }];
  for (const upper of [
    [{ path: "f", content: "new" }, { path: ".wh.f" }, { path: "d/new" }, { path: ".wh.d" }],
    [{ path: ".wh.f" }, { path: "f", content: "new" }, { path: ".wh.d" }, { path: "d/new" }],
  ]) {
    const tree = await treeOfLayers(newPath(), lower, upper);
    expect(names(tree)).toEqual(["d", "d/new", "f"]);
    expect(tree["f"]?.size).toBe(3);
  }
});

test("layers: an opaque whiteout through another name of the directory keeps what this layer has put there", async () => {
  const tree = await treeOfLayers(
    newPath(),
    [{ path: "usr/bin/old" }, { path: "bin", link: "usr/bin" }],
    [{ path: "usr/bin/new" }, { path: "bin/.wh..wh..opq" }],
  );
  expect(names(tree)).toEqual(["bin", "usr", "usr/bin", "usr/bin/new"]);
});

test("layers: a hard link of this layer to a lower file does not save the lower name from a whiteout", async () => {
  const tree = await treeOfLayers(newPath(), [{ path: "d/old", content: "1" }], [{ path: "new", type: "1", link: "d/old" }, { path: "d/.wh..wh..opq" }]);
  expect(names(tree)).toEqual(["d", "new"]);
  expect(tree["new"]?.size).toBe(1);
});

test("layers: whiteouts of the first layer hide nothing and are not there", async () => {
  const tree = await treeOfLayers(newPath(), [{ path: "a" }, { path: ".wh.a" }, { path: ".wh..wh..opq" }, { path: "d/.wh..wh..opq" }, { path: "d/x" }]);
  expect(names(tree)).toEqual(["a", "d", "d/x"]);
});

test("layers: hard links across layers are one file", async () => {
  const tree = await treeOfLayers(
    newPath(),
    [{ path: "a/file", content: "one", uid: 5, mode: 0o4755, mtime: "8.5" }],
    [{ path: "b/hard", type: "1", link: "a/file", uid: 77, mode: 0o600 }],
    [
      { path: "c", type: "1", link: "./b/hard" },
      { path: "d", type: "1", link: "/a/file" },
    ],
  );
  for (const name of ["a/file", "b/hard", "c", "d"])
    expect(tree[name]).toMatchObject({ "same as": "a/file", owner: "5:0", mode: "4755", mtime: "8.500000000" });
});

test("layers: a file that is replaced is a new one: its other names keep the old content", async () => {
  const tree = await treeOfLayers(
    newPath(),
    [
      { path: "a", content: "old" },
      { path: "b", type: "1", link: "a" },
    ],
    [{ path: "a", content: "newer" }],
  );
  expect([tree["a"]?.size, tree["b"]?.size, tree["a"]?.["same as"]]).toEqual([5, 3, undefined]);
});

test("layers: each kind replaces each other kind, and directories stay directories", async () => {
  const kinds: readonly (readonly [kind: string, member: Omit<Member, "path">])[] = [
    ["file", { content: "f" }],
    ["directory", { type: "5" }],
    ["link", { link: "elsewhere" }],
    ["link", { link: "target" }],
    ["character", { type: "3", major: 1, minor: 3 }],
    ["fifo", { type: "6" }],
    ["file", { type: "1", link: "target/f" }],
  ];
  const pairs = kinds.flatMap((from, i) => kinds.map((to, j) => ({ path: `x${i}${j}`, from, to })));
  const tree = await treeOfLayers(
    newPath(),
    [
      { path: "target/f", content: "target" },
      ...pairs.flatMap(({ path, from }) => [{ path, ...from[1] }, ...(from[0] === "directory" ? [{ path: `${path}/child` }] : [])]),
    ],
    pairs.map(({ path, to }) => ({ path, ...to[1] })),
  );
  for (const { path, from, to } of pairs) {
    const isKept = from[0] === "directory" && to[0] === "directory";
    expect({ path, kind: tree[path]?.kind, hasChild: `${path}/child` in tree }).toEqual({ path, kind: to[0], hasChild: isKept });
    if (to[0] === "link") expect(tree[path]?.target).toBe(String(to[1].link));
  }
  expect(tree["target/f"]?.size).toBe(6);
});

test("layers: a directory's entry replaces all attributes of the one that is there", async () => {
  const tree = await treeOfLayers(
    newPath(),
    [{ path: "d/", mode: 0o1777, uid: 1, gid: 2, mtime: 1, xattrs: { "user.old": "1", "user.both": "1" } }, { path: "d/f" }],
    [{ path: "d/", mode: 0o2700, uid: 3, gid: 4, mtime: 2, xattrs: { "user.both": "2" } }],
  );
  expect(tree["d"]).toEqual({ kind: "directory", mode: "2700", owner: "3:4", mtime: "2.000000000", xattrs: { "user.both": hex("2") } });
  expect("d/f" in tree).toBe(true);
});

test("layers: entries below a link of a lower layer go where it leads, in the root", async () => {
  const { rootfs } = await unpack(
    newPath(),
    [
      { path: "usr/lib/" },
      { path: "lib", link: "usr/lib" },
      { path: "run/" },
      { path: "var/run", link: "/run" },
      { path: "loop/up", link: "../../../../../usr" },
    ],
    [{ path: "lib/a" }, { path: "var/run/b" }, { path: "loop/up/lib/c" }],
  );
  expect(readdirSync(`${rootfs}/usr/lib`).sort()).toEqual(["a", "c"]);
  expect(readdirSync(`${rootfs}/run`)).toEqual(["b"]);
  expect(readlinkSync(`${rootfs}/lib`)).toBe("usr/lib");
});

test("layers: a directory is made where a dangling link leads, in the root", async () => {
  const { rootfs } = await unpack(newPath(), [
    { path: "var/run", link: "/run/real" },
    { path: "var/run/x" },
    { path: "a/b/link", link: "../c/./d//" },
    { path: "a/b/link/e/f" },
    { path: "first", link: "second" },
    { path: "second", link: "third" },
    { path: "first/g" },
  ]);
  expect(readdirSync(`${rootfs}/run/real`)).toEqual(["x"]);
  expect(readdirSync(`${rootfs}/a/c/d/e`)).toEqual(["f"]);
  expect(readdirSync(`${rootfs}/third`)).toEqual(["g"]);
  expect(lstatSync(`${rootfs}/first`).isSymbolicLink()).toBe(true);
});

test("layers: of two entries with one name the later one counts", async () => {
  const tree = await treeOfLayers(newPath(), [
    { path: "f", content: "first" },
    { path: "f", content: "second!" },
    { path: "d/x" },
    { path: "d", link: "other" },
    { path: "d/" },
    { path: "d/y" },
  ]);
  expect([tree["f"]?.size, names(tree)]).toEqual([7, ["d", "d/y", "f"]]);
});

test("layers: no layers at all, an empty archive, an archive without its end", async () => {
  const none = await unpack(newPath());
  expect(readdirSync(none.rootfs)).toEqual([]);
  for (const bytes of [Buffer.alloc(0), archive([]), archive([{ path: "f", content: "only" }]).subarray(0, 516)]) {
    const layout = makeLayout(newPath(), { layers: [{ archive: bytes }] });
    const bundle = newPath();
    expect((await image("unpack", "--quiet", "--image", layout, bundle)).err).toBe("");
    expect(readdirSync(`${bundle}/rootfs`)).toEqual(bytes.length === 516 ? ["f"] : []);
  }
});

test("layers: global PAX records, and numbers in every form", async () => {
  const tree = await treeOfLayers(newPath(), [
    pax([["uid", "70000"]], "g"),
    { path: "a" },
    { path: "b", pax: [["uid", "5"]] },
    { path: "c", fields: { mtime: octal(8, 12) } },
  ]);
  expect([tree["a"]?.owner, tree["b"]?.owner, tree["c"]?.mtime]).toEqual(["70000:0", "5:0", "8.000000000"]);
  expect(padded("x").length).toBe(512);
});

test("layers: gzip, zstd and plain in one image", async () => {
  const layout = makeLayout(newPath(), {
    layers: (["gzip", "zstd", "none"] as const).map((compression) => ({
      compression,
      members: [{ path: compression, content: Buffer.alloc(500_000, compression) }],
    })),
  });
  const bundle = newPath();
  expect((await image("unpack", "--quiet", "--image", layout, bundle)).err).toBe("");
  for (const name of ["gzip", "zstd", "none"]) expect(readFileSync(`${bundle}/rootfs/${name}`).equals(Buffer.alloc(500_000, name))).toBe(true);
});
