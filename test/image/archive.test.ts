// import and export: archives of image layouts, of docker save in both its forms, of root filesystems; by file and by pipe; and those
// that are broken or mean harm, which leave the layout as it was.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import type { Descriptor } from "../../src/image/spec/schema.ts";
import { archive, type Member } from "./helpers/archive.ts";
import { addToIndex, compress, digestOf, HOST, makeLayout, writeBlob, writeImage, writeJson } from "./helpers/layout.ts";
import { blobFile, blobsOf, INDEX, namesOf, REF_NAME, readImage, readIndex, readJson, readNamed, temporariesOf } from "./helpers/read.ts";
import { scratch } from "./helpers/scratch.ts";
import { image, imageOk, ok, type Ran, run, TOOL_ARGV } from "./helpers/tool.ts";

const newPath = scratch();
const WHOLE_NAME = "io.containerd.image.name";
const FILES: readonly Member[] = [
  { path: "./" },
  { path: "./bin/" },
  { path: "./bin/sh", content: "#!", mode: 0o755 },
  { path: "./etc/" },
  { path: "./etc/passwd", content: "root:x:0:0::/:/bin/sh\n", xattrs: { "user.x": "y" } },
  { path: "./bin/ash", type: "1", link: "./bin/sh" },
  { path: "./bin/bash", link: "sh" },
];
const hexOf = (digest: string) => digest.split(":")[1] ?? "";

function file(content: Uint8Array | string): string {
  const path = newPath("archive");
  writeFileSync(path, content);
  return path;
}

const fromPipe = (content: Uint8Array, ...args: string[]): Promise<Ran> => run([...TOOL_ARGV, "import", "-", ...args], { stdin: new Blob([content]) });

/** The files of a plain archive, by their names. */
async function membersOf(path: string): Promise<Record<string, string>> {
  const names = (await ok("tar", "-tf", path)).trim().split("\n");
  const contents: Record<string, string> = {};
  for (const name of names.filter((one) => !one.endsWith("/"))) contents[name] = await ok("tar", "-xOf", path, name);
  return contents;
}

// --- root filesystems ---

test("import: a root filesystem becomes one layer, byte for byte; umoci unpacks it", async () => {
  const bytes = archive(FILES);
  const layout = newPath("layout");
  expect(await imageOk("import", file(bytes), `${layout}:base`)).toContain("base  sha256:");
  const { manifest, config } = readNamed(layout, "base");
  expect(config).toMatchObject({ ...HOST, rootfs: { type: "layers", diff_ids: [digestOf(bytes)] }, history: [{ created_by: "tsrun image import" }] });
  expect(manifest.layers).toHaveLength(1);
  await imageOk("verify", layout);
  const bundle = newPath("bundle");
  await ok("umoci", "unpack", "--image", `${layout}:base`, bundle);
  expect(readFileSync(`${bundle}/rootfs/bin/ash`, "utf8")).toBe("#!");
  expect(temporariesOf(layout)).toEqual([]);
});

test("import: from a pipe, compressed or not; what is compressed stays as it is", async () => {
  const bytes = archive(FILES);
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const layout = newPath("layout");
    const blob = compress(bytes, compression);
    expect((await fromPipe(blob, `${layout}:x`, "--compress", "none")).code).toBe(0);
    const { manifest, config } = readNamed(layout, "x");
    expect(manifest.layers[0].digest).toBe(digestOf(blob));
    expect(manifest.layers[0].mediaType).toEndWith(compression === "none" ? ".tar" : `.tar+${compression}`);
    expect(config.rootfs.diff_ids).toEqual([digestOf(bytes)]);
    await imageOk("verify", layout);
  }
});

test("import: a plain archive is compressed as asked", async () => {
  const path = file(archive(FILES));
  for (const [option, suffix] of [
    ["", "+gzip"],
    ["--compress=gzip", "+gzip"],
    ["--compress=zstd", "+zstd"],
    ["--compress=none", ""],
  ] as const) {
    const layout = newPath("layout");
    await imageOk("import", path, layout, ...(option === "" ? [] : [option]));
    expect(readNamed(layout, "latest").manifest.layers[0].mediaType).toBe(`application/vnd.oci.image.layer.v1.tar${suffix}`);
    await imageOk("verify", layout);
  }
});

