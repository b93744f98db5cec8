// The bundle around the root filesystem: config.json, image.json, what is refused, what is left when it fails; and bundles without root.
/// <reference types="bun" />
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { loadBundle } from "../../src/bundle/load.ts";
import { makeSys } from "../../src/host-bun/sys.ts";
import { readRecord } from "../../src/image/bundle/record.ts";
import { unpackBundle } from "../../src/image/bundle/unpack.ts";
import { encodeOwner, ROOTLESS_XATTR } from "../../src/image/layer/attributes.ts";
import { DEFAULT_LIMITS } from "../../src/image/layer/limits.ts";
import { openImage } from "../../src/image/layout/image.ts";
import { Layout } from "../../src/image/layout/layout.ts";
import { installSys } from "../../src/sys.ts";
import { asUser, NOBODY } from "../helpers/as-user.ts";
import { archive, type Member } from "./helpers/archive.ts";
import { addToIndex, compress, digestOf, type ImageSpec, makeLayout, writeImage, writeJson } from "./helpers/layout.ts";
import { scratch } from "./helpers/scratch.ts";
import { image, imageOk, ok, run, TOOL_ARGV } from "./helpers/tool.ts";
import { treeOf } from "./helpers/tree.ts";
import { unpackSpec } from "./helpers/unpack.ts";

setDefaultTimeout(60_000);
const newPath = scratch();

function layoutOf(spec: ImageSpec): string {
  return makeLayout(newPath("layout"), spec);
}

async function errorOf(...args: string[]): Promise<string> {
  const { code, err } = await image("unpack", ...args);
  expect(code).toBe(1);
  return err;
}

test("bundle: config.json is the image's, on the config that spec writes; image.json says where it is from", async () => {
  const { code, out, err, bundle, layout } = await unpackSpec(newPath(), {
    layers: [
      [
        { path: "etc/passwd", content: "web:x:33:34::/srv:/bin/sh\n" },
        { path: "etc/group", content: "audio:x:29:web\n" },
      ],
    ],
    config: { User: "web", Entrypoint: ["/bin/web"], Cmd: ["--all"], Env: ["PATH=/bin"], WorkingDir: "/srv", Volumes: { "/data": {} }, Labels: { a: "b" } },
    name: "1.0",
  });
  expect([code, out, err]).toEqual([0, "", ""]);
  expect(readdirSync(bundle).sort()).toEqual(["config.json", "image.json", "image.tree", "rootfs"]);
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
  expect(config.process).toMatchObject({
    user: { uid: 33, gid: 34, additionalGids: [29] },
    args: ["/bin/web", "--all"],
    env: ["PATH=/bin", "TERM=xterm", "HOME=/srv"],
    cwd: "/srv",
  });
  expect([config.root, config.ociVersion, config.mounts.at(-1).destination, config.annotations.a]).toEqual([
    { path: "rootfs", readonly: false },
    "1.3.0",
    "/data",
    "b",
  ]);
  const [entry] = JSON.parse(readFileSync(`${layout}/index.json`, "utf8")).manifests;
  const record = await readRecord(bundle);
  expect(record).toMatchObject({ version: 1, state: "complete", layout, name: "1.0", manifest: { digest: entry.digest }, rootless: false } as object);
  expect(record.platform.os).toBe("linux");
});

test("bundle: tsrun takes the config", async () => {
  const { bundle } = await unpackSpec(newPath(), { layers: [[{ path: "f" }]], config: { Cmd: ["/f"], User: "7", ExposedPorts: { "80/tcp": {} } } });
  installSys(makeSys());
  expect(loadBundle(bundle).warnings).toEqual([]);
});

