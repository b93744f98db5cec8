// Archives that try to reach something outside of the bundle, or to break the tool: each one is refused by name or stays in its root.
// Every helper checks a directory outside, which "../../canary" of the root filesystem means, and that nothing is left of a refused bundle.
/// <reference types="bun" />
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { archive, base256, END, header, type Member, member, octal, USTAR } from "./helpers/archive.ts";
import { addToIndex, compress, digestOf, HOST, type ImageSpec, makeLayout, writeImage, writeJson } from "./helpers/layout.ts";
import { imageWithPeak, MOST_MEGABYTES } from "./helpers/peak.ts";
import { INDEX } from "./helpers/read.ts";
import { scratch } from "./helpers/scratch.ts";
import { image } from "./helpers/tool.ts";
import { treeOf } from "./helpers/tree.ts";
import { refuse, unpack, unpackSpec } from "./helpers/unpack.ts";

setDefaultTimeout(60_000);
const newPath = scratch();
/** Where thousands of directories take no time. */
const newPathInMemory = scratch("/dev/shm");
const OUT = "../../canary";

/** The error names the blob of the layer and the entry. */
async function refuseEntry(one: Member, message: string, before: readonly Member[] = []): Promise<void> {
  const layer = [...before, one];
  const err = await refuse(newPath(), [layer]);
  expect(err).toContain(message);
  expect(err).toContain(`  at ${digestOf(gzipOf(layer))}`);
  expect(err).toMatch(/\n {2}at entry ".*"\n/);
}

const gzipOf = (members: readonly Member[]) => gzipSync(archive(members), { level: 1 });

test("hostile: names with .. are refused, wherever it is", async () => {
  const paths = ["..", "../x", `${OUT}/file`, "a/../../x", "a/..", "/../x", "./../x", "a/../b", "..//x", `${"../".repeat(40)}etc/passwd`];
  await Promise.all(paths.map((path) => refuseEntry({ path, content: "x" }, 'its name has a ".."')));
  await refuseEntry({ path: "../d/" }, 'its name has a ".."');
  await refuseEntry({ path: "../l", link: "x" }, 'its name has a ".."');
  const { rootfs } = await unpack(newPath(), [{ path: "..." }, { path: "..a/b.." }, { path: "..a/..b" }]);
  expect(readdirSync(`${rootfs}/..a`).sort()).toEqual(["..b", "b.."]);
});

test("hostile: absolute names and links stay in the root", async () => {
  const folder = newPath();
  const canary = `${folder}/canary`;
  const { rootfs } = await unpack(folder, [
    { path: `${canary}/absolute`, content: "x" },
    { path: "link", link: canary },
    { path: "link/through", content: "x" },
    { path: "link/file", content: "x" },
    { path: "hard", type: "1", link: `${canary}/file` },
  ]);
  expect(readdirSync(`${rootfs}${canary}`).sort()).toEqual(["absolute", "file", "through"]);
});

test("hostile: links that climb out of the root end at the root", async () => {
  const { rootfs } = await unpack(
    newPath(),
    [
      { path: "out", link: OUT },
      { path: "out/made", content: "x" },
      { path: "a/b/out", link: `../../${OUT}` },
      { path: "a/b/out/file", content: "x" },
    ],
    [
      { path: "out/second", content: "x" },
      { path: "a/b/out/third/", mode: 0o777 },
    ],
  );
  expect(readdirSync(`${rootfs}/canary`).sort()).toEqual(["file", "made", "second", "third"]);
});

test("hostile: a directory swapped for a link between entries, and back", async () => {
  const { rootfs } = await unpack(newPath(), [
    { path: "d/" },
    { path: "d/first" },
    { path: "d", link: OUT },
    { path: "d/file", content: "x" },
    { path: "d/", mode: 0o711 },
    { path: "d/last" },
    { path: "e/f/g" },
    { path: "e", link: OUT },
    { path: "e/f/g", content: "x" },
  ]);
  expect(readdirSync(`${rootfs}/d`)).toEqual(["last"]);
  expect(readdirSync(`${rootfs}/canary`).sort()).toEqual(["f", "file"]);
});