test("import: a directory that is called like a part of an image archive", async () => {
  const path = file(archive([{ path: "blobs/" }, { path: "blobs/x", content: "a file" }]));
  const layout = newPath("layout");
  const { err, code } = await image("import", path, layout);
  expect(err).toContain("neither oci-layout and index.json, nor manifest.json");
  expect(err).toContain("hint: --format rootfs");
  expect(code).toBe(1);
  await imageOk("import", "--format", "rootfs", path, layout);
  expect(namesOf(layout)).toEqual(["latest"]);
});

// --- image layouts ---

test("import: an archive of a layout by skopeo, and by us: the same manifest, and what it names", async () => {
  const from = makeLayout(newPath("layout"), { name: "3.20", layers: [FILES, [{ path: "x", content: "y" }]] });
  const { digest } = readNamed(from, "3.20").descriptor;
  const bySkopeo = newPath("archive");
  await ok("skopeo", "copy", "-q", `oci:${from}:3.20`, `oci-archive:${bySkopeo}:named`);
  const byUs = newPath("archive");
  await imageOk("export", `${from}:3.20`, byUs);
  for (const [path, name] of [
    [bySkopeo, "named"],
    [byUs, "3.20"],
  ] as const) {
    const layout = newPath("layout");
    await imageOk("import", path, layout);
    expect(readNamed(layout, name).descriptor.digest).toBe(digest);
    await imageOk("verify", layout);
    await imageOk("import", path, `${layout}:other`);
    expect(namesOf(layout)).toEqual([name, "other"]);
  }
  const piped = newPath("layout");
  expect((await fromPipe(gzipSync(readFileSync(byUs)), piped)).code).toBe(0);
  expect(blobsOf(piped).sort()).toEqual(blobsOf(from).sort());
});

test("import: several images and platforms; one name for all of them is refused", async () => {
  const from = newPath("layout");
  const platforms = [HOST, { os: "linux", architecture: "s390x" }];
  const images = platforms.map((platform) => ({ ...writeImage(from, { platform, layers: [FILES] }), platform }));
  const index = writeJson(from, { schemaVersion: 2, mediaType: INDEX, manifests: images }, INDEX);
  const artifact = writeImage(from, { manifest: { artifactType: "x/y", config: writeBlob(from, Buffer.from("{}"), "x/empty"), layers: [] } });
  addToIndex(from, { ...index, annotations: { [REF_NAME]: "many" } }, artifact);
  await imageOk("gc", "--layout", from);
  const path = newPath("archive");
  await imageOk("export", from, path);
  const layout = newPath("layout");
  await imageOk("import", path, layout);
  expect(namesOf(layout)).toEqual(["many", undefined]);
  expect(readIndex(layout).manifests[0]?.digest).toBe(index.digest);
  expect(blobsOf(layout).sort()).toEqual(blobsOf(from).sort());
  // The one without a name is not there twice.
  await imageOk("import", path, layout);
  expect(namesOf(layout)).toEqual(["many", undefined]);
  const { err, code } = await image("import", path, `${newPath("layout")}:x`);
  expect(err).toContain('has 2 images, which cannot all be called "x"');
  expect(code).toBe(1);
});

test("import: two repositories with the same tag keep their whole names", async () => {
  const members: Member[] = [{ path: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' }];
  const from = newPath("layout");
  const manifests = ["one", "two"].map((name) => ({
    ...writeImage(from, { config: { User: name } }),
    annotations: { [REF_NAME]: "latest", [WHOLE_NAME]: `docker.io/library/${name}:latest` },
  }));
  for (const digest of blobsOf(from)) members.push({ path: `blobs/${digest.replace(":", "/")}`, content: readFileSync(blobFile(from, digest)) });
  members.push({ path: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests }) });
  const layout = newPath("layout");
  await imageOk("import", file(archive(members)), layout);
  expect(namesOf(layout)).toEqual(["docker.io/library/one:latest", "docker.io/library/two:latest"]);
});

