// repack: its options, what it writes into layout and bundle, and what it refuses.
/// <reference types="bun" />
import { expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Member } from "./helpers/archive.ts";
import { addToIndex, HOST, type ImageSpec, makeLayout, writeImage, writeJson } from "./helpers/layout.ts";
import { imageWithPeak, MOST_MEGABYTES } from "./helpers/peak.ts";
import { blobFile, blobsOf, INDEX, LAYER, namesOf, readImage, readIndex, readJson, readNamed, temporariesOf } from "./helpers/read.ts";
import { scratch } from "./helpers/scratch.ts";
import { image, imageOk, ok, run, TOOL_ARGV } from "./helpers/tool.ts";

setDefaultTimeout(60_000);
const newPath = scratch();
/** Where thousands of files take no time. */
const newPathInMemory = scratch("/dev/shm");
const BASE: readonly Member[] = [
  { path: "./" },
  { path: "data/" },
  { path: "data/kept", content: "kept" },
  { path: "etc/" },
  { path: "etc/file", content: "file" },
];

async function bundleOf(spec: ImageSpec = {}, path = newPath): Promise<{ readonly layout: string; readonly bundle: string; readonly root: string }> {
  const layout = makeLayout(path("layout"), { name: "a", layers: [BASE], ...spec });
  const bundle = path("bundle");
  await imageOk("unpack", "--image", `${layout}:a`, bundle);
  return { layout, bundle, root: `${bundle}/rootfs` };
}

/** Names in the last layer of this image. */
function lastLayer(layout: string, name: string): string[] {
  const { manifest } = readNamed(layout, name);
  const { digest, mediaType } = manifest.layers.at(-1);
  const command = mediaType === LAYER ? "cat" : mediaType.endsWith("gzip") ? "gzip -dc" : "zstd -dc";
  return execFileSync("sh", ["-c", `${command} <"$0" | tar -t`, blobFile(layout, digest)], { encoding: "utf8" })
    .trim()
    .split("\n");
}

test("a new layer: manifest, config and history go on from the old image, which stays", async () => {
  const { layout, bundle, root } = await bundleOf({
    properties: { author: "somebody" },
    config: { Env: ["A=b"], Labels: { l: "1" } },
    manifest: { annotations: { note: "kept" } },
  });
  const before = readNamed(layout, "a");
  writeFileSync(`${root}/etc/new`, "new");
  expect(await imageOk("repack", "--image", `${layout}:b`, bundle)).toMatch(/^layer sha256:[0-9a-f]{64}, \d+ B\n$/);
  expect(namesOf(layout)).toEqual(["a", "b"]);
  const { manifest, config } = readNamed(layout, "b");
  expect(manifest).toMatchObject({ schemaVersion: 2, annotations: { note: "kept" } });
  expect(manifest.layers[0]).toEqual(before.manifest.layers[0]);
  expect(manifest.layers[1].mediaType).toBe(`${LAYER}+gzip`);
  expect(config).toMatchObject({ author: "somebody", config: { Env: ["A=b"], Labels: { l: "1" } } });
  expect(config.history[1]).toMatchObject({ created_by: "tsrun image repack", author: "somebody", created: config.created });
  expect(config.history[1].empty_layer).toBeUndefined();
  expect(Math.abs(Date.parse(config.created) - Date.now())).toBeLessThan(600_000);
  expect(lastLayer(layout, "b")).toEqual(["etc/", "etc/new"]);
  expect(readNamed(layout, "a")).toEqual(before);
  await imageOk("ls", layout);
  expect(await ok("umoci", "ls", "--layout", layout)).toBe("a\nb\n");
  expect(temporariesOf(layout)).toEqual([]);
  expect(readdirSync(bundle).sort()).toEqual(["config.json", "image.json", "image.tree", "rootfs"]);
});

test("the name: latest when there is none, and one that is taken is moved", async () => {
  const { layout, bundle, root } = await bundleOf();
  writeFileSync(`${root}/new`, "1");
  await imageOk("repack", "--image", layout, bundle);
  expect(namesOf(layout)).toEqual(["a", "latest"]);
  await imageOk("repack", "--image", `${layout}:a`, bundle);
  expect(namesOf(layout)).toEqual(["a", "latest"]);
  expect(readNamed(layout, "a").manifest.layers).toHaveLength(2);
  const { code, err } = await image("repack", "--image", `${layout}:not..valid`, bundle);
  expect(err).toContain('"not..valid" is no valid name');
  expect(code).toBe(1);
});