test("hostile: a link is never written through: the entry takes its place", async () => {
  const { rootfs, canary } = await unpack(newPath(), [
    { path: "file", link: `${OUT}/file` },
    { path: "file", content: "new" },
    { path: "big", link: `${OUT}/file` },
    { path: "big", content: Buffer.alloc(300_000) },
    { path: "dir", link: OUT },
    { path: "dir/", mode: 0o777, uid: 5, mtime: 1, xattrs: { "user.x": "x" } },
    { path: "node", link: `${OUT}/file` },
    { path: "node", type: "6", mode: 0o777, uid: 7 },
    { path: "other", link: `${OUT}/file` },
    { path: "other", link: `${OUT}/file`, uid: 7, xattrs: { "trusted.x": "x" } },
  ]);
  const tree = treeOf(rootfs);
  expect(["file", "big", "dir", "node", "other"].map((name) => tree[name]?.kind)).toEqual(["file", "file", "directory", "fifo", "link"]);
  expect([statSync(canary).uid, statSync(canary).mode & 0o777, statSync(`${canary}/file`).uid]).toEqual([0, 0o755, 0]);
  expect(treeOf(canary)["."]?.xattrs).toBeUndefined();
});

test("hostile: a hard link to a link is a name of the link, and is replaced like one", async () => {
  const { rootfs } = await unpack(newPath(), [
    { path: "l", link: `${OUT}/file` },
    { path: "h", type: "1", link: "l" },
    { path: "h", content: "new" },
  ]);
  expect([lstatSync(`${rootfs}/l`).isSymbolicLink(), readFileSync(`${rootfs}/h`, "utf8")]).toEqual([true, "new"]);
});

test("hostile: hard links to outside of the root", async () => {
  for (const link of [`${OUT}/file`, "../canary/file", `/../${OUT}/file`, ".."])
    await refuseEntry({ path: "h", type: "1", link }, 'the name that it links to has a ".."');
  const link = { path: "l", link: OUT };
  await refuseEntry({ path: "h", type: "1", link: "l/file" }, 'it is a hard link to "l/file", which is not there', [link]);
  await refuseEntry({ path: "h", type: "1", link: "missing" }, 'it is a hard link to "missing", which is not there');
  await refuseEntry({ path: "h", type: "1", link: "h" }, "a hard link to itself");
  await refuseEntry({ path: "h", type: "1", link: "./" }, "a hard link to itself, or to the root");
  await refuseEntry({ path: "a/h", type: "1", link: "l/h" }, "which is not there", [{ path: "a/h" }, { path: "l", link: "a" }]);
  await refuseEntry({ path: "h", type: "1", link: "f/x" }, "a part of its path is no directory", [{ path: "f" }]);
  const err = await refuse(newPath(), [[{ path: "d/" }, { path: "h", type: "1", link: "d" }]]);
  expect(err).toContain("EPERM");
});

test("hostile: a file written after its hard link does not reach the first name", async () => {
  const { rootfs } = await unpack(newPath(), [
    { path: "a", content: "one" },
    { path: "b", type: "1", link: "a" },
    { path: "b", content: "two", mode: 0o4777 },
  ]);
  expect([readFileSync(`${rootfs}/a`, "utf8"), readFileSync(`${rootfs}/b`, "utf8"), statSync(`${rootfs}/a`).mode & 0o7777]).toEqual(["one", "two", 0o644]);
});

test("hostile: whiteouts of .., of nothing, and through links", async () => {
  for (const path of [".wh...", ".wh..", ".wh.", "a/.wh...", `${OUT}/.wh.file`]) {
    const err = await refuse(newPath(), [[{ path: "a/b" }], [{ path }]]);
    expect(err).toContain(path.startsWith("..") ? 'its name has a ".."' : "it is a whiteout of no name");
    expect(err).toContain(`at entry "${path}"`);
  }
  const { rootfs } = await unpack(
    newPath(),
    [{ path: "l", link: OUT }, { path: "canary/file" }, { path: "canary/other" }, { path: "m", link: OUT }],
    [{ path: "l/.wh.file" }],
    [{ path: "m/.wh..wh..opq" }],
    [{ path: "l/.wh..wh..opq" }, { path: ".wh.m" }],
  );
  expect(readdirSync(`${rootfs}/canary`)).toEqual([]);
  expect(readdirSync(rootfs).sort()).toEqual(["canary", "l"]);
});