// --- docker save ---

interface DockerParts {
  readonly config?: object;
  readonly layers?: readonly Uint8Array[];
  readonly tags?: readonly string[] | null;
}

/** As Docker 1.10 to 24 writes it. */
function dockerMembers(...images: readonly DockerParts[]): Member[] {
  const members: Member[] = [];
  const known = new Map<string, string>();
  const manifest = images.map(({ config, layers = [archive(FILES)], tags = ["base:1.0"] }, at) => {
    const paths = layers.map((bytes, i) => {
      const id = hexOf(digestOf(Buffer.from(`${at}/${i}`)));
      const first = known.get(digestOf(bytes));
      known.set(digestOf(bytes), first ?? id);
      members.push({ path: `${id}/` }, { path: `${id}/VERSION`, content: "1.0" }, { path: `${id}/json`, content: JSON.stringify({ id }) });
      members.push(first === undefined ? { path: `${id}/layer.tar`, content: bytes } : { path: `${id}/layer.tar`, link: `../${first}/layer.tar` });
      return `${id}/layer.tar`;
    });
    const text = JSON.stringify({
      ...HOST,
      config: { Cmd: ["sh"], Env: null },
      rootfs: { type: "layers", diff_ids: layers.map((one) => digestOf(one)) },
      ...config,
    });
    const name = `${hexOf(digestOf(Buffer.from(text)))}.json`;
    members.push({ path: name, content: text });
    return { Config: name, RepoTags: tags, Layers: paths };
  });
  members.push({ path: "manifest.json", content: JSON.stringify(manifest) }, { path: "repositories", content: '{"base":{"1.0":"x"}}' });
  return members;
}

test("import: docker save in its old form: tags, a layer that two images share by a link; the config keeps its digest", async () => {
  const second = archive([{ path: "second", content: "2" }]);
  const members = dockerMembers({ tags: ["base:1.0", "localhost:5000/x/base:latest"] }, { layers: [archive(FILES), second], tags: null });
  const layout = newPath("layout");
  await imageOk("import", file(archive(members)), layout);
  expect(namesOf(layout)).toEqual(["base:1.0", "localhost:5000/x/base:latest", undefined]);
  const { manifest, config } = readNamed(layout, "base:1.0");
  expect(`${hexOf(manifest.config.digest)}.json`).toBe(members.find(({ path }) => String(path).endsWith(".json"))?.path as string);
  expect(config.rootfs.diff_ids).toEqual([digestOf(archive(FILES))]);
  expect(readImage(layout, readIndex(layout).manifests[2] as Descriptor).manifest.layers[0]).toEqual(manifest.layers[0]);
  await imageOk("verify", layout);
  expect((await image("import", file(archive(members)), `${layout}:x`)).err).toContain("without a name they are called base:1.0, localhost:5000/x/base:latest");
});

test("import: docker archives of other tools: compressed layers, names without suffix, a leading ./", async () => {
  const layer = compress(archive(FILES), "gzip");
  const config = Buffer.from(JSON.stringify({ ...HOST, rootfs: { type: "layers", diff_ids: [digestOf(archive(FILES))] } }));
  const manifest = [{ Config: digestOf(config), RepoTags: ["a:b"], Layers: ["abc.tar.gz"] }];
  const members = [
    { path: `./${digestOf(config)}`, content: config },
    { path: "./abc.tar.gz", content: layer },
    { path: "./manifest.json", content: JSON.stringify(manifest) },
  ];
  const layout = newPath("layout");
  await imageOk("import", file(archive(members)), layout);
  expect(readNamed(layout, "a:b").manifest.layers[0]).toMatchObject({ digest: digestOf(layer), size: layer.length });
  await imageOk("verify", layout);
});