test("nothing has changed: no layer, the new name has the old image; an entry of the history is made when it is asked for", async () => {
  const { layout, bundle } = await bundleOf();
  const blobs = blobsOf(layout).sort();
  expect(await imageOk("repack", "--image", `${layout}:b`, bundle)).toBe("nothing has changed: no layer was made\n");
  expect(blobsOf(layout).sort()).toEqual(blobs);
  expect(readNamed(layout, "b").descriptor.digest).toBe(readNamed(layout, "a").descriptor.digest);
  await imageOk("repack", "--image", `${layout}:c`, "--history.comment", "looked at", bundle);
  const { manifest, config } = readNamed(layout, "c");
  expect(manifest.layers).toHaveLength(1);
  expect(config.history.at(-1)).toMatchObject({ comment: "looked at", empty_layer: true });
});

test("options of the history, and none of it", async () => {
  const { layout, bundle, root } = await bundleOf();
  writeFileSync(`${root}/new`, "1");
  const words = ["--history.author", "me", "--history.comment", "why", "--history.created", "2020-01-02T03:04:05Z", "--history.created_by", "by hand"];
  await imageOk("repack", "--image", `${layout}:b`, ...words, bundle);
  const { config } = readNamed(layout, "b");
  expect(config.history.at(-1)).toEqual({ author: "me", comment: "why", created: "2020-01-02T03:04:05Z", created_by: "by hand" });
  expect(config.created).toBe("2020-01-02T03:04:05Z");
  await imageOk("repack", "--image", `${layout}:c`, "--no-history", bundle);
  expect(readNamed(layout, "c").config.history).toHaveLength(1);
  // The same of everything is the same image.
  await imageOk("repack", "--image", `${layout}:d`, ...words, bundle);
  expect(readNamed(layout, "d").descriptor.digest).toBe(readNamed(layout, "b").descriptor.digest);
  expect((await image("repack", "--image", `${layout}:e`, "--history.created", "yesterday", bundle)).err).toContain('"yesterday" is no time');
});

test("masked paths, and the image's volumes, which are masked unless told", async () => {
  const { layout, bundle, root } = await bundleOf({ config: { Volumes: { "/data": {}, "relative/volume/": {} } } });
  mkdirSync(`${root}/relative/volume`, { recursive: true });
  for (const path of ["data/in-volume", "relative/volume/x", "relative/y", "etc/masked", "etc/not-masked"]) writeFileSync(`${root}/${path}`, path);
  await imageOk("repack", "--image", `${layout}:b`, "--mask-path", "etc//./masked/", bundle);
  expect(lastLayer(layout, "b")).toEqual(["./", "etc/", "etc/not-masked", "relative/", "relative/y"]);
  await imageOk("repack", "--image", `${layout}:c`, "--no-mask-volumes", "--mask-path", "/etc", "--mask-path", "/relative", bundle);
  expect(lastLayer(layout, "c")).toEqual(["./", "data/", "data/in-volume"]);
});

test("--compress", async () => {
  const { layout, bundle, root } = await bundleOf();
  writeFileSync(`${root}/new`, Buffer.alloc(2_500_000, "text "));
  for (const [kind, suffix] of [
    ["gzip", "+gzip"],
    ["zstd", "+zstd"],
    ["none", ""],
  ] as const) {
    await imageOk("repack", "--image", `${layout}:${kind}`, "--compress", kind, bundle);
    expect(readNamed(layout, kind).manifest.layers[1].mediaType).toBe(`${LAYER}${suffix}`);
    expect(lastLayer(layout, kind)).toEqual(["./", "new"]);
  }
  const ids = ["gzip", "zstd", "none"].map((name) => readNamed(layout, name).config.rootfs.diff_ids[1]);
  expect(new Set(ids).size).toBe(1);
  expect((await image("repack", "--image", `${layout}:x`, "--compress", "xz", bundle)).code).toBe(1);
});

