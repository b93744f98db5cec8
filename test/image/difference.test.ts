// What has changed in a bundle's root filesystem, and the layer that says so. The layers are read by GNU tar and by our reader.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { ImageError } from "../../src/image/errors.ts";
import { packDifference } from "../../src/image/layer/difference.ts";
import { openLayer } from "../../src/image/layer/source.ts";
import { openImage } from "../../src/image/layout/image.ts";
import { Layout } from "../../src/image/layout/layout.ts";
import { withWriter } from "../../src/image/layout/writer.ts";
import { native } from "../../src/image/native.ts";
import { setQuiet } from "../../src/image/progress.ts";
import type { Raw } from "../../src/image/raw.ts";
import type { Compression } from "../../src/image/spec/media-types.ts";
import type { Entry } from "../../src/image/tar/entry.ts";
import { ArchiveReader } from "../../src/image/tar/reader.ts";
import { recordTree } from "../../src/image/tree/record.ts";
import { asUser, NOBODY } from "../helpers/as-user.ts";
import type { Member } from "./helpers/archive.ts";
import { archive } from "./helpers/archive.ts";
import { makeLayout } from "./helpers/layout.ts";
import { scratch } from "./helpers/scratch.ts";

setQuiet(true);
const newPath = scratch();

interface Bundle {
  readonly layout: string;
  readonly path: string;
  readonly root: string;
}