test("import: what skopeo writes as a docker archive has the same layers", async () => {
  const from = makeLayout(newPath("layout"), { name: "a", layers: [FILES, [{ path: "x", content: "y" }]] });
  const path = newPath("archive");
  await ok("skopeo", "copy", "-q", `oci:${from}:a`, `docker-archive:${path}:repo/a:1`);
  const layout = newPath("layout");
  await imageOk("import", path, layout);
  const { config } = readNamed(layout, "docker.io/repo/a:1");
  expect(config.rootfs).toEqual(readNamed(from, "a").config.rootfs);
  await imageOk("verify", layout);
});

// --- export ---

test("export: the same images give the same bytes; skopeo reads both formats", async () => {
  const layout = makeLayout(newPath("layout"), { name: "base:1.0", layers: [FILES, [{ path: "x", content: "y" }]], config: { Env: ["A=1"] } });
  const { descriptor, manifest, config } = readNamed(layout, "base:1.0");
  for (const [format, transport] of [
    ["oci-archive", "oci-archive"],
    ["docker-archive", "docker-archive"],
  ] as const) {
    const [one, other] = [newPath("archive"), newPath("archive")];
    await imageOk("export", "--format", format, `${layout}:base:1.0`, one);
    writeFileSync(other, "what was there before");
    await imageOk("export", "--format", format, layout, other);
    expect(readFileSync(one).equals(readFileSync(other))).toBe(true);
    const inspected = JSON.parse(await ok("skopeo", "inspect", `${transport}:${one}`));
    expect(inspected.Env).toEqual(["A=1"]);
    if (format === "oci-archive") expect(inspected.Digest).toBe(descriptor.digest);
    else expect(inspected.Layers).toEqual(config.rootfs.diff_ids);
    const again = newPath("layout");
    await imageOk("import", one, again);
    expect(readNamed(again, "base:1.0").manifest.config).toEqual(manifest.config);
  }
});

test("export: what docker load reads is in both formats; the name is of image and layout, or as asked", async () => {
  const layout = makeLayout(newPath("layout"), { name: "3.20", layers: [FILES] });
  const { manifest } = readNamed(layout, "3.20");
  const exported = async (...options: string[]) => {
    const path = newPath("archive");
    await imageOk("export", ...options, `${layout}:3.20`, path);
    return membersOf(path);
  };
  const repository = layout.split("/").at(-1);
  const oci = await exported();
  const blob = ({ digest }: Descriptor) => `blobs/${digest.replace(":", "/")}`;
  expect(JSON.parse(oci["manifest.json"] ?? "")).toEqual([
    { Config: blob(manifest.config), RepoTags: [`${repository}:3.20`], Layers: manifest.layers.map(blob) },
  ]);
  const named = await exported("--tag", "localhost:5000/a/b:c");
  expect(JSON.parse(named["manifest.json"] ?? "")[0].RepoTags).toEqual(["localhost:5000/a/b:c"]);
  expect(JSON.parse(named["index.json"] ?? "").manifests[0].annotations).toEqual({ [REF_NAME]: "localhost:5000/a/b:c", [WHOLE_NAME]: "localhost:5000/a/b:c" });
  const docker = await exported("--format", "docker-archive", "--tag", "a/b:c");
  const [entry] = JSON.parse(docker["manifest.json"] ?? "");
  expect(entry.RepoTags).toEqual(["a/b:c"]);
  expect(docker[entry.Layers[0]]).toBe(archive(FILES).toString());
  for (const bad of ["A:1", "a", "a:", "a b:1", "a:b:c"]) {
    const { err, code } = await image("export", "--tag", bad, layout, newPath("archive"));
    expect(err).toContain(`"${bad}" is no name that Docker knows`);
    expect(code).toBe(1);
  }
});