test("--refresh-bundle: the next layer has only what changed since", async () => {
  const { layout, bundle, root } = await bundleOf();
  writeFileSync(`${root}/etc/one`, "1");
  await imageOk("repack", "--image", `${layout}:b`, "--refresh-bundle", bundle);
  expect(readJson(`${bundle}/image.json`)).toMatchObject({ name: "b", state: "complete", manifest: { digest: readNamed(layout, "b").descriptor.digest } });
  expect(await imageOk("repack", "--image", `${layout}:same`, bundle)).toContain("nothing has changed");
  expect(readNamed(layout, "same").descriptor.digest).toBe(readNamed(layout, "b").descriptor.digest);
  writeFileSync(`${root}/data/two`, "2");
  rmSync(`${root}/etc/one`);
  await imageOk("repack", "--image", `${layout}:c`, bundle);
  expect(lastLayer(layout, "c")).toEqual(["data/", "data/two", "etc/", "etc/.wh.one"]);
  expect(readNamed(layout, "c").manifest.layers).toHaveLength(3);
  // Without it the bundle is still one of "b".
  await imageOk("repack", "--image", `${layout}:d`, bundle);
  expect(readNamed(layout, "d").manifest.layers).toHaveLength(3);
});

test("--refresh-bundle of a copied bundle: content is looked at once", async () => {
  const { layout, bundle, root } = await bundleOf();
  execFileSync("cp", ["-a", root, `${root}.copy`]);
  rmSync(root, { recursive: true });
  execFileSync("mv", [`${root}.copy`, root]);
  const blob = blobFile(layout, readNamed(layout, "a").manifest.layers[0].digest);
  expect(await imageOk("repack", "--image", `${layout}:b`, "--refresh-bundle", bundle)).toContain("nothing has changed");
  // The layer is not needed any more.
  const content = readFileSync(blob);
  rmSync(blob);
  expect(await imageOk("repack", "--image", `${layout}:b`, bundle)).toContain("nothing has changed");
  // With other times it is, and a broken one is not believed.
  utimesSync(`${root}/etc/file`, 1, 1);
  utimesSync(`${root}/etc/file`, 1_700_000_000, 1_700_000_000);
  expect((await image("repack", "--image", `${layout}:b`, bundle)).err).toContain(readNamed(layout, "a").manifest.layers[0].digest);
  writeFileSync(blob, Buffer.concat([content, Buffer.alloc(1)]));
  expect((await image("repack", "--image", `${layout}:b`, bundle)).err).toContain("its descriptor says");
});

test("the image is the one that was unpacked, whatever its name has become", async () => {
  const { layout, bundle, root } = await bundleOf();
  await imageOk("config", "--image", `${layout}:a`, "--config.user", "nobody");
  writeFileSync(`${root}/new`, "1");
  await imageOk("repack", "--image", `${layout}:b`, bundle);
  expect(readNamed(layout, "b").config.config.User).toBeUndefined();
});

test("of several platforms the others stay in the index of the new name", async () => {
  const layout = newPath("layout");
  const here = writeImage(layout, { layers: [BASE] });
  const there = writeImage(layout, { layers: [[{ path: "other", content: "other" }]], platform: { os: "linux", architecture: "s390x" } });
  const nested = writeJson(
    layout,
    {
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [
        { ...there, platform: { os: "linux", architecture: "s390x" } },
        { ...here, platform: HOST },
      ],
    },
    INDEX,
  );
  addToIndex(layout, { ...nested, annotations: { "org.opencontainers.image.ref.name": "multi" } });
  const bundle = newPath("bundle");
  await imageOk("unpack", "--image", `${layout}:multi`, bundle);
  writeFileSync(`${bundle}/rootfs/new`, "1");
  await imageOk("repack", "--image", `${layout}:new`, bundle);
  const entry = readIndex(layout).manifests.find(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] === "new");
  expect(entry?.mediaType).toBe(INDEX);
  const { manifests } = readJson(blobFile(layout, entry?.digest ?? ""));
  expect(manifests[0]).toMatchObject({ digest: there.digest });
  expect(manifests[1].platform).toEqual(HOST);
  expect(readImage(layout, manifests[1]).manifest.layers).toHaveLength(2);
});