/** An image of these layers, unpacked by GNU tar (no whiteouts), and recorded. */
async function bundleOf(...layers: readonly (readonly Member[])[]): Promise<Bundle> {
  const layout = makeLayout(newPath("layout"), { layers, name: "a" });
  const path = newPath("bundle");
  const root = `${path}/rootfs`;
  mkdirSync(root, { recursive: true });
  for (const members of layers) execFileSync("tar", ["-xp", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", root], { input: archive(members) });
  const fd = native.open_root(root as Raw);
  await recordTree(path, fd);
  native.close(fd);
  return { layout, path, root };
}

interface Packed {
  readonly entries: readonly Entry[];
  readonly contents: ReadonlyMap<string, Buffer>;
  readonly mediaType: string;
}

interface Options {
  readonly masks?: readonly string[];
  readonly compression?: Compression;
  readonly isRootless?: boolean;
}

async function pack(
  { layout: path, path: bundle, root }: Bundle,
  { masks = [], compression = "none", isRootless = false }: Options = {},
): Promise<Packed | undefined> {
  const layout = await Layout.open(path);
  const image = await openImage(layout, "a", undefined);
  const rootFd = native.open_root(root as Raw);
  try {
    const layer = await withWriter(layout, (writer) =>
      packDifference(image, writer, {
        bundle,
        tree: root,
        rootFd,
        isRootless,
        compression,
        isMasked: (one) => masks.includes(one),
      }),
    );
    if (layer === undefined) return undefined;
    // Both digests are checked on the way.
    const reader = new ArchiveReader(openLayer(layout, layer.descriptor, layer.diffId));
    const entries: Entry[] = [];
    const contents = new Map<string, Buffer>();
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
      entries.push(entry);
      if (entry.kind === "file") contents.set(entry.path, Buffer.from(await reader.rest()));
    }
    await reader.drain();
    return { entries, contents, mediaType: layer.descriptor.mediaType };
  } finally {
    native.close(rootFd);
  }
}

/** "kind path" or "kind path -> link" of each entry. */
async function entriesOf(bundle: Bundle, options?: Options): Promise<string[]> {
  const packed = await pack(bundle, options);
  return (packed?.entries ?? []).map(({ kind, path, link }) => `${kind} ${path}${link === "" ? "" : ` -> ${link}`}`);
}

/** Sets the time of the directory above back, so that nothing but the change itself is seen. */
function quietly(path: string, change: () => void): void {
  const parent = path.slice(0, path.lastIndexOf("/"));
  const { atime, mtime } = statSync(parent);
  change();
  utimesSync(parent, atime, mtime);
}

const BASE: readonly Member[] = [
  { path: "etc/" },
  { path: "etc/passwd", content: "root:x:0:0\n", mode: 0o644 },
  { path: "etc/ssl/" },
  { path: "etc/ssl/certs/", mode: 0o2755, uid: 7, gid: 8 },
  { path: "etc/ssl/certs/a", content: "aaa" },
  { path: "etc/ssl/certs/b", content: "bbb" },
  { path: "usr/" },
  { path: "usr/bin/" },
  { path: "usr/bin/sh", content: "#!", mode: 0o755 },
  { path: "usr/bin/bash", link: "sh" },
  { path: "var/" },
  { path: "var/lib/" },
];

test("nothing has changed: no layer", async () => {
  const bundle = await bundleOf(BASE);
  expect(await pack(bundle)).toBeUndefined();
  expect(readdirSync(bundle.path).sort()).toEqual(["image.tree", "rootfs"]);
  expect(readdirSync(bundle.layout).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a changed file: with the directories that lead to it, as they are", async () => {
  const bundle = await bundleOf(BASE);
  writeFileSync(`${bundle.root}/etc/ssl/certs/a`, "new");
  chmodSync(`${bundle.root}/etc/ssl/certs/a`, 0o4711);
  chownSync(`${bundle.root}/etc/ssl/certs/a`, 12, 34);
  chmodSync(`${bundle.root}/etc/ssl/certs/a`, 0o4711);
  const packed = await pack(bundle);
  expect(packed?.entries.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    "directory etc/",
    "directory etc/ssl/",
    "directory etc/ssl/certs/",
    "file etc/ssl/certs/a",
  ]);
  expect(packed?.entries[2]).toMatchObject({ mode: 0o2755, uid: 7, gid: 8, mtime: { seconds: 1_700_000_000, nanoseconds: 0 } });
  expect(packed?.entries[3]).toMatchObject({ mode: 0o4711, uid: 12, gid: 34, size: 3 });
  expect(packed?.contents.get("etc/ssl/certs/a")?.toString()).toBe("new");
});

test("content of the same size and with the old time is seen", async () => {
  const bundle = await bundleOf(BASE);
  const path = `${bundle.root}/etc/passwd`;
  writeFileSync(path, "ROOT:x:0:0\n");
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  expect(await entriesOf(bundle)).toEqual(["directory etc/", "file etc/passwd"]);
});

test("a mode changed and changed back is no change; nor is a file copied over itself with all its attributes", async () => {
  const bundle = await bundleOf(BASE);
  chmodSync(`${bundle.root}/etc/passwd`, 0o600);
  chmodSync(`${bundle.root}/etc/passwd`, 0o644);
  const file = `${bundle.root}/usr/bin/sh`;
  quietly(file, () => {
    execFileSync("cp", ["-a", file, `${file}.new`]);
    renameSync(`${file}.new`, file);
  });
  expect(await pack(bundle)).toBeUndefined();
});

test("a copied bundle has not changed, and what changes in it is seen", async () => {
  const bundle = await bundleOf(
    [
      ...BASE,
      { path: "usr/bin/hard", type: "1", link: "usr/bin/sh" },
      { path: "usr/sparse", content: "" },
      { path: "lib/", mode: 0o755 },
      { path: "lib/one", content: "first" },
      { path: "link", link: "lib" },
    ],
    // A second layer, through a link and with "./".
    [
      { path: "./etc/passwd", content: "second" },
      { path: "link/two", content: "two" },
      { path: "./lib/one", content: "other" },
    ],
  );
  const copy = newPath("copy");
  execFileSync("cp", ["-a", bundle.path, copy]);
  const copied = { layout: bundle.layout, path: copy, root: `${copy}/rootfs` };
  expect(await pack(copied)).toBeUndefined();
  const path = `${copied.root}/lib/two`;
  writeFileSync(path, "TWO");
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  expect(await entriesOf(copied)).toEqual(["directory lib/", "file lib/two"]);
});

test("deleted files and directories are whited out once", async () => {
  const bundle = await bundleOf(BASE);
  quietly(`${bundle.root}/etc/passwd`, () => {
    unlinkSync(`${bundle.root}/etc/passwd`);
    rmSync(`${bundle.root}/etc/ssl`, { recursive: true });
  });
  const packed = await pack(bundle);
  expect(packed?.entries.map(({ kind, path, size }) => `${kind} ${path} ${size}`)).toEqual(["directory etc/ 0", "file etc/.wh.passwd 0", "file etc/.wh.ssl 0"]);
});

test("kinds that become others", async () => {
  const bundle = await bundleOf([
    ...BASE,
    { path: "a", content: "file" },
    { path: "b/" },
    { path: "b/c/" },
    { path: "b/c/d", content: "d" },
    { path: "e", link: "a" },
    { path: "z", content: "" },
  ]);
  const { root } = bundle;
  unlinkSync(`${root}/a`);
  mkdirSync(`${root}/a`);
  writeFileSync(`${root}/a/new`, "x");
  rmSync(`${root}/b`, { recursive: true });
  writeFileSync(`${root}/b`, "now a file");
  unlinkSync(`${root}/e`);
  mkdirSync(`${root}/e`);
  unlinkSync(`${root}/z`);
  execFileSync("mkfifo", [`${root}/z`]);
  expect(await entriesOf(bundle)).toEqual(["directory ./", "directory a/", "file a/new", "file b", "directory e/", "fifo z"]);
});

test("a directory that was removed and made again: what was in it is whited out", async () => {
  const bundle = await bundleOf(BASE);
  rmSync(`${bundle.root}/etc/ssl/certs`, { recursive: true });
  mkdirSync(`${bundle.root}/etc/ssl/certs`);
  writeFileSync(`${bundle.root}/etc/ssl/certs/b`, "another");
  writeFileSync(`${bundle.root}/etc/ssl/certs/c`, "new");
  expect(await entriesOf(bundle)).toEqual([
    "directory etc/",
    "directory etc/ssl/",
    "directory etc/ssl/certs/",
    "file etc/ssl/certs/.wh.a",
    "file etc/ssl/certs/b",
    "file etc/ssl/certs/c",
  ]);
});

test("links, devices, fifos, extended attributes, holes and names that are no text", async () => {
  const bundle = await bundleOf(BASE);
  const { root } = bundle;
  symlinkSync("../bin", `${root}/usr/link`);
  execFileSync("mknod", ["-m", "0640", `${root}/var/null`, "c", "1", "3"]);
  execFileSync("mknod", [`${root}/var/disk`, "b", "259", "70000"]);
  execFileSync("mkfifo", ["-m", "0600", `${root}/var/pipe`]);
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
  writeFileSync(`${root}/usr/bin/ping`, "ping", { mode: 0o755 });
  for (const [name, value] of [
    ["user.bytes", Buffer.from([0, 255, 10, 61])],
    ["security.capability", capability],
    ["user.empty", Buffer.alloc(0)],
  ] as const)
    execFileSync("python3", [
      "-c",
      "import os,sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))",
      `${root}/usr/bin/ping`,
      name,
      value.toString("hex"),
    ]);
  const fd = openSync(`${root}/var/sparse`, "w");
  writeSync(fd, "head", 0);
  writeSync(fd, "tail", 3_000_000);
  closeSync(fd);
  truncateSync(`${root}/var/sparse`, 5_000_000);
  execFileSync("python3", ["-c", "import os,sys; os.close(os.open(sys.argv[1].encode() + b'/\\xff\\xfe', os.O_CREAT | os.O_WRONLY))", root]);
  const packed = await pack(bundle);
  const found = new Map(packed?.entries.map((entry) => [entry.path as string, entry]));
  expect(found.get("usr/link")).toMatchObject({ kind: "symlink", link: "../bin" });
  expect(found.get("var/null")).toMatchObject({ kind: "character", major: 1, minor: 3, mode: 0o640 });
  expect(found.get("var/disk")).toMatchObject({ kind: "block", major: 259, minor: 70000 });
  expect(found.get("var/pipe")).toMatchObject({ kind: "fifo", mode: 0o600 });
  const xattrs = found.get("usr/bin/ping")?.xattrs as ReadonlyMap<string, Uint8Array>;
  expect(Buffer.from(xattrs.get("security.capability") ?? [])).toEqual(capability);
  expect(Buffer.from(xattrs.get("user.bytes") ?? [])).toEqual(Buffer.from([0, 255, 10, 61]));
  expect(found.has("\xff\xfe")).toBe(true);
  const sparse = packed?.contents.get("var/sparse") ?? Buffer.alloc(0);
  expect(createHash("sha256").update(sparse).digest("hex")).toBe(
    createHash("sha256")
      .update(readFileSync(`${root}/var/sparse`))
      .digest("hex"),
  );
  const { mtimeNs } = lstatSync(`${root}/usr/link`, { bigint: true });
  const { seconds = 0, nanoseconds = 0 } = found.get("usr/link")?.mtime ?? {};
  expect(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)).toBe(mtimeNs);
});