test("export: one platform of several, and Docker's archive of this machine's", async () => {
  const layout = newPath("layout");
  const platforms = [{ os: "linux", architecture: "s390x" }, HOST];
  const images = platforms.map((platform) => ({ ...writeImage(layout, { platform, layers: [FILES] }), platform }));
  const index = writeJson(layout, { schemaVersion: 2, mediaType: INDEX, manifests: images }, INDEX);
  addToIndex(layout, { ...index, annotations: { [REF_NAME]: "a" } });
  const path = newPath("archive");
  await imageOk("export", "--platform", "linux/s390x", layout, path);
  const [only, ...others] = JSON.parse((await membersOf(path))["index.json"] ?? "").manifests;
  expect([only.digest, others]).toEqual([images[0]?.digest, []]);
  await imageOk("export", "--format", "docker-archive", layout, path);
  const [entry] = JSON.parse((await membersOf(path))["manifest.json"] ?? "");
  expect(entry.Config).toBe(`${hexOf(readImage(layout, images[1] as Descriptor).manifest.config.digest)}.json`);
  expect((await image("export", "--platform", "linux/sparc", layout, path)).err).toContain("it has linux/s390x");
});

test("export: to standard output; nothing is left of a file when a blob is broken or missing", async () => {
  const layout = makeLayout(newPath("layout"), { name: "a", layers: [{ archive: archive(FILES), compression: "none" }] });
  const direct = newPath("archive");
  await imageOk("export", layout, direct);
  const piped = newPath("archive");
  await ok("bash", "-c", `${TOOL_ARGV.join(" ")} export ${layout} - > ${piped}`);
  expect(readFileSync(piped).equals(readFileSync(direct))).toBe(true);
  await ok("bash", "-c", `set -o pipefail; ${TOOL_ARGV.join(" ")} export ${layout} - | cat > ${piped}`);
  expect(readFileSync(piped).equals(readFileSync(direct))).toBe(true);
  await imageOk("export", layout, "/dev/null");
  const { digest } = readNamed(layout, "a").manifest.layers[0];
  const bytes = readFileSync(blobFile(layout, digest));
  bytes[600] = 7;
  writeFileSync(blobFile(layout, digest), bytes);
  const before = readFileSync(direct);
  for (const format of ["oci-archive", "docker-archive"]) {
    const { err, code } = await image("export", "--format", format, layout, direct);
    expect(err).toContain(digest);
    expect(code).toBe(1);
    expect(readFileSync(direct).equals(before)).toBe(true);
  }
  expect(readdirSync(dirname(direct)).filter((name) => name.includes(".tsrun-"))).toEqual([]);
});

test("export: a signal takes the half-written file away, and ends the tool", async () => {
  const layout = newPath("layout");
  // Long enough to be interrupted: nobody comes to the end, where its digest is found wrong.
  const size = 3 * 2 ** 30;
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: `sha256:${"1".repeat(64)}`, size };
  makeLayout(layout, { name: "a", layers: [], manifest: { layers: [layer] }, properties: { rootfs: { type: "layers", diff_ids: [layer.digest] } } });
  writeFileSync(blobFile(layout, layer.digest), "");
  truncateSync(blobFile(layout, layer.digest), size);
  for (const [signal, format] of [
    ["SIGINT", "oci-archive"],
    ["SIGTERM", "oci-archive"],
    ["SIGHUP", "docker-archive"],
  ] as const) {
    const folder = newPath("folder");
    mkdirSync(folder);
    const child = Bun.spawn([...TOOL_ARGV, "--quiet", "export", "--format", format, `${layout}:a`, `${folder}/x.tar`], { stdout: "ignore", stderr: "pipe" });
    const written = () => readdirSync(folder).reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
    while (written() === 0 && child.exitCode === null) await Bun.sleep(10);
    child.kill(signal);
    await child.exited;
    expect([child.signalCode as string | null, await new Response(child.stderr).text()]).toEqual([signal, ""]);
    expect(readdirSync(folder)).toEqual([]);
  }
});

