// new, config, tag, rm and gc: what they leave in the layout, side by side with umoci where it has the same.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { addToIndex, digestOf, type ImageSpec, makeLayout, writeBlob, writeImage, writeJson } from "./helpers/layout.ts";
import {
  blobFile,
  blobsOf,
  CONFIG,
  INDEX,
  LAYER,
  MANIFEST,
  namesOf,
  REF_NAME,
  readImage,
  readIndex,
  readJson,
  readNamed,
  temporariesOf,
} from "./helpers/read.ts";
import { scratch } from "./helpers/scratch.ts";
import { image, imageOk, ok, run, TOOL_ARGV } from "./helpers/tool.ts";

const newPath = scratch();
const fresh = () => newPath("layout");
const bytesOf = (text: string) => Buffer.from(text);

/** A layout with one image, "a". */
function layoutOf(spec: ImageSpec = {}): string {
  return makeLayout(fresh(), { layers: [[]], name: "a", ...spec });
}

test("new: makes the layout and an image without layers, which umoci and skopeo read", async () => {
  const layout = fresh();
  await imageOk("new", "--image", `${layout}:empty`);
  expect(readJson(`${layout}/oci-layout`)).toEqual({ imageLayoutVersion: "1.0.0" });
  const { manifest, config } = readNamed(layout, "empty");
  expect(manifest).toMatchObject({ schemaVersion: 2, mediaType: MANIFEST, layers: [] });
  expect(config).toMatchObject({ os: "linux", rootfs: { type: "layers", diff_ids: [] } });
  expect(await ok("umoci", "ls", "--layout", layout)).toBe("empty\n");
  expect(JSON.parse(await ok("skopeo", "inspect", `oci:${layout}:empty`)).Os).toBe("linux");
  await imageOk("new", "--image", layout);
  expect(namesOf(layout)).toEqual(["empty", "latest"]);
  expect(temporariesOf(layout)).toEqual([]);
});

test("new: a directory with other files is not made a layout; one that was half made is", async () => {
  const layout = fresh();
  mkdirSync(`${layout}/blobs`, { recursive: true });
  await imageOk("new", "--image", `${layout}:a`);
  const other = fresh();
  mkdirSync(other);
  writeFileSync(`${other}/file`, "");
  const { code, err } = await image("new", "--image", `${other}:a`);
  expect(err).toContain("no image layout");
  expect(code).toBe(1);
  expect(readdirSync(other)).toEqual(["file"]);
});

test("new: goes on in a layout of umoci's, whose index has null for a list", async () => {
  const layout = fresh();
  await ok("umoci", "init", "--layout", layout);
  expect(readFileSync(`${layout}/index.json`, "utf8")).toContain("null");
  await imageOk("new", "--image", `${layout}:a`);
  expect(namesOf(layout)).toEqual(["a"]);
});

/** What umoci and we make of the same image with the same options: config without times, annotations. */
async function bothConfigs(base: ImageSpec, ...options: string[]): Promise<void> {
  const results = [];
  for (const tool of [["umoci"], []]) {
    const layout = layoutOf(base);
    const made = readNamed(layout, "a").descriptor;
    const argv = ["config", "--image", `${layout}:a`, "--tag", "b", ...options];
    await (tool.length > 0 ? ok(...tool, ...argv) : imageOk(...argv));
    const { manifest, config } = readNamed(layout, "b");
    const history = (config.history ?? []).map(({ created: _, created_by: __, ...rest }: Record<string, unknown>) => rest);
    results.push({ config: { ...config, history }, annotations: manifest.annotations ?? {}, layers: manifest.layers });
    // The image it was made from stays.
    expect(readNamed(layout, "a").descriptor.digest).toBe(made.digest);
  }
  expect(results[1]).toEqual(results[0]);
}

const BASE: ImageSpec = {
  properties: { created: "2020-01-02T03:04:05Z", author: "somebody" },
  config: {
    User: "1:1",
    ExposedPorts: { "80/tcp": {} },
    Env: ["PATH=/bin", "A=1"],
    Entrypoint: ["/entry"],
    Cmd: ["cmd", "arg"],
    Volumes: { "/data": {} },
    WorkingDir: "/old",
    Labels: { a: "1", b: "2" },
    StopSignal: "SIGINT",
  },
};

