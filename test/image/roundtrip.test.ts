// Image -> bundle -> image, side by side with umoci: both unpack the same tree, each unpacks what the other repacked, and skopeo and GNU
// tar read what we wrote.
/// <reference types="bun" />
import { expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { asUser, NOBODY } from "../helpers/as-user.ts";
import type { Member } from "./helpers/archive.ts";
import { type Compression, type ImageSpec, makeLayout } from "./helpers/layout.ts";
import { blobFile, readIndex, readNamed, temporariesOf } from "./helpers/read.ts";
import { scratch } from "./helpers/scratch.ts";
import { imageOk, ok, TOOL_ARGV } from "./helpers/tool.ts";
import { type Facts, treeOf } from "./helpers/tree.ts";

setDefaultTimeout(60_000);
const newPath = scratch();
const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex");
const BYTES = Buffer.from([0x62, 0xff, 0xfe, 0x0a, 0x63]);
const LONG = "long-name-".repeat(20);
const DEEP = `${LONG}/${LONG}/${LONG}`;

/** A system in small: links of all kinds, modes, owners, times. */
const SYSTEM: readonly Member[] = [
  { path: "./", mode: 0o755, mtime: 1_600_000_000 },
  { path: "bin", link: "usr/bin" },
  { path: "etc/", mtime: 1_600_000_001.25 },
  { path: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\n", mtime: "1600000002.123456789" },
  { path: "etc/shadow", content: "root:*\n", mode: 0o640, gid: 42 },
  { path: "etc/mtab", link: "/proc/mounts" },
  { path: "old", content: "before 1970", mtime: "-1.5" },
  { path: "tmp/", mode: 0o1777 },
  { path: "usr/" },
  { path: "usr/bin/" },
  { path: "usr/bin/busybox", content: "#!", mode: 0o755 },
  { path: "usr/bin/sh", type: "1", link: "usr/bin/busybox" },
  { path: "usr/bin/su", content: "su", mode: 0o4755 },
  { path: "usr/bin/wall", content: "wall", mode: 0o2755, gid: 5 },
  { path: "usr/share/", mode: 0o2775, uid: 1000, gid: 50 },
  { path: "usr/share/big-owner", content: "x", uid: 3_000_000, gid: 4_000_000 },
  { path: "var/" },
  { path: "var/link-of-user", link: "nowhere", uid: 7, gid: 8 },
  { path: "var/log/" },
  { path: "var/log/a", content: "a" },
  { path: "var/log/b", content: "b" },
  { path: "var/log/old/" },
  { path: "var/log/old/1", content: "1" },
  { path: "var/log/old/2", content: "2" },
];

/** What archives can have beyond that. */
const SPECIAL: readonly Member[] = [
  { path: "dev/" },
  { path: "dev/null", type: "3", mode: 0o666, major: 1, minor: 3 },
  { path: "dev/disk", type: "4", mode: 0o660, gid: 6, major: 259, minor: 70_000 },
  { path: "dev/pipe", type: "6", mode: 0o600 },
  {
    path: "ping",
    content: "ping",
    mode: 0o755,
    xattrs: { "security.capability": CAPABILITY, "user.bytes": Buffer.from([0, 255, 61, 10]), "user.text": "text" },
  },
  { path: "folder/", xattrs: { "user.of-folder": "1", "trusted.one": "t" } },
  {
    path: "folder/acl",
    content: "acl",
    mode: 0o664,
    xattrs: { "system.posix_acl_access": Buffer.from("0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000400ffffffff", "hex") },
  },
  { path: BYTES, content: "no text" },
  { path: Buffer.concat([Buffer.from(`${LONG}/`), BYTES]), content: "no text, and long" },
  { path: "to-bytes", link: BYTES },
  { path: DEEP, content: "deep" },
  { path: "to-deep", link: DEEP },
  { path: "hard-deep", type: "1", link: DEEP },
  { path: "empty", content: "" },
  {
    path: "sparse",
    content: Buffer.concat([Buffer.from("2\n1000000\n4\n5000000\n4\n".padEnd(512, "\0")), Buffer.from("headtail")]),
    pax: [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "sparse"],
      ["GNU.sparse.realsize", "9000000"],
    ],
  },
];

/** Upper layers: deletions of all kinds, kinds that change, links to lower layers. */
const UPPER: readonly Member[] = [
  { path: "etc/.wh.mtab" },
  { path: "etc/passwd", content: "root:x:0:0::/:/bin/sh\nnew\n" },
  { path: "tmp", content: "a file now" },
  { path: "old/", mode: 0o700 },
  { path: "old/inside", content: "a directory now" },
  { path: "usr/bin/ash", type: "1", link: "usr/bin/busybox" },
  { path: "var/log/" },
  { path: "var/log/.wh..wh..opq" },
  { path: "var/log/b", content: "b again" },
  { path: "bin/through-link", content: "in usr/bin" },
];
const TOP: readonly Member[] = [
  { path: ".wh.old" },
  { path: "old", link: "tmp" },
  { path: "usr/bin/.wh.su" },
  { path: "usr/bin/sh", content: "no link any more", mode: 0o755 },
  { path: "var/log/", mode: 0o750, uid: 3 },
];

const IMAGES: Readonly<Record<string, readonly (readonly Member[])[]>> = {
  "no layer": [],
  "one layer": [SYSTEM],
  "special files": [SYSTEM, SPECIAL],
  "three layers": [SYSTEM, UPPER, TOP],
  "all of it": [SYSTEM, SPECIAL, UPPER, TOP],
};

const start = Date.now() / 1000;

/** Directories that the archive has no entry of, only things in them: their time is that of the unpack. */
function settled(tree: Record<string, Facts>): Record<string, Facts> {
  return Object.fromEntries(Object.entries(tree).map(([name, facts]) => [name, Number(facts.mtime) >= start ? { ...facts, mtime: "now" } : facts]));
}

/** As umoci 0.4.7 unpacks it: the root has the time of the last change when the last layer has no entry of it, though nothing says so. */
function asByUmoci(tree: Record<string, Facts>, layers: readonly (readonly Member[])[]): Record<string, Facts> {
  const root = tree["."];
  if (root === undefined || layers.length < 2) return settled(tree);
  return settled({ ...tree, ".": { ...root, mtime: "of the root" } });
}

function layoutOf(layers: readonly (readonly Member[])[], compression: Compression = "gzip", more: ImageSpec = {}): string {
  return makeLayout(newPath("layout"), { name: "a", layers: layers.map((members) => ({ members, compression })), ...more });
}

async function unpack(layout: string, name = "a"): Promise<string> {
  const bundle = newPath("bundle");
  await imageOk("unpack", "--image", `${layout}:${name}`, bundle);
  return bundle;
}

async function unpackByUmoci(layout: string, name = "a"): Promise<string> {
  const bundle = newPath("umoci");
  await ok("umoci", "unpack", "--image", `${layout}:${name}`, bundle);
  return bundle;
}

/** Changes of all kinds, the same in every tree. */
const CHANGES: Readonly<Record<string, string>> = {
  "new and changed files": `
    echo new >etc/new; echo more >>etc/passwd; mkdir -p srv/a/b; echo deep >srv/a/b/c; truncate -s 3M srv/hole; printf x | dd of=srv/hole bs=1 seek=2000000 conv=notrunc status=none
    touch -d @1234567890.987654321 srv/a/b/c srv/hole etc/new etc/passwd; touch -h -d @1500000000.5 srv/a/b srv/a srv etc .`,
  "metadata alone": `
    chmod 4711 usr/bin/wall; chown 12:34 usr/bin/busybox; touch -d @1000000000 etc/shadow; touch -h -d @1000000001.5 var/link-of-user; chown -h 9:9 var/link-of-user
    setfattr() { python3 -c 'import os,sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))' "$@"; }
    setfattr etc/shadow user.a 00ff3d; setfattr usr user.b 31; setfattr usr/bin/busybox security.capability 0100000200040000000000000000000000000000`,
  deletions: `rm etc/shadow usr/bin/wall; rm -r var/log; touch -h -d @1500000000 etc usr/bin var`,
  "kinds that change": `
    rm -r var/log; echo file >var/log; rm etc/shadow; mkdir etc/shadow; echo in >etc/shadow/in; rm usr/bin/wall; ln -s busybox usr/bin/wall
    touch -h -d @1500000000 var/log etc/shadow/in etc/shadow usr/bin/wall etc usr/bin var`,
  "a directory made again": `rm -r var/log; mkdir var/log; echo b >var/log/b; echo new >var/log/new; touch -d @1500000000 var/log/b var/log/new var/log var`,
  "hard links": `
    ln usr/bin/busybox usr/bin/ls; ln usr/bin/busybox etc/busybox; echo one >srv1; ln srv1 srv2; ln -s x link1; ln link1 link2
    touch -h -d @1500000000 srv1 link1 usr/bin etc .`,
  "special files": `
    mknod -m 640 node c 5 1; mknod block b 8 1; mkfifo -m 622 fifo; name=$(printf 'n\\377\\376\\nx'); echo bytes >"$name"; ln -s "$name" to-name
    long=$(printf 'l%.0s' $(seq 200)); mkdir -p $long/$long; echo long >$long/$long/$long; ln -s $long/$long/$long to-long; ln $long/$long/$long hard-long
    echo both >"$long/$long/$name"; ln -s "$long/$name" to-both; ln "$long/$long/$name" hard-both; touch -h -d @1500000000.25 "$long/$long/$name" to-both
    touch -h -d @1500000000.25 node block fifo "$name" to-name to-long $long/$long/$long $long/$long $long .`,
};

function change(root: string, script: string): void {
  execFileSync("bash", ["-e", "-c", script], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
}

for (const [title, layers] of Object.entries(IMAGES)) {
  test(`${title}: tsrun and umoci unpack the same tree`, async () => {
    const layout = layoutOf(layers);
    const ours = treeOf(`${await unpack(layout)}/rootfs`);
    const theirs = treeOf(`${await unpackByUmoci(layout)}/rootfs`);
    expect(asByUmoci(ours, layers)).toEqual(asByUmoci(theirs, layers));
  });
}

test("zstd and no compression unpack to what gzip does", async () => {
  const all = IMAGES["all of it"] ?? [];
  const expected = settled(treeOf(`${await unpack(layoutOf(all))}/rootfs`));
  expect(Object.keys(expected).length).toBeGreaterThan(30);
  for (const compression of ["zstd", "none"] as const) expect(settled(treeOf(`${await unpack(layoutOf(all, compression))}/rootfs`))).toEqual(expected);
});

for (const [title, script] of Object.entries(CHANGES)) {
  test(`${title}: what one repacks the other unpacks`, async () => {
    const layout = layoutOf([SYSTEM]);
    const bundle = await unpack(layout);
    change(`${bundle}/rootfs`, script);
    const changed = treeOf(`${bundle}/rootfs`);
    await imageOk("repack", "--image", `${layout}:ours`, bundle);
    expect(treeOf(`${await unpack(layout, "ours")}/rootfs`)).toEqual(changed);
    expect(treeOf(`${await unpackByUmoci(layout, "ours")}/rootfs`)).toEqual(changed);
    const umoci = await unpackByUmoci(layout);
    change(`${umoci}/rootfs`, script);
    await ok("umoci", "repack", "--image", `${layout}:theirs`, umoci);
    // Not the tree that it packed: umoci rounds times to the second.
    expect(treeOf(`${await unpack(layout, "theirs")}/rootfs`)).toEqual(treeOf(`${await unpackByUmoci(layout, "theirs")}/rootfs`));
    // Nothing is in the layer that has not changed, but for the directories on the way: GNU tar reads it without a complaint.
    const { manifest } = readNamed(layout, "ours");
    expect(manifest.layers).toHaveLength(2);
    const listing = execFileSync("sh", ["-c", 'gzip -dc <"$0" | tar -tv 2>&1', blobFile(layout, manifest.layers[1].digest)], { encoding: "latin1" });
    expect(listing.replaceAll("tar: Ignoring unknown extended header keyword 'hdrcharset'\n", "")).not.toContain("tar:");
    expect(temporariesOf(layout)).toEqual([]);
  });
}

test("all changes at once on an image with everything, for three layers on end, with each compression", async () => {
  const layout = layoutOf(IMAGES["special files"] ?? []);
  const bundle = await unpack(layout);
  const root = `${bundle}/rootfs`;
  for (const [step, [title, compression]] of (
    [
      ["new and changed files", "gzip"],
      ["hard links", "zstd"],
      ["metadata alone", "none"],
    ] as const
  ).entries()) {
    change(root, CHANGES[title] ?? "false");
    await imageOk("repack", "--image", `${layout}:step${step}`, "--compress", compression, "--refresh-bundle", bundle);
    expect(settled(treeOf(`${await unpack(layout, `step${step}`)}/rootfs`))).toEqual(settled(treeOf(root)));
  }
  const { manifest, config } = readNamed(layout, "step2");
  expect(manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType.replace(/.*tar/, "tar"))).toEqual([
    "tar+gzip",
    "tar+gzip",
    "tar+gzip",
    "tar+zstd",
    "tar",
  ]);
  expect(config.rootfs.diff_ids).toHaveLength(5);
  expect(config.history).toHaveLength(5);
});

test("skopeo copies what was repacked, and the copy is the same image", async () => {
  const layout = layoutOf(IMAGES["all of it"] ?? []);
  const bundle = await unpack(layout);
  change(`${bundle}/rootfs`, CHANGES["special files"] ?? "false");
  await imageOk("repack", "--image", `${layout}:new`, bundle);
  const copy = newPath("copy");
  await ok("skopeo", "copy", "--quiet", `oci:${layout}:new`, `oci:${copy}:new`);
  expect(readIndex(copy).manifests[0]?.digest).toBe(readNamed(layout, "new").descriptor.digest);
  expect(settled(treeOf(`${await unpack(copy, "new")}/rootfs`))).toEqual(settled(treeOf(`${bundle}/rootfs`)));
  const folder = newPath("dir");
  await ok("skopeo", "copy", "--quiet", `oci:${layout}:new`, `dir:${folder}`);
  expect(readdirSync(folder)).toContain("manifest.json");
  const docker = newPath("docker");
  await ok("skopeo", "copy", "--quiet", `oci:${layout}:new`, `docker-archive:${docker}:new:latest`);
  expect(execFileSync("tar", ["-tf", docker], { encoding: "utf8" })).toContain("manifest.json");
});

test("Podman's storage takes what was repacked, and gives the same layers back", async () => {
  const layout = layoutOf([SYSTEM]);
  const bundle = await unpack(layout);
  const root = `${bundle}/rootfs`;
  for (const title of ["new and changed files", "special files", "a directory made again", "hard links"]) change(root, CHANGES[title] ?? "false");
  await imageOk("repack", "--image", `${layout}:new`, "--compress", "zstd", bundle);
  const store = newPath("store");
  const reference = `containers-storage:[vfs@${store}/root+${store}/run]localhost/new:1`;
  await ok("skopeo", "copy", "--quiet", `oci:${layout}:new`, reference);
  const [layer = ""] = JSON.parse(readFileSync(`${store}/root/vfs-images/images.json`, "utf8")).map((one: { layer: string }) => one.layer);
  // It gives the root the present time, and takes no time before 1970.
  const [stored, expected] = [treeOf(`${store}/root/vfs/dir/${layer}`), treeOf(root)];
  for (const tree of [stored, expected]) for (const name of [".", "old"]) delete tree[name];
  expect(stored).toEqual(expected);
  // By tar-split: the archive as it came, down to its last byte.
  const copy = newPath("back");
  await ok("skopeo", "copy", "--quiet", reference, `oci:${copy}:new`);
  expect(readNamed(copy, "new").config.rootfs).toEqual(readNamed(layout, "new").config.rootfs);
});

test("rootless, as another user: owners survive, and umoci agrees", async () => {
  const layout = layoutOf([SYSTEM, UPPER]);
  const folder = newPath("user");
  mkdirSync(folder);
  const user = [...asUser(NOBODY), "env", `HOME=${folder}`];
  execFileSync("cp", ["-a", layout, `${folder}/layout`]);
  execFileSync("chown", ["-R", `${NOBODY}:${NOBODY}`, folder]);
  // The scratch directory is root's alone.
  for (let path = folder; path !== "/tmp"; path = path.slice(0, path.lastIndexOf("/"))) chmodSync(path, statSync(path).mode | 0o711);
  await ok(...user, ...TOOL_ARGV, "unpack", "--rootless", "--image", `${folder}/layout:a`, `${folder}/ours`);
  await ok(...user, "umoci", "unpack", "--rootless", "--image", `${folder}/layout:a`, `${folder}/theirs`);
  expect(treeOf(`${folder}/ours/rootfs`)).toEqual(treeOf(`${folder}/theirs/rootfs`));
  // Not a byte has changed.
  expect(await ok(...user, ...TOOL_ARGV, "repack", "--image", `${folder}/layout:same`, `${folder}/ours`)).toContain("nothing has changed");
  const script = `echo new >>etc/shadow; echo root >etc/mine; chmod 0 etc/mine; mkdir closed; echo in >closed/in; chmod 0 closed; rm usr/bin/wall
    touch -d @1500000000.5 etc/shadow etc/mine; touch -d @1500000000 closed etc usr/bin .`;
  await ok(...user, "sh", "-ec", `cd ${folder}/ours/rootfs; ${script}`);
  await ok(...user, ...TOOL_ARGV, "repack", "--image", `${folder}/layout:ours`, `${folder}/ours`);
  expect(statSync(`${folder}/ours/rootfs/closed`).mode & 0o7777).toBe(0);
  const tree = treeOf(`${await unpack(`${folder}/layout`, "ours")}/rootfs`);
  expect(tree["etc/shadow"]).toMatchObject({ owner: "0:42", mode: "640", mtime: "1500000000.500000000" });
  expect(tree["etc/mine"]).toMatchObject({ owner: "0:0", mode: "0" });
  expect(tree["closed/in"]).toMatchObject({ owner: "0:0", size: 3 });
  expect(tree["usr/share"]).toMatchObject({ owner: "1000:50", mode: "2775" });
  expect(tree["usr/bin/wall"]).toBeUndefined();
  expect(treeOf(`${await unpackByUmoci(`${folder}/layout`, "ours")}/rootfs`)).toEqual(tree);
  rmSync(folder, { recursive: true });
});