test("import: a signal leaves nothing of a new layout, also while a pipe is waited for", async () => {
  const layout = newPath("layout");
  const child = Bun.spawn([...TOOL_ARGV, "--quiet", "import", "-", `${layout}:a`], { stdin: "pipe", stdout: "ignore", stderr: "pipe" });
  child.stdin.write(archive([{ path: "f", content: Buffer.alloc(1 << 20, "x") }]).subarray(0, 1 << 19));
  await child.stdin.flush();
  while (!(existsSync(layout) && temporariesOf(layout).length > 0)) await Bun.sleep(10);
  child.kill("SIGTERM");
  await child.exited;
  expect([child.signalCode as string | null, await new Response(child.stderr).text()]).toEqual(["SIGTERM", ""]);
  expect(existsSync(layout)).toBe(false);
});

test("export: an artifact is in an image layout, and in no archive of Docker's", async () => {
  const layout = newPath("layout");
  addToIndex(layout, writeImage(layout, { manifest: { artifactType: "x/y", config: writeBlob(layout, Buffer.from("{}"), "x/empty"), layers: [] } }));
  const path = newPath("archive");
  await imageOk("export", layout, path);
  expect(Object.keys(await membersOf(path))).not.toContain("manifest.json");
  expect((await image("export", "--format", "docker-archive", layout, path)).err).toContain("an artifact of type x/y");
});

// --- broken and hostile archives ---

/** Imports into a layout with an image, which must be as it was afterwards; and into none, which must not be there then. */
async function refuses(content: Uint8Array, code: string, words: string | RegExp, ...options: string[]): Promise<void> {
  const layout = makeLayout(newPath("layout"), { name: "kept", layers: [[]] });
  const index = readFileSync(`${layout}/index.json`, "utf8");
  const log = newPath("log");
  const path = file(content);
  const ran = await image("--log", log, "--log-format", "json", "import", ...options, path, layout);
  expect(ran.err).toMatch(words);
  expect(ran.code).toBe(1);
  expect(readJson(log).code).toBe(code);
  expect(readFileSync(`${layout}/index.json`, "utf8")).toBe(index);
  expect(temporariesOf(layout)).toEqual([]);
  const fresh = newPath("layout");
  expect((await fromPipe(content, fresh, ...options)).code).toBe(1);
  expect(existsSync(fresh)).toBe(false);
}

test("hostile: archives that are no archives, end too early, or are empty", async () => {
  await refuses(Buffer.from("this is not an archive".repeat(100)), "TS7010", /the first entry/);
  await refuses(Buffer.alloc(0), "TS7010", /the archive is empty/);
  await refuses(Buffer.alloc(10240), "TS7010", /the archive is empty/);
  const bytes = archive([{ path: "a", content: "x".repeat(5000) }]);
  await refuses(bytes.subarray(0, 3000), "TS7010", /ends in the middle of this entry\n.*\n.*entry "a"/);
  await refuses(gzipSync(bytes).subarray(0, -12), "TS7010", /gzip stream is cut off/);
  await refuses(compress(bytes, "zstd").subarray(0, -3), "TS7010", /Zstandard stream is cut off/);
});

test("hostile: compressions that no layer has are named", async () => {
  for (const [magic, name] of [
    ["fd377a585a00", "xz"],
    ["425a6839", "bzip2"],
    ["04224d18", "lz4"],
  ] as const)
    await refuses(Buffer.from(magic.padEnd(64, "0"), "hex"), "TS7011", `it is compressed by ${name}`);
});

test("hostile: a root filesystem with names that lead out of it, or that would be whiteouts", async () => {
  await refuses(archive([{ path: "a/../../b" }]), "TS7010", /its name has a ".."/);
  await refuses(archive([{ path: "a" }, { path: "b", type: "1", link: "../../etc/passwd" }]), "TS7010", /a hard link to a file outside/);
  await refuses(archive([{ path: "a/.wh.b" }]), "TS7011", /begins with ".wh."/);
  await refuses(archive([{ path: "a" }, { path: "b", type: "Q" }]), "TS7011", /of the type "Q"/);
});

const LAYOUT_FILE: Member = { path: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' };
const index = (...manifests: readonly object[]): Member => ({ path: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests }) });
const blob = (content: string, digest = digestOf(Buffer.from(content))): Member => ({ path: `blobs/${digest.replace(":", "/")}`, content });