test("config: sets what umoci sets", async () => {
  const single = ["--config.user", "www:www", "--config.workingdir", "/new", "--config.stopsignal", "SIGQUIT", "--author", "me"];
  await bothConfigs({}, ...single, "--created", "2021-02-03T04:05:06Z", "--architecture", "arm64", "--os", "freebsd");
  const lists = ["--config.env", "A=2", "--config.env", "B=x=y", "--config.label", "b=3", "--config.label", "c=", "--config.exposedports", "53/udp"];
  await bothConfigs(BASE, ...single, ...lists, "--config.volume", "/logs", "--manifest.annotation", "x=y");
});

test("config: entrypoint and cmd are replaced as umoci does", async () => {
  await bothConfigs(BASE, "--config.entrypoint", "/new");
  await bothConfigs(BASE, "--config.cmd", "one", "--config.cmd=-g", "--config.cmd", "two three");
  await bothConfigs(BASE, "--config.entrypoint", "/new", "--config.entrypoint=-x", "--config.cmd", "one");
});

test("config: --clear empties what was there, not what is set with it", async () => {
  for (const what of ["config.labels", "manifest.annotations", "config.exposedports", "config.env", "config.entrypoint", "config.cmd", "config.volume"])
    await bothConfigs(BASE, "--clear", what);
  await bothConfigs(BASE, "--clear", "config.env", "--config.env", "C=1", "--clear", "config.labels", "--config.label", "n=1");
  const { code, err } = await image("config", "--image", "x:a", "--clear", "config.user");
  expect(err).toContain('"config.user" cannot be cleared');
  expect(code).toBe(1);
});

test("skopeo copies what we write, umoci and we read it again", async () => {
  const layout = layoutOf(BASE);
  await imageOk("config", "--image", `${layout}:a`, "--tag", "b", "--config.label", "x=y", "--manifest.annotation", "k=v");
  const copy = fresh();
  const { descriptor } = readNamed(layout, "b");
  expect(await ok("skopeo", "copy", "--insecure-policy", "--preserve-digests", `oci:${layout}:b`, `oci:${copy}:b`)).toContain("Writing manifest");
  expect(readNamed(copy, "b").descriptor.digest).toBe(descriptor.digest);
  expect(JSON.parse(await ok("skopeo", "inspect", `oci:${copy}:b`))).toMatchObject({ Digest: descriptor.digest, Labels: { a: "1", b: "2", x: "y" } });
  expect(JSON.parse(await ok("umoci", "stat", "--json", "--image", `${copy}:b`)).history).toHaveLength(2);
  await imageOk("verify", copy);
});

test("config: the history has a line more, with what was asked for, or none", async () => {
  await bothConfigs(BASE, "--no-history", "--config.user", "2");
  await bothConfigs(BASE, "--history.author", "h", "--history.comment", "why", "--config.user", "2");
  const layout = fresh();
  await imageOk("new", "--image", `${layout}:a`);
  const created = "2022-01-01T00:00:00+02:00";
  await imageOk("config", "--image", `${layout}:a`, "--history.created", created, "--history.created_by", "a test", "--author", "me");
  expect(readNamed(layout, "a").config.history).toEqual([{ created, created_by: "a test", author: "me", empty_layer: true }]);
  await imageOk("config", "--image", layout, "--config.user", "1");
  expect(readNamed(layout, "a").config.history[1]).toMatchObject({ created_by: "tsrun image config", author: "me" });
  for (const bad of ["yesterday", "2022-01-01", "2022-13-01T00:00:00Z"]) {
    const { err, code } = await image("config", "--image", layout, "--created", bad);
    expect(err).toContain(`"${bad}" is no time`);
    expect(code).toBe(1);
  }
});

test("config: what it does not know in a config stays", async () => {
  const layout = layoutOf({ properties: { "os.version": "10", "x-more": [1] }, config: { Healthcheck: { Test: ["NONE"] }, OnBuild: null } });
  await imageOk("config", "--image", layout, "--config.user", "1");
  expect(readNamed(layout, "a").config).toMatchObject({ "os.version": "10", config: { Healthcheck: { Test: ["NONE"] }, User: "1" }, "x-more": [1] });
});