test("bundle: a name, a platform of an index, and what is not there", async () => {
  const layout = newPath("layout");
  mkdirSync(layout);
  const arm = writeImage(layout, { layers: [[{ path: "arm" }]], platform: { os: "linux", architecture: "arm64", variant: "v8" } });
  const amd = writeImage(layout, { layers: [[{ path: "amd" }]], platform: { os: "linux", architecture: "amd64" } });
  const manifests = [
    { ...arm, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
    { ...amd, platform: { os: "linux", architecture: "amd64" } },
  ];
  const both = writeJson(layout, { schemaVersion: 2, manifests }, "application/vnd.oci.image.index.v1+json");
  const other = writeImage(layout, { layers: [[{ path: "other" }]], name: "other" });
  addToIndex(layout, { ...both, annotations: { "org.opencontainers.image.ref.name": "both" } }, other);
  for (const [platform, file] of [
    ["linux/arm64/v8", "arm"],
    ["linux/arm64", "arm"],
    ["linux/amd64", "amd"],
  ] as const) {
    const bundle = newPath();
    await imageOk("unpack", "--image", `${layout}:both`, "--platform", platform, bundle);
    expect(readdirSync(`${bundle}/rootfs`)).toEqual([file]);
    expect((await readRecord(bundle)).manifest.digest).toBe(file === "arm" ? arm.digest : amd.digest);
  }
  expect(await errorOf("--image", `${layout}:both`, "--platform", "linux/s390x", newPath())).toContain("it has linux/arm64/v8, linux/amd64");
  expect(await errorOf("--image", layout, newPath())).toContain("has 2 images: name one");
  expect(await errorOf("--image", `${layout}:nothing`, newPath())).toContain('has no image "nothing"');
  expect(await errorOf("--image", newPath(), newPath())).toContain("there is no image layout");
});

test("bundle: made in a new or an empty directory only", async () => {
  const layout = layoutOf({ layers: [[{ path: "f" }]] });
  const folder = newPath();
  await imageOk("unpack", "--image", layout, `${folder}/a/b/c`);
  expect(readdirSync(`${folder}/a/b/c/rootfs`)).toEqual(["f"]);
  expect(await errorOf("--image", layout, `${folder}/a/b/c`)).toContain("is not empty");
  expect(readdirSync(`${folder}/a/b/c`).length).toBe(4);
  mkdirSync(`${folder}/empty`);
  await imageOk("unpack", "--image", layout, `${folder}/empty`);
  mkdirSync(`${folder}/full`);
  writeFileSync(`${folder}/full/mine`, "mine");
  expect(await errorOf("--image", layout, `${folder}/full`)).toContain("is not empty");
  expect(readdirSync(`${folder}/full`)).toEqual(["mine"]);
});

test("bundle: of several unpacks into one directory at once one makes the bundle, and the others leave it alone", async () => {
  const layout = layoutOf({ layers: [[{ path: "f", content: "x" }]] });
  const image = await openImage(await Layout.open(layout), undefined, undefined);
  for (let i = 0; i < 50; i++) {
    const bundle = newPath();
    // Some rounds in a new directory, some in an empty one.
    if (i % 2 === 0) mkdirSync(bundle);
    const results = await Promise.allSettled(
      [1, 2, 3].map(() => unpackBundle(image, bundle, { limits: DEFAULT_LIMITS, isRootless: process.geteuid?.() !== 0 })),
    );
    expect(results.map((one) => (one.status === "fulfilled" ? "made" : one.reason.message)).sort()).toEqual([
      `"${bundle}" is not empty`,
      `"${bundle}" is not empty`,
      "made",
    ]);
    expect(readdirSync(bundle).sort()).toEqual(["config.json", "image.json", "image.tree", "rootfs"]);
    expect((await readRecord(bundle)).state).toBe("complete");
  }
});

test("bundle: when it fails, only what was there before is there", async () => {
  const folder = newPath();
  mkdirSync(`${folder}/was-there`, { recursive: true });
  const layout = layoutOf({ layers: [[{ path: "deep/er/f", content: "x" }, { path: "closed/", mode: 0 }, { path: "closed/x" }], [{ path: "../x" }]] });
  await errorOf("--image", layout, `${folder}/new/er/bundle`);
  await errorOf("--image", layout, `${folder}/was-there`);
  expect(readdirSync(folder)).toEqual(["was-there"]);
  expect(readdirSync(`${folder}/was-there`)).toEqual([]);
});

test("bundle: a full disk", async () => {
  const layout = layoutOf({ layers: [[{ path: "big", content: Buffer.alloc(3 << 20, "x") }]] });
  const mountPoint = newPath();
  mkdirSync(mountPoint);
  const script = `mount -t tmpfs -o size=1m none ${mountPoint} && "$@"; code=$?; ls ${mountPoint}; exit $code`;
  const { code, out, err } = await run(["unshare", "--mount", "sh", "-c", script, "-", ...TOOL_ARGV, "unpack", "--image", layout, `${mountPoint}/bundle`]);
  expect(err).toContain('cannot write "big": write: ENOSPC (no space left on device)');
  expect([code, out]).toEqual([1, ""]);
});

/** Long enough to be interrupted: 100 layers of 20 MB each, all the same blob. */
function longImage(): string {
  const bytes = archive([{ path: "f", content: Buffer.alloc(20_000_000) }]);
  const layer = { archive: Buffer.alloc(0), blob: compress(bytes, "gzip"), diffId: digestOf(bytes) };
  return layoutOf({ layers: Array.from({ length: 100 }, () => layer) });
}

async function startUnpack(layout: string, bundle: string) {
  const child = Bun.spawn([...TOOL_ARGV, "unpack", "--quiet", "--image", layout, bundle], { stdout: "ignore", stderr: "pipe" });
  for (let i = 0; !existsSync(`${bundle}/rootfs/f`) && i < 1000; i++) await Bun.sleep(10);
  return child;
}

test("bundle: a signal takes the half-done bundle away, and ends the tool", async () => {
  const layout = longImage();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const bundle = `${newPath()}/bundle`;
    const child = await startUnpack(layout, bundle);
    expect(existsSync(bundle)).toBe(true);
    child.kill(signal);
    await child.exited;
    expect([child.signalCode as string | null, await new Response(child.stderr).text()]).toEqual([signal, ""]);
    expect(existsSync(dirname(bundle))).toBe(false);
  }
});