test("hostile: blobs that are not their name, are of no known digest, or are links", async () => {
  await refuses(archive([LAYOUT_FILE, blob("evil", digestOf(Buffer.from("good"))), index()]), "TS7004", /the blob's digest is sha256:/);
  await refuses(archive([LAYOUT_FILE, { path: "blobs/md5/d41d8cd98f00b204e9800998ecf8427e", content: "" }]), "TS7003", /no digest of a known algorithm/);
  await refuses(archive([LAYOUT_FILE, { path: "blobs/sha256/../../../etc/cron.d/x", content: "" }]), "TS7010", /its name has a ".."/);
  const link = { ...blob(""), link: "/etc/passwd" };
  const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf(Buffer.from("")), size: 0 };
  await refuses(archive([LAYOUT_FILE, link, index(entry)]), "TS7001", /the archive is not whole: it is not there/);
});

test("hostile: an index that names what is not there, or is no index", async () => {
  const manifest = (digest: string, size = 2) => ({ mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size });
  await refuses(archive([LAYOUT_FILE, index(manifest(digestOf(Buffer.from("gone"))))]), "TS7001", /the archive is not whole/);
  await refuses(archive([LAYOUT_FILE, blob("{}"), index(manifest(digestOf(Buffer.from("{}"))))]), "TS7002", /the archive is not whole/);
  await refuses(archive([LAYOUT_FILE, blob("{}"), index(manifest(digestOf(Buffer.from("{}")), 7))]), "TS7004", /its descriptor says 7/);
  await refuses(archive([LAYOUT_FILE, { path: "index.json", content: "{" }]), "TS7002", /no JSON document/);
  await refuses(archive([LAYOUT_FILE, index()]), "TS7006", /has no image/);
  await refuses(archive([{ ...LAYOUT_FILE, content: '{"imageLayoutVersion":"2.0"}' }, index()]), "TS7002", /version "2.0" is not known/);
});

test("hostile: members twice, devices, sparse files, links out of the archive", async () => {
  await refuses(archive([LAYOUT_FILE, LAYOUT_FILE]), "TS7010", /it is in the archive twice/);
  await refuses(archive([LAYOUT_FILE, { path: "x", type: "3", major: 1, minor: 3 }]), "TS7010", /no archive of images has a device/);
  await refuses(archive([LAYOUT_FILE, { path: "x", link: "../../etc/shadow" }]), "TS7010", /a link out of the archive/);
  const sparse = {
    path: "x",
    content: "",
    pax: [
      ["GNU.sparse.map", ""],
      ["GNU.sparse.size", "1000000"],
    ] as const,
  };
  await refuses(archive([LAYOUT_FILE, sparse]), "TS7011", /a sparse file/);
});

test("hostile: docker archives whose parts are missing, or are not what the config says", async () => {
  const without = (name: string) => archive(dockerMembers({}).filter(({ path }) => !String(path).endsWith(name)));
  await refuses(without("layer.tar"), "TS7001", /it is not in the archive\n.*\n.*layer.tar/);
  const members = dockerMembers({});
  const config = members.findIndex(({ path }) => /^[0-9a-f]{64}\.json$/.test(String(path)));
  await refuses(archive(members.filter((_, i) => i !== config)), "TS7001", /it is not in the archive/);
  await refuses(
    archive(dockerMembers({ config: { rootfs: { type: "layers", diff_ids: [digestOf(Buffer.from("other"))] } } })),
    "TS7004",
    /the layer is sha256:/,
  );
  await refuses(archive(dockerMembers({ config: { rootfs: { type: "layers", diff_ids: [] } } })), "TS7002", /0 diff_ids for 1 layers/);
  await refuses(archive(dockerMembers({ config: { rootfs: 5 } })), "TS7002", /\/rootfs/);
  await refuses(archive(dockerMembers({ tags: ["not a name"] })), "TS7006", /calls an image "not a name"/);
  await refuses(archive(dockerMembers({}).filter(({ path }) => path !== "manifest.json")), "TS7011", /of a Docker before 1\.10/);
});