test("hard links: a new name brings the others along, a lost one does not", async () => {
  const members: Member[] = [...BASE, { path: "h/" }, { path: "h/a", content: "aa" }, { path: "h/b", type: "1", link: "h/a" }, { path: "h/z", content: "zz" }];
  const more = await bundleOf(members);
  linkSync(`${more.root}/h/b`, `${more.root}/etc/c`);
  expect(await entriesOf(more)).toEqual(["directory etc/", "file etc/c", "directory h/", "hardlink h/a -> etc/c", "hardlink h/b -> etc/c"]);
  const less = await bundleOf(members);
  quietly(`${less.root}/h/a`, () => unlinkSync(`${less.root}/h/a`));
  expect(await entriesOf(less)).toEqual(["directory h/", "file h/.wh.a"]);
  const changed = await bundleOf(members);
  writeFileSync(`${changed.root}/h/b`, "xx");
  expect(await entriesOf(changed)).toEqual(["directory h/", "file h/a", "hardlink h/b -> h/a"]);
});

test("hard links: names that change their group though nothing else changes", async () => {
  const same = { content: "same", mode: 0o644 };
  const members: Member[] = [...BASE, { path: "h/" }, { path: "h/a", ...same }, { path: "h/b", type: "1", link: "h/a" }, { path: "h/c", ...same }];
  // b leaves a: it is its own file from now on.
  const apart = await bundleOf(members);
  quietly(`${apart.root}/h/b`, () => {
    execFileSync("cp", ["-a", `${apart.root}/h/b`, `${apart.root}/h/new`]);
    renameSync(`${apart.root}/h/new`, `${apart.root}/h/b`);
  });
  expect(await entriesOf(apart)).toEqual(["directory h/", "file h/b"]);
  // c joins a and b.
  const joined = await bundleOf(members);
  quietly(`${joined.root}/h/c`, () => {
    unlinkSync(`${joined.root}/h/c`);
    linkSync(`${joined.root}/h/a`, `${joined.root}/h/c`);
  });
  expect(await entriesOf(joined)).toEqual(["directory h/", "file h/a", "hardlink h/b -> h/a", "hardlink h/c -> h/a"]);
});