test("config: an image of several platforms keeps the others", async () => {
  const layout = fresh();
  const platforms = ["amd64", "arm64"].map((architecture) => ({ architecture, os: "linux" }));
  const images = platforms.map((platform) => ({ ...writeImage(layout, { layers: [[]], platform }), platform }));
  const inner = writeJson(layout, { schemaVersion: 2, mediaType: INDEX, manifests: images, annotations: { kept: "yes" } }, INDEX);
  const outer = writeJson(layout, { schemaVersion: 2, mediaType: INDEX, manifests: [inner] }, INDEX);
  addToIndex(layout, { ...outer, annotations: { [REF_NAME]: "multi" } });
  await imageOk("config", "--image", `${layout}:multi`, "--platform", "linux/arm64", "--config.user", "me", "--tag", "new");
  const [old, changed] = readIndex(layout).manifests;
  expect(old?.digest).toBe(outer.digest);
  const nested = readJson(blobFile(layout, readJson(blobFile(layout, changed?.digest ?? "")).manifests[0].digest));
  expect(nested.annotations).toEqual({ kept: "yes" });
  expect(nested.manifests[0]).toEqual(images[0]);
  expect(nested.manifests[1].platform).toEqual(platforms[1]);
  expect(readImage(layout, nested.manifests[1]).config.config.User).toBe("me");
});

test("config: an image without a name is changed where it is", async () => {
  const layout = makeLayout(fresh(), { layers: [[]] });
  await imageOk("config", "--image", layout, "--config.user", "me");
  const [only, ...others] = readIndex(layout).manifests;
  expect(others).toEqual([]);
  expect(only?.annotations).toBeUndefined();
  expect(readImage(layout, only ?? { digest: "" }).config.config.User).toBe("me");
});

test("config: layers of Docker's media types get the image-spec's, as the manifest is the image-spec's", async () => {
  const layout = fresh();
  const { manifest: made } = readImage(layout, writeImage(layout, { layers: [{ compression: "none" }] }));
  const docker = [{ ...made.layers[0], mediaType: "application/vnd.docker.image.rootfs.diff.tar" }];
  const config = { ...made.config, mediaType: "application/vnd.docker.container.image.v1+json" };
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  addToIndex(layout, { ...writeJson(layout, { schemaVersion: 2, mediaType, config, layers: docker }, mediaType), annotations: { [REF_NAME]: "a" } });
  await imageOk("config", "--image", layout, "--config.user", "me");
  const { manifest, descriptor } = readNamed(layout, "a");
  expect([descriptor.mediaType, manifest.mediaType, manifest.config.mediaType]).toEqual([MANIFEST, MANIFEST, CONFIG]);
  expect(manifest.layers).toEqual([{ ...made.layers[0], mediaType: LAYER }]);
});

test("tag: another name for the same image; a taken name is moved; a name of an image without one is its name", async () => {
  const layout = fresh();
  await imageOk("new", "--image", `${layout}:a`);
  await imageOk("tag", "--image", `${layout}:a`, "b");
  await imageOk("config", "--image", `${layout}:a`, "--config.user", "1");
  expect(namesOf(layout)).toEqual(["a", "b"]);
  await imageOk("tag", "--image", `${layout}:a`, "b");
  const [a, b] = readIndex(layout).manifests;
  expect(b?.digest).toBe(a?.digest ?? "");
  for (const bad of ["", "a b", "-x", "a..b", "../x"]) {
    const { code, err } = await image("tag", "--image", `${layout}:a`, "--", bad);
    expect(err).toContain("no valid name");
    expect(code).toBe(1);
  }
  const nameless = makeLayout(fresh(), { layers: [[]] });
  await imageOk("tag", "--image", nameless, "first");
  expect(namesOf(nameless)).toEqual(["first"]);
});