test("bundle: killed, it is marked as not complete", async () => {
  const bundle = newPath();
  const child = await startUnpack(longImage(), bundle);
  child.kill("SIGKILL");
  await child.exited;
  expect(await readRecord(bundle).catch((error) => error)).toMatchObject({ code: "TS7020", message: `"${bundle}" was not unpacked to its end` });
});

test("bundle: readRecord refuses what unpack has not written", async () => {
  const bundle = newPath();
  mkdirSync(bundle);
  expect(await readRecord(bundle).catch((error) => error)).toMatchObject({ code: "TS7020" });
  writeFileSync(`${bundle}/image.json`, "{");
  expect(await readRecord(bundle).catch((error) => error)).toMatchObject({ code: "TS7020" });
  writeFileSync(`${bundle}/image.json`, '{"version":2}');
  expect(await readRecord(bundle).catch((error) => error)).toMatchObject({ code: "TS7020" });
});

test("bundle: wrong options", async () => {
  const layout = layoutOf({ layers: [] });
  for (const [option, value] of [
    ["--max-size", "many"],
    ["--max-size", "0"],
    ["--max-entries", "-1"],
    ["--max-ratio", ""],
    ["--platform", "linux"],
  ] as const)
    expect(await errorOf("--image", layout, option, value, newPath())).toContain(value === "linux" ? "is no platform" : "is no ");
  expect(await errorOf("--image", layout)).toContain("missing required argument 'bundle'");
  expect(await errorOf(newPath())).toContain("required option '--image");
});

// --- without root ---