test("sockets are left out; in place of a file they delete it", async () => {
  const bundle = await bundleOf(BASE);
  unlinkSync(`${bundle.root}/etc/passwd`);
  for (const path of ["etc/passwd", "var/socket"]) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${bundle.root}/${path}`, resolve));
    // Closing it would remove the file.
    execFileSync("ln", [`${bundle.root}/${path}`, `${bundle.root}/kept`]);
    await new Promise((resolve) => server.close(resolve));
    renameSync(`${bundle.root}/kept`, `${bundle.root}/${path}`);
  }
  const packed = await pack(bundle);
  expect(packed?.entries.map(({ kind, path }) => `${kind} ${path}`)).toEqual(["directory ./", "directory etc/", "file etc/.wh.passwd", "directory var/"]);
});

test("masked paths are as they were, and all below them", async () => {
  const bundle = await bundleOf(BASE);
  writeFileSync(`${bundle.root}/etc/ssl/certs/a`, "new");
  writeFileSync(`${bundle.root}/etc/ssl/new`, "new");
  writeFileSync(`${bundle.root}/etc/sslx`, "new");
  rmSync(`${bundle.root}/var/lib`, { recursive: true });
  expect(await entriesOf(bundle, { masks: ["etc/ssl", "var/lib"] })).toEqual(["directory etc/", "file etc/sslx", "directory var/"]);
  expect(await pack(bundle, { masks: [""] })).toBeUndefined();
});

test("a name that would be a whiteout is refused, not written", async () => {
  const bundle = await bundleOf(BASE);
  writeFileSync(`${bundle.root}/etc/.wh..wh..opq`, "");
  const error = await pack(bundle).then(
    () => undefined,
    (thrown: unknown) => thrown as ImageError,
  );
  expect(error).toBeInstanceOf(ImageError);
  expect(`${error?.code} ${error?.entry}`).toBe("TS7011 etc/.wh..wh..opq");
  expect(readdirSync(bundle.layout).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a mounted directory is left as the image has it", async () => {
  const bundle = await bundleOf(BASE);
  // A mount namespace of its own: nothing of it is left.
  const script = `mount -t tmpfs none "$1/etc/ssl" && touch "$1/etc/ssl/x" && exec "$2" -e '
    import { scanTree } from "./src/image/tree/scan.ts";
    import { native } from "./src/image/native.ts";
    const { records } = scanTree(native.open_root(process.argv[1]), "x");
    while (records.next()) if (records.path.startsWith("etc/ssl")) console.log(records.path, records.isMount);
  ' "$1"`;
  const out = execFileSync("unshare", ["-m", "--propagation", "private", "sh", "-c", script, "-", bundle.root, process.execPath], { encoding: "utf8" });
  expect(out).toBe("etc/ssl true\n");
});