test("rm: the name goes, the others and the blobs stay; an unknown one is told", async () => {
  const layout = fresh();
  await imageOk("new", "--image", `${layout}:a`);
  await imageOk("tag", "--image", `${layout}:a`, "b");
  const before = blobsOf(layout).length;
  await imageOk("rm", "--image", `${layout}:a`);
  expect(namesOf(layout)).toEqual(["b"]);
  expect(blobsOf(layout).length).toBe(before);
  const { code, err } = await image("rm", "--image", `${layout}:a`);
  expect(err).toContain('has no image "a"\n  hint: it has: b');
  expect(code).toBe(1);
});

test("a name that is there twice is not guessed at", async () => {
  const layout = makeLayout(fresh(), { name: "a" }, { name: "a", config: { User: "x" } });
  const { code, err } = await image("rm", "--image", `${layout}:a`);
  expect(err).toContain('2 images of the name "a"');
  expect(code).toBe(1);
});

test("gc: what the index leads to stays, through nested indexes, subjects and referrers; the rest goes", async () => {
  const layout = fresh();
  const kept = writeImage(layout, { layers: [[], [{ path: "x" }]] });
  const wide = writeImage(layout, { manifest: { layers: [writeBlob(layout, bytesOf("a layer"), LAYER, "sha512")] } });
  const inner = writeJson(layout, { schemaVersion: 2, manifests: [wide] }, INDEX);
  const subject = writeImage(layout, { config: { User: "subject" } });
  const withSubject = writeImage(layout, { config: { User: "with subject" }, manifest: { subject } });
  const unknown = writeJson(layout, { needs: [writeBlob(layout, bytesOf("a part of the cache"), "x/y").digest] }, "application/x-cache+json");
  addToIndex(layout, kept, inner, withSubject, unknown);
  const signature = writeImage(layout, {
    manifest: {
      artifactType: "x/signature",
      config: writeBlob(layout, bytesOf("{}"), "application/vnd.oci.empty.v1+json"),
      layers: [writeBlob(layout, bytesOf("signed"), "x/signature")],
      subject: kept,
    },
  });
  // Its own config, which the manifest above has replaced, is garbage.
  const ofSignature = writeJson(layout, { schemaVersion: 2, manifests: [], subject: signature }, INDEX);
  await imageOk("gc", "--layout", layout);
  for (const { digest } of [signature, ofSignature, subject, unknown, wide]) expect(existsSync(blobFile(layout, digest))).toBe(true);
  const before = blobsOf(layout).sort();
  const lost = writeImage(layout, { layers: [[{ path: "lost" }]], config: { User: "lost" } });
  const ofLost = writeImage(layout, { layers: [[{ path: "lost" }]], config: { User: "lost" }, manifest: { subject: lost } });
  writeBlob(layout, bytesOf('{"subject": {"digest": '), "x/y");
  writeFileSync(`${layout}/.tsrun-0123456789abcdef`, "half of a blob");
  writeFileSync(`${layout}/blobs/sha256/README`, "no blob");
  const dry = await imageOk("gc", "--layout", layout, "--dry-run");
  expect(dry).toContain(lost.digest);
  expect(dry).toContain(ofLost.digest);
  expect(existsSync(blobFile(layout, lost.digest))).toBe(true);
  expect(await imageOk("gc", "--layout", layout)).toStartWith("5 blobs removed, ");
  expect(blobsOf(layout).sort()).toEqual([...before, "sha256:README"].sort());
  expect(temporariesOf(layout)).toEqual([]);
  expect(await imageOk("gc", "--layout", layout)).toStartWith("0 blobs removed");
});

test("gc: a broken document stops it: nobody knows what it needs", async () => {
  const layout = layoutOf();
  const garbage = writeBlob(layout, bytesOf("garbage"), "x/y");
  const { descriptor } = readNamed(layout, "a");
  writeFileSync(blobFile(layout, descriptor.digest), readFileSync(blobFile(layout, descriptor.digest), "utf8").replace("{", "{ "));
  const { code, err } = await image("gc", "--layout", layout);
  expect(err).toContain(descriptor.digest);
  expect(code).toBe(1);
  expect(existsSync(blobFile(layout, garbage.digest))).toBe(true);
});