test("sockets are left out, and it is said", async () => {
  const { layout, bundle, root } = await bundleOf();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${root}/etc/socket`, resolve));
  try {
    const { code, err } = await image("repack", "--image", `${layout}:b`, bundle);
    expect(err).toContain('\\"/etc/socket\\" is a socket');
    expect(code).toBe(0);
    expect(lastLayer(layout, "b")).toEqual(["etc/"]);
  } finally {
    server.close();
  }
});

test("what is no bundle, or half a one, or one of another layout, is refused", async () => {
  const { layout, bundle, root } = await bundleOf();
  writeFileSync(`${root}/new`, "1");
  const refused = async (name: string, at = layout) => {
    const { code, err } = await image("repack", "--image", `${at}:b`, name);
    expect(code).toBe(1);
    return err;
  };
  expect(await refused(newPath("nothing"))).toContain("is no bundle of tsrun image unpack");
  const other = makeLayout(newPath("layout"), { name: "a", layers: [[{ path: "x" }]] });
  expect(await refused(bundle, other)).toContain(`the bundle was unpacked from ${layout}`);
  expect(namesOf(other)).toEqual(["a"]);
  const half = newPath("half");
  cpSync(bundle, half, { recursive: true });
  writeFileSync(`${half}/image.json`, readFileSync(`${bundle}/image.json`, "utf8").replace("complete", "unpacking"));
  expect(await refused(half)).toContain("was not unpacked to its end");
  rmSync(`${half}/image.tree`);
  cpSync(`${bundle}/image.json`, `${half}/image.json`);
  expect(await refused(half)).toContain("has no record of what was unpacked");
  rmSync(half, { recursive: true });
  cpSync(bundle, half, { recursive: true });
  rmSync(`${half}/rootfs`, { recursive: true });
  symlinkSync("/etc", `${half}/rootfs`);
  expect(await refused(half)).toContain(`${half}/rootfs`);
  expect(namesOf(layout)).toEqual(["a"]);
  expect(temporariesOf(layout)).toEqual([]);
});

test("a container that swaps its directories for links meanwhile gets nothing from outside of its root", async () => {
  const { layout, bundle, root } = await bundleOf();
  const outside = newPath("outside");
  mkdirSync(`${outside}/deep`, { recursive: true });
  writeFileSync(`${outside}/deep/file`, "SECRET OF THE HOST");
  writeFileSync(`${outside}/file`, "SECRET OF THE HOST");
  mkdirSync(`${root}/d/deep`, { recursive: true });
  for (const name of ["file", "deep/file"]) writeFileSync(`${root}/d/${name}`, "of the container");
  for (let i = 0; i < 200; i++) writeFileSync(`${root}/d/deep/f${i}`, "of the container");
  const script = `while :; do mv -T d/deep d/away; ln -s ${outside}/deep d/deep; mv -T d/deep d/link; mv -T d/away d/deep; mv -T d d2; ln -s ${outside} d; rm d; mv -T d2 d; rm -f d/link; done`;
  const swapper = spawn("sh", ["-c", script], { cwd: root, stdio: "ignore", detached: true });
  let done = 0;
  try {
    for (let i = 0; i < 8; i++) {
      const { code } = await image("repack", "--image", `${layout}:r${i}`, bundle);
      if (code === 0) done++;
    }
  } finally {
    process.kill(-(swapper.pid ?? 0), "SIGKILL");
  }
  for (const digest of blobsOf(layout)) {
    const bytes = readFileSync(blobFile(layout, digest));
    expect((bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).includes("SECRET OF THE HOST")).toBe(false);
  }
  expect(done).toBeGreaterThan(0);
  expect(existsSync(`${bundle}/.image.changes`)).toBe(false);
  expect(temporariesOf(layout)).toEqual([]);
});

test("a signal: nothing is left in the layout, or in the bundle", async () => {
  const { layout, bundle, root } = await bundleOf();
  execFileSync("truncate", ["-s", "3G", `${root}/big`]);
  const repack = Bun.spawn([...TOOL_ARGV, "repack", "--refresh-bundle", "--image", `${layout}:b`, bundle], { stdout: "ignore", stderr: "ignore" });
  while (temporariesOf(layout).length === 0) await Bun.sleep(20);
  repack.kill("SIGTERM");
  await repack.exited;
  expect(repack.signalCode).toBe("SIGTERM");
  expect(temporariesOf(layout)).toEqual([]);
  expect(namesOf(layout)).toEqual(["a"]);
  expect(readdirSync(bundle).sort()).toEqual(["config.json", "image.json", "image.tree", "rootfs"]);
});

test("a signal once the index is written: the bundle is one of the new image nevertheless", async () => {
  const { layout, bundle, root } = await bundleOf();
  writeFileSync(`${root}/new`, "new");
  const before = readFileSync(`${layout}/index.json`, "utf8");
  // The record is written to a FIFO here: so there is time between the index and it.
  await ok("mkfifo", `${bundle}/image.json.new`);
  const repack = Bun.spawn([...TOOL_ARGV, "repack", "--quiet", "--refresh-bundle", "--image", `${layout}:a`, bundle], { stdout: "ignore", stderr: "pipe" });
  while (readFileSync(`${layout}/index.json`, "utf8") === before) await Bun.sleep(10);
  repack.kill("SIGTERM");
  await Bun.sleep(300);
  const record = JSON.parse(await ok("cat", `${bundle}/image.json.new`));
  await repack.exited;
  expect(repack.signalCode).toBe("SIGTERM");
  expect(record.manifest.digest).toBe(readIndex(layout).manifests[0]?.digest);
});

test("a signal while another process has the layout: nobody is waited for", async () => {
  const { layout, bundle, root } = await bundleOf();
  writeFileSync(`${root}/new`, "new");
  for (const args of [
    ["repack", "--image", `${layout}:b`, bundle],
    ["import", process.execPath, `${layout}:b`],
  ]) {
    const holder = Bun.spawn(["flock", layout, "sh", "-c", "echo; exec cat"], { stdin: "pipe", stdout: "pipe" });
    await holder.stdout.getReader().read();
    const child = Bun.spawn([...TOOL_ARGV, ...args], { stdout: "ignore", stderr: "ignore" });
    await Bun.sleep(1000);
    child.kill("SIGTERM");
    // Without a signal it would wait for 30 s.
    await Promise.race([child.exited, Bun.sleep(15_000)]);
    expect(child.signalCode as string | null).toBe("SIGTERM");
    await holder.stdin.end();
    await holder.exited;
  }
});

test("--refresh-bundle on a full disk: the bundle is as it was, and the error names the file", async () => {
  const { layout } = await bundleOf();
  const mount = newPath("small");
  mkdirSync(mount);
  const tool = TOOL_ARGV.join(" ");
  const script = `mount -t tmpfs -o size=2m none ${mount} && ${tool} unpack --quiet --image ${layout}:a ${mount}/b && echo x > ${mount}/b/rootfs/new
dd if=/dev/zero of=${mount}/filler bs=4k 2>/dev/null; ${tool} repack --image ${layout}:b --refresh-bundle ${mount}/b; echo $?; ls -A ${mount}/b
rm ${mount}/filler; ${tool} repack --image ${layout}:b --refresh-bundle ${mount}/b > /dev/null; echo $?`;
  const { out, err } = await run(["unshare", "--mount", "sh", "-c", script]);
  expect(out).toBe("1\nconfig.json\nimage.json\nimage.tree\nrootfs\n0\n");
  expect(err).toBe(`tsrun: cannot write "${mount}/b/image.tree.new": write: ENOSPC (no space left on device)\n`);
});

/** So many new empty files, each with two names: what is kept of a hard link is kept until the end. */
async function peakOfLinks(count: number): Promise<number> {
  const { layout, bundle, root } = await bundleOf({}, newPathInMemory);
  for (let i = 0; i < count; i++) {
    const folder = `${root}/d${Math.floor(i / 1000)}`;
    if (i % 1000 === 0) mkdirSync(folder);
    writeFileSync(`${folder}/the-first-name-of-file-${i}`, "");
    linkSync(`${folder}/the-first-name-of-file-${i}`, `${folder}/the-second-name-of-file-${i}`);
  }
  const { code, err, megabytes } = await imageWithPeak(newPath(), "repack", "--quiet", "--image", `${layout}:b`, bundle);
  expect([code, err]).toEqual([0, ""]);
  rmSync(bundle, { recursive: true });
  return megabytes;
}

test("memory: a hundred bytes for each file with several names, and some for all others", async () => {
  const few = await peakOfLinks(5_000);
  const many = await peakOfLinks(75_000);
  expect(many).toBeLessThan(MOST_MEGABYTES);
  // Of Bun's collector nothing is promised.
  if (TOOL_ARGV[0] === "node") expect(many - few).toBeLessThan(40);
});