test("hostile: a whiteout removes a link, not what it leads to", async () => {
  const { rootfs } = await unpack(
    newPath(),
    [{ path: "l", link: "d" }, { path: "d/keep" }, { path: "out", link: OUT }],
    [{ path: ".wh.l" }, { path: ".wh.out" }],
  );
  expect(readdirSync(`${rootfs}/d`)).toEqual(["keep"]);
});

test("hostile: whiteouts are no directories", async () => {
  for (const path of [".wh.x/y", "a/.wh.b/c/d", ".wh..wh..opq/x"]) await refuseEntry({ path }, "a whiteout is no directory");
});

test("hostile: the root cannot be something else, or be taken away", async () => {
  await refuseEntry({ path: "./", type: "2", link: OUT }, "the root cannot be a symlink");
  await refuseEntry({ path: ".", type: "0" }, "the root cannot be a file");
  await refuseEntry({ path: "/", type: "1", link: "x" }, "the root cannot be a hardlink");
});

test("hostile: paths that lead nowhere", async () => {
  await refuseEntry({ path: "f/x" }, "a part of its path is no directory", [{ path: "f" }]);
  await refuseEntry({ path: "f/x/" }, "a part of its path is no directory", [{ path: "f", type: "6" }]);
  await refuseEntry({ path: "a/x" }, "too many symbolic links", [
    { path: "a", link: "b" },
    { path: "b", link: "a" },
  ]);
  const chain = Array.from({ length: 60 }, (_, i) => ({ path: `l${i}`, link: `l${i + 1}` }));
  await refuseEntry({ path: "l0/x" }, "too many symbolic links", chain);
  await refuseEntry({ path: "self/x" }, "too many symbolic links", [{ path: "self", link: "self/deeper" }]);
  await refuseEntry({ path: "l", type: "2" }, "a symbolic link to nothing");
});

test("hostile: names that are too long or have a NUL", async () => {
  await refuseEntry({ path: "n".repeat(256) }, "the last part of its name has 256 bytes");
  await refuseEntry({ path: `${"n".repeat(256)}/x` }, "its name is too long");
  await refuseEntry({ path: "d/".repeat(2100) }, "its name has 4200 bytes");
  await refuseEntry({ path: "l", link: "x".repeat(5000) }, "its name is too long");
  await refuseEntry({ path: "f", pax: [["path", "a\0b"]] }, "its name has a NUL");
  await refuseEntry({ path: "f", pax: [["path", `${OUT}/file\0`]] }, "its name has a NUL");
});

test("hostile: what an error says of a name cannot move a terminal's cursor", async () => {
  const err = await refuse(newPath(), [[{ path: "../\x1b[2J\nx\xff" }]]);
  expect(err).toContain('at entry "../\\x1b[2J\\x0axÿ"');
});

test("hostile: kinds and numbers that no file has", async () => {
  await refuseEntry({ path: "f", type: "V" }, 'it is of the type "V"');
  await refuseEntry({ path: "f", fields: { uid: base256(4_294_967_295, 8) } }, "its uid 4294967295 is out of range");
  await refuseEntry({ path: "d", type: "3", fields: { major: octal(4096, 8) } }, "its device number 4096:0 is out of range");
  await refuseEntry({ path: "f", mtime: "1e9" }, "its mtime is no number");
  await refuseEntry({ path: "f", fields: { size: base256(2 ** 52, 12) } }, "the archive ends in the middle of this entry");
  const huge: Member = {
    path: "f",
    content: "x",
    pax: [
      ["GNU.sparse.size", String(2 ** 53 - 1)],
      ["GNU.sparse.map", "0,1"],
    ],
  };
  expect(await refuse(newPath(), [[huge]])).toMatch(/cannot set the size of "f": ftruncate: (EFBIG|EINVAL)/);
});