test("gc: an image that is not there in whole is no reason to stop", async () => {
  const layout = layoutOf();
  addToIndex(layout, { ...readNamed(layout, "a").descriptor, digest: digestOf(bytesOf("elsewhere")) });
  expect(await imageOk("gc", "--layout", layout)).toStartWith("0 blobs removed");
});

test("gc: waits for a writer", async () => {
  const layout = fresh();
  await imageOk("new", "--image", `${layout}:a`);
  const unnamed = writeBlob(layout, bytesOf("not in the index yet"), "x/y");
  // flock(1) shares the directory as a writer does, until its program ends.
  const fifo = newPath("fifo");
  await ok("mkfifo", fifo);
  const writer = Bun.spawn(["flock", "--shared", layout, "cat", fifo], { stdout: "ignore" });
  const hold = openSync(fifo, "w");
  let isDone = false;
  const gc = imageOk("gc", "--layout", layout).then((text) => {
    isDone = true;
    return text;
  });
  await imageOk("tag", "--image", `${layout}:a`, "b");
  expect(isDone).toBe(false);
  expect(existsSync(blobFile(layout, unnamed.digest))).toBe(true);
  closeSync(hold);
  await writer.exited;
  expect(await gc).toStartWith("1 blobs removed");
});

test("many writers at once lose nothing of each other's", async () => {
  const layout = fresh();
  await imageOk("new", "--image", `${layout}:base`);
  const wanted = Array.from({ length: 12 }, (_, i) => `n${i}`);
  await Promise.all([
    ...wanted.map((name, i) => imageOk("config", "--image", `${layout}:base`, "--tag", name, "--config.user", String(i))),
    imageOk("gc", "--layout", layout),
    imageOk("gc", "--layout", layout),
  ]);
  expect(namesOf(layout).sort()).toEqual(["base", ...wanted].sort());
  for (const [i, name] of wanted.entries()) expect(readNamed(layout, name).config.config.User).toBe(String(i));
  expect(temporariesOf(layout)).toEqual([]);
});

test("config: changes of one image by several at once are all made, on each of its platforms", async () => {
  const layout = fresh();
  const platforms = ["amd64", "arm64"].map((architecture) => ({ architecture, os: "linux" }));
  const images = platforms.map((platform) => ({ ...writeImage(layout, { layers: [[]], platform }), platform }));
  addToIndex(layout, { ...writeJson(layout, { schemaVersion: 2, mediaType: INDEX, manifests: images }, INDEX), annotations: { [REF_NAME]: "multi" } });
  const labels = ["one", "two", "three", "four"];
  await Promise.all(
    platforms.flatMap(({ architecture }) =>
      labels.map((label) =>
        imageOk("config", "--image", `${layout}:multi`, "--platform", `linux/${architecture}`, "--config.label", `${label}=${architecture}`),
      ),
    ),
  );
  for (const [i, { architecture }] of platforms.entries()) {
    const changed = readJson(blobFile(layout, readIndex(layout).manifests[0]?.digest ?? "")).manifests[i];
    expect(readImage(layout, changed).config.config.Labels).toEqual(Object.fromEntries(labels.map((label) => [label, architecture])));
  }
  expect(readIndex(layout).manifests.length).toBe(1);
});

test("a full disk: the layout is as it was, without a half of anything", async () => {
  const mount = newPath("small");
  mkdirSync(mount);
  // A mount namespace of its own, which ends with the shell.
  const script = `mount -t tmpfs -o size=64k none ${mount} && cp -r "$1"/. ${mount}/ && dd if=/dev/zero of=${mount}/.filler 2>/dev/null; shift; "$@" && exit 99; find ${mount} -name '.tsrun*'; cat ${mount}/index.json`;
  const layout = fresh();
  await imageOk("new", "--image", `${layout}:a`);
  const ran = await run(["unshare", "--mount", "sh", "-c", script, "-", layout, ...TOOL_ARGV, "config", "--image", `${mount}:a`, "--config.user", "x"]);
  expect(ran.err).toMatch(/^tsrun: cannot write "[^"]*\/\.tsrun-[0-9a-f]+": write: ENOSPC \(no space left on device\)\n$/);
  expect(ran.out).toBe(readFileSync(`${layout}/index.json`, "utf8"));
});