test("hostile: a link that leads in circles, and one for a config", async () => {
  const members = dockerMembers({}).filter(({ path }) => !String(path).endsWith("layer.tar"));
  const [id] = String(members.find(({ path }) => String(path).endsWith("/VERSION"))?.path).split("/");
  const circle = [
    { path: `${id}/layer.tar`, link: "other" },
    { path: `${id}/other`, link: "layer.tar" },
  ];
  await refuses(archive([...members.slice(0, 1), ...circle, ...members.slice(1)]), "TS7001", /it is not in the archive/);
});

test("hostile: more documents than any archive has", async () => {
  const big = { content: `{"x":"${"y".repeat(20 << 20)}"}` };
  await refuses(archive([LAYOUT_FILE, ...["a", "b", "c", "d"].map((path) => ({ path, ...big }))]), "TS7005", /bytes of documents/);
});

test("hostile: a compressed archive of nothing but zeros is a bomb", async () => {
  // 5 GiB of zeros in a file of 5 GiB, of which each GiB is the same gzip member.
  const member = newPath("gib");
  await ok("bash", "-c", `set -o pipefail; head -c 1G /dev/zero | gzip -1 > ${member}`);
  const head = gzipSync(archive([{ path: "zeros", size: 6 * 2 ** 30 }]).subarray(0, 512));
  const bomb = file(Buffer.concat([head, ...Array(5).fill(readFileSync(member))]));
  const layout = newPath("layout");
  const { err, code } = await image("import", bomb, layout);
  expect(err).toContain("unpack to more than 200 times as many");
  expect(code).toBe(1);
  expect(existsSync(layout)).toBe(false);
});

// --- progress ---

test("progress: lines where there is no terminal, for as long as it takes; none with --quiet", async () => {
  const block = archive([{ path: "x", content: Buffer.alloc(1 << 20) }]);
  for (const options of [[], ["--quiet"]]) {
    const layout = newPath("layout");
    const child = Bun.spawn([...TOOL_ARGV, ...options, "import", "-", layout], { stdin: "pipe", stdout: "ignore", stderr: "pipe" });
    const errors = new Response(child.stderr).text();
    // A second passes while the archive comes in pieces.
    for (let at = 0; at < block.length; at += 1 << 16) {
      child.stdin.write(block.subarray(at, at + (1 << 16)));
      await child.stdin.flush();
      await Bun.sleep(80);
    }
    child.stdin.end();
    expect(await child.exited).toBe(0);
    const text = await errors;
    if (options.length > 0) expect(text).toBe("");
    else expect(text).toMatch(/^importing: [\d.]+ [kM]B, [\d.]+ [kM]B\/s\n(importing: .*\n)*importing: 1\.1 MB in 0:0\d\n$/);
  }
});

test("progress: a bar on a terminal, which is gone at the end", async () => {
  const path = file(archive([{ path: "x", content: Buffer.alloc(50 << 20) }]));
  const command = [...TOOL_ARGV, "import", path, newPath("layout")].join(" ");
  const out = await ok("script", "-qec", `stty cols 100; ${command}`, "/dev/null");
  expect(out).toMatch(/importing \[=*-*\] {2}\d+%, [\d.]+ .?B of 52\.\d MB, [\d.]+ .?B\/s/);
  const quiet = await ok("script", "-qec", `${[...TOOL_ARGV, "--quiet", "import", path, newPath("layout")].join(" ")}`, "/dev/null");
  expect(quiet).not.toContain("importing");
});

test("an archive is neither read from a terminal nor written to one", async () => {
  const layout = makeLayout(newPath("layout"), { name: "a", layers: [[]] });
  const on = async (...args: string[]) => (await run(["script", "-qec", [...TOOL_ARGV, ...args].join(" "), "/dev/null"])).out;
  expect(await on("export", layout, "-")).toContain("standard output is a terminal");
  expect(await on("import", "-", layout)).toContain("standard input is a terminal");
});