const EVERYTHING: readonly Member[] = [
  { path: "owned", content: "x", uid: 1000, gid: 100, mode: 0o4755 },
  { path: "only-group", gid: 5 },
  { path: "roots", content: "r" },
  { path: "read-only/", mode: 0o555, uid: 3, mtime: 10 },
  { path: "read-only/f", content: "inside", mode: 0o400, uid: 7, mtime: "11.5" },
  { path: "closed/", mode: 0, mtime: 20 },
  { path: "closed/sub/", mode: 0o100, mtime: 30 },
  { path: "closed/sub/f", mode: 0, mtime: 40 },
  { path: "closed/sub/hard", type: "1", link: "closed/sub/f" },
  { path: "null", type: "3", major: 1, minor: 3, mode: 0o666 },
  { path: "disk", type: "4", major: 8, minor: 1, uid: 9, mode: 0o600 },
  { path: "pipe", type: "6", uid: 3 },
  { path: "link", link: "owned", uid: 4, mtime: "50.5" },
  { path: "capable", content: "c", xattrs: { "security.capability": Buffer.from("0100000200040000000000000000000000000000", "hex"), "user.kept": "k" } },
  { path: "trusted", content: "t", xattrs: { "trusted.t": "t" } },
];

function xattr(uid: number, gid: number): Record<string, string> {
  return { [ROOTLESS_XATTR]: Buffer.from(encodeOwner({ uid, gid })).toString("hex") };
}

test("rootless: the owner's attribute is the message that umoci writes", () => {
  expect(Buffer.from(encodeOwner({ uid: 1000, gid: 100 })).toString("hex")).toBe("08e8071064");
  expect(Buffer.from(encodeOwner({ uid: 0, gid: 5 })).toString("hex")).toBe("08ffffffff0f1005");
  expect(Buffer.from(encodeOwner({ uid: 4_294_967_294, gid: 0 })).toString("hex")).toBe("08feffffff0f10ffffffff0f");
});

async function unpackAsNobody(spec: ImageSpec, ...flags: string[]) {
  const folder = newPath();
  mkdirSync(folder);
  const layout = makeLayout(`${folder}/layout`, spec);
  // The scratch directory is its maker's alone.
  chmodSync(dirname(folder), 0o755);
  await ok("chown", `${NOBODY}`, folder);
  const ran = await run([...asUser(NOBODY), ...TOOL_ARGV, "unpack", "--rootless", "--quiet", "--image", layout, ...flags, `${folder}/bundle`]);
  return { ...ran, folder, bundle: `${folder}/bundle` };
}

test("rootless: owners become attributes, devices files, and directories that are closed to their owner are filled", async () => {
  const { code, err, bundle } = await unpackAsNobody({ layers: [EVERYTHING] });
  expect(
    err
      .replace(/time="[^"]*"/g, "")
      .split("\n")
      .filter((line) => line !== "")
      .sort(),
  ).toEqual([
    ' level=warning msg="extended attributes security.* are left out: they need root"',
    ' level=warning msg="extended attributes trusted.* are left out: they need root"',
  ]);
  expect(code).toBe(0);
  const tree = treeOf(`${bundle}/rootfs`);
  for (const facts of Object.values(tree)) expect(facts.owner).toBe(`${NOBODY}:${NOBODY}`);
  const facts = (name: string) => [tree[name]?.kind, tree[name]?.mode, tree[name]?.xattrs];
  expect(facts("owned")).toEqual(["file", "4755", xattr(1000, 100)]);
  expect(facts("only-group")).toEqual(["file", "644", xattr(0, 5)]);
  expect(facts("roots")).toEqual(["file", "644", undefined]);
  expect(facts("read-only")).toEqual(["directory", "555", xattr(3, 0)]);
  expect(facts("read-only/f")).toEqual(["file", "400", xattr(7, 0)]);
  expect(facts("closed")).toEqual(["directory", "0", undefined]);
  expect(facts("closed/sub")).toEqual(["directory", "100", undefined]);
  expect(facts("closed/sub/f")).toEqual(["file", "0", undefined]);
  expect(tree["closed/sub/hard"]?.["same as"]).toBe("closed/sub/f");
  expect(facts("null")).toEqual(["file", "666", undefined]);
  expect(facts("disk")).toEqual(["file", "600", xattr(9, 0)]);
  expect(tree["disk"]?.size).toBe(0);
  expect(facts("pipe")).toEqual(["fifo", "644", undefined]);
  expect(facts("link")).toEqual(["link", "777", undefined]);
  expect(facts("capable")).toEqual(["file", "644", { "user.kept": Buffer.from("k").toString("hex") }]);
  expect(["read-only", "read-only/f", "closed", "closed/sub", "closed/sub/f", "link"].map((name) => tree[name]?.mtime)).toEqual(
    ["10", "11.5", "20", "30", "40", "50.5"].map((time) => Number(time).toFixed(9)),
  );
});