test("gzip, zstd and no compression have the same archive; the same change makes the same blob", async () => {
  const bundle = await bundleOf(BASE);
  const content = Buffer.alloc(3_000_000, "some text that can be compressed\n");
  writeFileSync(`${bundle.root}/big`, content);
  for (const [compression, mediaType] of [
    ["none", "application/vnd.oci.image.layer.v1.tar"],
    ["gzip", "application/vnd.oci.image.layer.v1.tar+gzip"],
    ["zstd", "application/vnd.oci.image.layer.v1.tar+zstd"],
  ] as const) {
    const packed = await pack(bundle, { compression });
    expect(packed?.mediaType).toBe(mediaType);
    expect(packed?.contents.get("big")?.equals(content)).toBe(true);
  }
  const blobs = () => readdirSync(`${bundle.layout}/blobs/sha256`).sort();
  const before = blobs();
  await pack(bundle, { compression: "gzip" });
  expect(blobs()).toEqual(before);
  for (const name of before) {
    const path = `${bundle.layout}/blobs/sha256/${name}`;
    if (lstatSync(path).size > 10_000)
      expect(execFileSync("sh", ["-c", `(gzip -dc <"$0" || zstd -dc <"$0" || cat "$0") 2>/dev/null | tar -t`, path], { encoding: "utf8" })).toContain("big\n");
  }
});

test("owners of a rootless bundle come from the attribute", async () => {
  const bundle = await bundleOf(BASE);
  const set = "import os,sys; os.setxattr(sys.argv[1], 'user.rootlesscontainers', bytes.fromhex(sys.argv[2]))";
  for (const [name, value] of [
    ["both", "08e807106e"],
    ["uid", "0821"],
    ["group", "08ffffffff0f1022"],
  ]) {
    writeFileSync(`${bundle.root}/${name}`, "");
    chownSync(`${bundle.root}/${name}`, 1234, 1234);
    execFileSync("python3", ["-c", set, `${bundle.root}/${name}`, `${value}`]);
  }
  writeFileSync(`${bundle.root}/plain`, "");
  const packed = await pack(bundle, { isRootless: true });
  expect(packed?.entries.map(({ path, uid, gid, xattrs }) => `${path} ${uid}:${gid} ${xattrs.size}`)).toEqual([
    "./ 0:0 0",
    "both 1000:110 0",
    "group 0:34 0",
    "plain 0:0 0",
    "uid 33:0 0",
  ]);
  execFileSync("python3", ["-c", set, `${bundle.root}/plain`, "08ff"]);
  await expect(pack(bundle, { isRootless: true })).rejects.toThrow("user.rootlesscontainers is broken");
});