test("hostile: extended attributes that no file can have", async () => {
  const attribute = (name: string, value: string | Buffer) => refuse(newPath(), [[{ path: "f", xattrs: { [name]: value } }]]);
  expect(await attribute("user.big", Buffer.alloc(65_537))).toContain('its extended attribute "user.big" is too large');
  expect(await attribute("user.filesystem", Buffer.alloc(65_536))).toMatch(/cannot set the extended attribute "user.filesystem" of "f": setxattr: ENOSPC/);
  expect(await attribute(`user.${"n".repeat(300)}`, "x")).toMatch(/setxattr: (ERANGE|EINVAL)/);
  expect(await attribute("security.capability", "no capabilities")).toMatch(/setxattr: EINVAL/);
});

test("hostile: headers that are broken name the entry before", async () => {
  const bad = Buffer.from(member({ path: "bad" }));
  bad[0] = 1;
  const err = await refuse(newPath(), { layers: [{ archive: Buffer.concat([member({ path: "good" }), bad, END]) }] });
  expect(err).toContain("the entry after this one: the checksum of its header is wrong");
  expect(err).toContain('at entry "good"');
  expect(await refuse(newPath(), { layers: [{ archive: Buffer.alloc(2048, "garbage") }] })).toContain("the first entry: ");
});

test("hostile: blobs that are not what their descriptors say", async () => {
  const members = [{ path: "f", content: Buffer.alloc(50_000, "content") }];
  const bytes = archive(members);
  const layer = (one: object): ImageSpec => ({ layers: [{ members: [{ path: "before" }] }, { members, ...one }] });
  const other = `sha256:${"0".repeat(64)}`;
  expect(await refuse(newPath(), layer({ diffId: other }))).toContain("the layer unpacks to sha256:");
  expect(await refuse(newPath(), layer({ descriptor: { size: 17 } }))).toContain("its descriptor says 17");
  expect(await refuse(newPath(), layer({ descriptor: { digest: other } }))).toContain(`at ${other}`);
  expect(await refuse(newPath(), layer({ descriptor: { digest: "sha256:../../../canary/file" } }))).toContain("/layers/1/digest: must match pattern");
  expect(await refuse(newPath(), layer({ descriptor: { digest: "md5:00" } }))).toContain("unknown algorithm");
  expect(await refuse(newPath(), layer({ blob: compress(bytes, "gzip").subarray(0, -20), diffId: digestOf(bytes) }))).toContain("its gzip stream is cut off");
  expect(await refuse(newPath(), layer({ blob: compress(bytes, "zstd").subarray(0, -20), compression: "zstd", diffId: digestOf(bytes) }))).toContain(
    "is cut off",
  );
  expect(await refuse(newPath(), layer({ archive: bytes.subarray(0, 20_000), compression: "none" }))).toContain("the archive ends in the middle of this entry");
  expect(await refuse(newPath(), layer({ descriptor: { mediaType: "application/x-iso9660" } }))).toContain("no layer of a filesystem");
});