test("rootless: further layers reach into directories that are closed to their owner", async () => {
  const many = Array.from({ length: 200 }, (_, i): Member => ({ path: `many${i}/`, mode: 0 }));
  const { code, err, bundle } = await unpackAsNobody({
    layers: [
      [...EVERYTHING, ...many],
      [{ path: "closed/sub/new", content: "n" }, { path: "closed/sub/.wh.hard" }, { path: "read-only/.wh..wh..opq" }, { path: "read-only/g" }],
      [...many.map(({ path }): Member => ({ path: `${path}f` })), { path: "closed", content: "a file now" }, { path: ".wh.read-only" }],
    ],
  });
  expect(err).not.toContain("tsrun:");
  expect(code).toBe(0);
  const tree = treeOf(`${bundle}/rootfs`);
  expect([tree["closed"]?.kind, "read-only" in tree]).toEqual(["file", false]);
  for (let i = 0; i < 200; i++) expect([tree[`many${i}`]?.mode, `many${i}/f` in tree]).toEqual(["0", true]);
});

test("rootless: a bundle that fails is removed, however closed", async () => {
  const { code, err, folder } = await unpackAsNobody({ layers: [EVERYTHING, [{ path: "../x" }]] });
  expect(err).toContain('its name has a ".."');
  expect(code).toBe(1);
  expect(readdirSync(folder)).toEqual(["layout"]);
});

test("rootless: config.json has a user namespace with the caller as root", async () => {
  const { bundle } = await unpackAsNobody({ layers: [[{ path: "f" }]], config: { Cmd: ["/f"] } });
  const { linux } = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
  expect(linux.uidMappings).toEqual([{ containerID: 0, hostID: NOBODY, size: 1 }]);
  expect((await readRecord(bundle)).rootless).toBe(true);
});

test("rootless: an attribute for owners in the image itself is not believed", async () => {
  const forged = Buffer.from(encodeOwner({ uid: 77, gid: 77 }));
  const { bundle } = await unpackAsNobody({
    layers: [
      [
        { path: "f", uid: 5, xattrs: { [ROOTLESS_XATTR]: forged } },
        { path: "g", xattrs: { [ROOTLESS_XATTR]: forged } },
      ],
    ],
  });
  const tree = treeOf(`${bundle}/rootfs`);
  expect([tree["f"]?.xattrs, tree["g"]?.xattrs]).toEqual([xattr(5, 0), undefined]);
});

test("rootless: root may have it so, too", async () => {
  const { code, bundle } = await unpackSpec(newPath(), { layers: [EVERYTHING] }, "--rootless");
  expect(code).toBe(0);
  const tree = treeOf(`${bundle}/rootfs`);
  expect([tree["owned"]?.owner, tree["owned"]?.xattrs, tree["null"]?.kind]).toEqual(["0:0", xattr(1000, 100), "file"]);
});

test("without root and without --rootless, the first owner that cannot be set says what to do", async () => {
  const folder = newPath();
  mkdirSync(folder);
  const layout = makeLayout(`${folder}/layout`, { layers: [[{ path: "f", uid: 5 }]] });
  await ok("chown", `${NOBODY}`, folder);
  const { code, err } = await run([...asUser(NOBODY), ...TOOL_ARGV, "unpack", "--image", layout, `${folder}/bundle`]);
  expect([code, err.includes("hint: as root, or with --rootless"), existsSync(`${folder}/bundle`)]).toEqual([1, true, false]);
});