test("a name is never followed: links in the place of what was scanned lead nowhere", async () => {
  const bundle = await bundleOf(BASE);
  const outside = newPath("outside");
  mkdirSync(outside);
  writeFileSync(`${outside}/passwd`, "secret");
  rmSync(`${bundle.root}/etc`, { recursive: true });
  symlinkSync(outside, `${bundle.root}/etc`);
  symlinkSync(`${outside}/passwd`, `${bundle.root}/secret`);
  const fd = native.open_root(bundle.root as Raw);
  expect(native.open_entry(fd, "etc/passwd" as Raw)).toBe(-40);
  expect(native.open_entry(fd, "../../x" as Raw)).toBeLessThan(0);
  native.close(fd);
  const packed = await pack(bundle);
  expect(packed?.entries.map(({ kind, path, link }) => `${kind} ${path} ${link}`.trim())).toEqual([
    "directory ./",
    `symlink etc ${outside}`,
    `symlink secret ${outside}/passwd`,
  ]);
});

test("a broken record of the tree is refused", async () => {
  const bundle = await bundleOf(BASE);
  const path = `${bundle.path}/image.tree`;
  const good = readFileSync(path);
  const refusedAs = async (bytes: Uint8Array | undefined) => {
    if (bytes === undefined) rmSync(path);
    else writeFileSync(path, bytes);
    return pack(bundle).then(
      () => "packed",
      (error: unknown) => (error instanceof ImageError ? error.code : String(error)),
    );
  };
  expect(await refusedAs(good.subarray(0, good.length - 4))).toBe("TS7020");
  expect(await refusedAs(good.subarray(0, 200))).toBe("TS7020");
  expect(await refusedAs(Buffer.from("something else, and long enough"))).toBe("TS7020");
  expect(await refusedAs(Buffer.concat([good.subarray(0, 19), Buffer.from([255, 255, 255, 255])]))).toBe("TS7020");
  const length = Buffer.from(good);
  length.writeUInt32LE(1_000_000, 23);
  expect(await refusedAs(length)).toBe("TS7020");
  expect(await refusedAs(undefined)).toBe("TS7020");
  expect(existsSync(`${bundle.path}/.image.changes`)).toBe(false);
  expect(await refusedAs(good)).toBe("packed");
});

test("directories and files that are closed even to their owner are read, and closed again", async () => {
  const bundle = await bundleOf(BASE);
  const folder = mkdtempSync("/tmp/tsrun-image-user-");
  try {
    execFileSync("cp", ["-a", bundle.path, bundle.layout, folder]);
    execFileSync("chown", ["-R", "65534:65534", folder]);
    const [layout = "", path = ""] = readdirSync(folder)
      .sort((a, b) => b.localeCompare(a))
      .map((name) => `${folder}/${name}`);
    const script = `
      import { chmodSync, writeFileSync, mkdirSync } from "node:fs";
      import { native } from "./src/image/native.ts";
      import { scanTree, HeldEntry } from "./src/image/tree/scan.ts";
      const root = process.argv[1];
      mkdirSync(root + "/closed/deep", { recursive: true });
      writeFileSync(root + "/closed/deep/file", "content");
      chmodSync(root + "/closed/deep/file", 0);
      chmodSync(root + "/closed/deep", 0o600);
      chmodSync(root + "/closed", 0);
      const fd = native.open_root(root);
      const scan = scanTree(fd, root);
      const modes = () => { const out = []; while (scan.records.next()) if (scan.records.path.startsWith("closed")) out.push(scan.records.path + " " + scan.records.entry().mode.toString(8)); return out; };
      console.log(modes().join(","));
      scan.close();
      const held = HeldEntry.open(fd, root, "closed/deep/file");
      const content = held.openContent();
      console.log((await import("node:fs")).readFileSync(content, "utf8"));
    `;
    const [setpriv = "", ...words] = asUser(NOBODY);
    const out = execFileSync(setpriv, [...words, process.execPath, "-e", script, `${path}/rootfs`], { encoding: "utf8" });
    expect(out).toBe("closed 0,closed/deep 600,closed/deep/file 0\ncontent\n");
    expect(statSync(`${path}/rootfs/closed`).mode & 0o7777).toBe(0);
    expect(statSync(`${path}/rootfs/closed/deep`).mode & 0o7777).toBe(0o600);
    expect(statSync(`${path}/rootfs/closed/deep/file`).mode & 0o7777).toBe(0);
    expect(existsSync(layout)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