test("hostile: a blob that was changed after it was written is noticed, at whichever byte", async () => {
  const folder = newPath();
  mkdirSync(folder);
  const layout = makeLayout(`${folder}/layout`, { layers: [{ members: [{ path: "f", content: Buffer.alloc(3000, "x") }], compression: "none" }] });
  const manifest = JSON.parse(
    readFileSync(`${layout}/blobs/sha256/${JSON.parse(readFileSync(`${layout}/index.json`, "utf8")).manifests[0].digest.slice(7)}`, "utf8"),
  );
  const path = `${layout}/blobs/sha256/${manifest.layers[0].digest.slice(7)}`;
  const bytes = readFileSync(path);
  // Header, content, padding, the zeros at the end.
  for (const at of [0, 257, 600, 3600, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    const { code, err } = await image("unpack", "--image", layout, `${folder}/bundle`);
    expect([code, err]).toEqual([1, `tsrun: the blob's digest is ${digestOf(changed)}\n  at ${manifest.layers[0].digest}\n`]);
    expect(existsSync(`${folder}/bundle`)).toBe(false);
  }
});

test("hostile: indexes in indexes without end, and manifests that are none", async () => {
  const layout = newPath("layout");
  mkdirSync(layout);
  let descriptor = writeImage(layout, { layers: [[{ path: "f" }]] });
  for (let i = 0; i < 10; i++) descriptor = writeJson(layout, { schemaVersion: 2, manifests: [{ ...descriptor, platform: HOST }] }, INDEX);
  addToIndex(layout, descriptor);
  const { code, err } = await image("unpack", "--image", layout, newPath());
  expect([code, err.split("\n")[0]]).toEqual([1, "tsrun: indexes are nested more than 8 deep"]);
  for (const manifest of [
    { layers: "none" },
    { schemaVersion: 1 },
    { config: { mediaType: "application/vnd.oci.empty.v1+json", digest: `sha256:${"1".repeat(64)}`, size: 2 } },
  ])
    expect(await refuse(newPath(), { layers: [[{ path: "f" }]], manifest })).toMatch(/^tsrun: .*\n {2}at sha256:/);
});

test("hostile: a document that is manifest and index at once", async () => {
  const manifest = writeImage(newPath("other"), { layers: [] });
  const spec = { layers: [[{ path: "f" }]] };
  expect(await refuse(newPath(), { ...spec, manifest: { manifests: [manifest] } })).toContain('it is manifest and index at once: it has "manifests" as well');
  for (const [name, value] of [
    ["layers", []],
    ["config", { digest: "x" }],
  ] as const) {
    const layout = newPath("layout");
    mkdirSync(layout);
    const descriptor = writeImage(layout, spec);
    addToIndex(layout, writeJson(layout, { schemaVersion: 2, manifests: [{ ...descriptor, platform: HOST }], [name]: value }, INDEX));
    const { code, err } = await image("unpack", "--image", layout, newPath());
    expect([code, err.split("\n")[0]]).toEqual([1, `tsrun: it is manifest and index at once: it has "${name}" as well`]);
  }
});

// --- bombs ---

test("bomb: a gigabyte of zeros in one file takes no memory, and a limit stops it", async () => {
  const size = 2 ** 30;
  const part = gzipSync(Buffer.alloc(1 << 24));
  const head = header({
    name: "zeros",
    size: octal(size, 12),
    type: "0",
    mode: octal(0o644, 8),
    uid: octal(0, 8),
    gid: octal(0, 8),
    mtime: octal(0, 12),
    magic: USTAR,
  });
  const blob = Buffer.concat([gzipSync(head), ...Array.from({ length: 64 }, () => part), gzipSync(END)]);
  const hash = new Bun.CryptoHasher("sha256").update(head);
  const zeros = Buffer.alloc(1 << 24);
  for (let i = 0; i < 64; i++) hash.update(zeros);
  const spec = { layers: [{ blob, diffId: `sha256:${hash.update(END).digest("hex")}` }] };
  const layout = makeLayout(newPath(), spec);
  const bundle = newPath();
  const { code, err, megabytes } = await imageWithPeak(newPath(), "unpack", "--image", layout, "--quiet", bundle);
  expect([code, err]).toEqual([0, ""]);
  expect(statSync(`${bundle}/rootfs/zeros`).size).toBe(size);
  expect(megabytes).toBeLessThan(MOST_MEGABYTES);
  expect(await refuse(newPath(), spec, "--max-size", "100M")).toContain("the layers unpack to more than 104857600 bytes");
});

test("bomb: a million entries take no memory, and a limit stops them", async () => {
  // Each member of the gzip stream has ten thousand of them; what they hide is not there.
  const part = Buffer.concat(Array.from({ length: 10_000 }, (_, i) => member({ path: `.wh.n${i}` })));
  const packed = gzipSync(part, { level: 1 });
  const hash = new Bun.CryptoHasher("sha256");
  for (let i = 0; i < 100; i++) hash.update(part);
  const blob = Buffer.concat([...Array.from({ length: 100 }, () => packed), gzipSync(END)]);
  const spec = { layers: [{ members: [{ path: "f" }] }, { blob, diffId: `sha256:${hash.update(END).digest("hex")}` }] };
  const layout = makeLayout(newPath(), spec);
  const bundle = newPath();
  const { code, err, megabytes } = await imageWithPeak(newPath(), "unpack", "--image", layout, "--quiet", bundle);
  expect([code, err]).toEqual([0, ""]);
  expect(readdirSync(`${bundle}/rootfs`)).toEqual(["f"]);
  expect(megabytes).toBeLessThan(MOST_MEGABYTES);
  expect(await refuse(newPath(), spec, "--max-entries", "5000")).toContain("the layers have more than 5000 entries");
});

test("bomb: extended headers that are large, and many, do not add up", async () => {
  const junk = (i: number) => Buffer.alloc(900_000, `${i}`);
  const members = Array.from(
    { length: 300 },
    (_, i): Member => ({
      path: `d${i}/f`,
      pax: [
        ["path", `d${i}/${"x".repeat(100)}`],
        ["comment", junk(i)],
      ],
    }),
  );
  const layout = makeLayout(newPath(), { layers: [members] });
  const { code, err, megabytes } = await imageWithPeak(newPath(), "unpack", "--image", layout, "--quiet", newPath());
  expect([code, err]).toEqual([0, ""]);
  expect(megabytes).toBeLessThan(MOST_MEGABYTES);
});

test("bomb: directories deeper than any path, by links; they can be replaced, and are removed again", async () => {
  const step = "a/".repeat(1900);
  const layer: Member[] = [];
  for (let i = 0; i < 2; i++) {
    const up = i === 0 ? "" : `l${i - 1}/`;
    layer.push({ path: `${up}${step}b` }, { path: `l${i}`, link: `${up}${step.slice(0, -1)}` });
  }
  const { rootfs } = await unpack(newPathInMemory(), layer, [{ path: "a", content: "a file now" }, { path: "l0" }]);
  expect(statSync(`${rootfs}/a`).isFile()).toBe(true);
  expect(await refuse(newPathInMemory(), [[...layer, { path: "../x" }]])).toContain('its name has a ".."');
  const hidden = await unpack(newPathInMemory(), layer, [{ path: ".wh.a" }]);
  expect(existsSync(`${hidden.rootfs}/a`)).toBe(false);
});

// --- the config's side ---

test("hostile: /etc/passwd of the image is looked up in the image", async () => {
  const folder = newPath();
  mkdirSync(folder);
  writeFileSync(`${folder}/passwd`, "ghost:x:7:7::/:\n");
  for (const link of ["../../../passwd", `${folder}/passwd`]) {
    const err = await refuse(newPath(), { layers: [[{ path: "etc/passwd", link }]], config: { User: "ghost" } });
    expect(err).toContain('/etc/passwd has no user "ghost"');
  }
  const inside = await unpackSpec(newPath(), {
    layers: [
      [
        { path: "etc/passwd", link: "/../usr/passwd" },
        { path: "usr/passwd", content: "ghost:x:7:8::/home:\n" },
      ],
    ],
    config: { User: "ghost" },
  });
  expect(JSON.parse(readFileSync(`${inside.bundle}/config.json`, "utf8")).process.user).toEqual({ uid: 7, gid: 8, additionalGids: [] });
});

test("hostile: an /etc/passwd that is a FIFO or a device is not opened", async () => {
  for (const one of [{ type: "6" }, { type: "3", major: 4, minor: 64 }, { type: "5" }]) {
    const { code, err } = await unpackSpec(newPath(), { layers: [[{ path: "etc/passwd", ...one }]], config: { User: "5" } });
    expect([code, err]).toEqual([0, ""]);
    expect(await refuse(newPath(), { layers: [[{ path: "etc/passwd", ...one }]], config: { User: "who" } })).toContain('no user "who"');
  }
});

test("hostile: a bundle that is a link, or in a directory that is closed", async () => {
  const folder = newPath();
  mkdirSync(folder);
  const layout = makeLayout(`${folder}/layout`, { layers: [[{ path: "f" }]] });
  writeFileSync(`${folder}/file`, "");
  const { code, err } = await image("unpack", "--image", layout, `${folder}/file`);
  expect(code).toBe(1);
  expect(err).toContain("EEXIST");
  chmodSync(folder, 0o755);
});
