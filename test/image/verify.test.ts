// verify: every rule that can be broken, one at a time, is found and named; nothing else is.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Finding } from "../../src/image/verify/finding.ts";
import { addToIndex, compress, digestOf, type ImageSpec, makeLayout, writeBlob, writeImage, writeJson } from "./helpers/layout.ts";
import { blobFile, blobsOf, CONFIG, INDEX, LAYER, MANIFEST, REF_NAME, readJson, readNamed } from "./helpers/read.ts";
import { scratch } from "./helpers/scratch.ts";
import { image, imageOk } from "./helpers/tool.ts";

const newPath = scratch();
const fresh = () => newPath("layout");
const NOWHERE = digestOf(Buffer.from("nowhere"));

const named = (name: string) => ({ annotations: { [REF_NAME]: name } });

function layoutOf(spec: ImageSpec = {}): string {
  return makeLayout(fresh(), { layers: [[{ path: "file", content: "x" }]], name: "a", ...spec });
}

async function findings(layout: string, name = ""): Promise<readonly Finding[]> {
  const { code, out, err } = await image("verify", "--json", `${layout}${name}`);
  const result = JSON.parse(out);
  expect(code).toBe(result.findings.length === 0 ? 0 : 1);
  if (code === 1) expect(err).toContain(`wrong in ${layout}`);
  return result.findings;
}

/** The one thing that is wrong: its code, its rule, and a part of its message. */
async function expectOne(layout: string, code: string, rule: string, blob: string, message: string): Promise<void> {
  expect(await findings(layout)).toEqual([{ code, rule, blob, message: expect.stringContaining(message), path: expect.any(String) }]);
}

/** A layout whose index has one entry, made by `make`. */
async function expectEntry(make: (layout: string) => ReturnType<typeof writeJson>, code: string, rule: string, message: string): Promise<void> {
  const layout = fresh();
  const entry = make(layout);
  addToIndex(layout, entry);
  await expectOne(layout, code, rule, entry.digest, message);
}

test("a good layout: every compression and digest, several platforms, an artifact, a subject; what it has is counted", async () => {
  const layout = fresh();
  const members = [{ path: "file", content: "x" }];
  const one = writeImage(layout, { layers: (["none", "gzip", "zstd"] as const).map((compression) => ({ members, compression })) });
  const data = Buffer.from("{}");
  const artifact = writeImage(layout, {
    manifest: {
      artifactType: "x/y",
      config: { ...writeBlob(layout, data, "application/vnd.oci.empty.v1+json"), data: data.toString("base64") },
      layers: [writeBlob(layout, Buffer.from("signed"), "x/y", "sha512")],
      subject: one,
    },
  });
  const away = writeImage(layout, { manifest: { artifactType: "x/z", subject: { ...one, digest: NOWHERE } } });
  const inner = writeJson(
    layout,
    { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...one, platform: { os: "linux", architecture: "amd64" } }, artifact] },
    INDEX,
  );
  addToIndex(layout, { ...inner, ...named("a") }, { ...one, ...named("b") }, away, writeBlob(layout, Buffer.from("?"), "not/known"));
  // The artifact's own config, which is not its config any more.
  await imageOk("gc", "--layout", layout);
  expect(JSON.parse(await imageOk("verify", "--json", layout))).toEqual({ blobs: blobsOf(layout).length, bytes: expect.any(Number), findings: [] });
  expect(await imageOk("verify", layout)).toMatch(/^\d+ blobs, [\d.]+ [kM]?B: nothing is wrong\n$/);
});

test("only what was asked for is looked at", async () => {
  const layout = makeLayout(fresh(), { name: "good", layers: [[]] }, { name: "bad", layers: [{ diffId: NOWHERE }] });
  expect(await findings(layout, ":good")).toEqual([]);
  expect(await findings(layout, ":bad")).toHaveLength(1);
  expect((await image("verify", `${layout}:ugly`)).err).toContain("it has: good, bad");
});

test("the words: blob, rule and the way to it", async () => {
  const layout = layoutOf({ layers: [{ diffId: NOWHERE }] });
  const [layer] = readNamed(layout, "a").manifest.layers;
  const { out, err, code } = await image("verify", layout);
  const unpacked = digestOf(Buffer.alloc(1024));
  expect(out).toBe(
    `${layer.digest}: the layer unpacks to ${unpacked}, the config says ${NOWHERE} (config.md, "Layer DiffID")\n  at index.json > manifests/0 (a) > layers/0\n`,
  );
  expect(err).toBe(`tsrun: 1 thing is wrong in ${layout}\n`);
  expect(code).toBe(1);
});

test("oci-layout and index.json", async () => {
  const layoutFile = 'image-layout.md, "oci-layout file"';
  const indexFile = 'image-layout.md, "index.json file"';
  const changed = (name: string, content: string | undefined) => {
    const layout = layoutOf();
    if (content === undefined) rmSync(`${layout}/${name}`);
    else writeFileSync(`${layout}/${name}`, content);
    return layout;
  };
  await expectOne(changed("oci-layout", undefined), "TS7001", layoutFile, "oci-layout", "it is not there");
  await expectOne(changed("oci-layout", "{}"), "TS7002", layoutFile, "oci-layout", "imageLayoutVersion");
  await expectOne(changed("oci-layout", '{"imageLayoutVersion":"1.1.0"}'), "TS7002", layoutFile, "oci-layout", 'not "1.0.0"');
  await expectOne(changed("index.json", '{"schemaVersion":2,"manifests":['), "TS7002", indexFile, "index.json", "no JSON document");
  await expectOne(changed("index.json", '{"schemaVersion":1,"manifests":[]}'), "TS7002", indexFile, "index.json", "/schemaVersion");
  await expectOne(
    changed("index.json", `{"schemaVersion":2,"mediaType":"${MANIFEST}","manifests":[]}`),
    "TS7002",
    'image-index.md, "mediaType"',
    "index.json",
    MANIFEST,
  );
  expect(await findings(newPath("nothing"))).toHaveLength(2);
});

test("a blob that is missing, longer, shorter, changed, or no file", async () => {
  const kinds = { layer: (layout: string) => readNamed(layout, "a").manifest.layers[0], config: (layout: string) => readNamed(layout, "a").manifest.config };
  for (const descriptorOf of [kinds.layer, kinds.config, (layout: string) => readNamed(layout, "a").descriptor]) {
    const damaged = (damage: (path: string) => void) => {
      const layout = layoutOf();
      const { digest } = descriptorOf(layout);
      damage(blobFile(layout, digest));
      return [layout, digest] as const;
    };
    const [missing, d1] = damaged((path) => rmSync(path));
    await expectOne(missing, "TS7001", 'image-layout.md, "Blobs"', d1, "it is not there");
    const [longer, d2] = damaged((path) => writeFileSync(path, `${readFileSync(path, "latin1")} `, "latin1"));
    await expectOne(longer, "TS7004", 'descriptor.md, "Verification"', d2, "bytes, its descriptor says");
    const [shorter, d3] = damaged((path) => truncateSync(path, 5));
    await expectOne(shorter, "TS7004", 'descriptor.md, "Verification"', d3, "has 5 bytes");
    const [changed, d4] = damaged((path) => {
      const bytes = readFileSync(path);
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    });
    await expectOne(changed, "TS7004", 'descriptor.md, "Verification"', d4, "the blob's digest is");
  }
});

test("sha512 is checked as well", async () => {
  const layout = fresh();
  const layer = writeBlob(layout, Buffer.from("a layer"), "x/y", "sha512");
  addToIndex(layout, layer);
  writeFileSync(blobFile(layout, layer.digest), "b layer");
  await expectOne(layout, "TS7004", 'descriptor.md, "Verification"', layer.digest, "the blob's digest is sha512:");
});

test("digests of no known algorithm, or of the wrong form, are never made a path", async () => {
  for (const digest of ["md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:abc", `sha256:${"A".repeat(64)}`]) {
    const layout = makeLayout(fresh());
    addToIndex(layout, { mediaType: MANIFEST, digest, size: 2 });
    await expectOne(layout, "TS7003", 'descriptor.md, "Digests"', digest, digest);
  }
  const layout = makeLayout(fresh());
  addToIndex(layout, { mediaType: MANIFEST, digest: "sha256:../../../etc/passwd", size: 2 });
  await expectOne(layout, "TS7002", 'image-layout.md, "index.json file"', "index.json", "/manifests/0/digest");
});

test("documents that are not what their descriptor says, or two things at once", async () => {
  const base = { schemaVersion: 2, manifests: [] };
  await expectEntry((l) => writeJson(l, { ...base, mediaType: MANIFEST }, INDEX), "TS7002", 'image-index.md, "mediaType"', MANIFEST);
  await expectEntry((l) => writeJson(l, { ...base, layers: [] }, INDEX), "TS7002", 'manifest.md, "mediaType"', "members of a manifest");
  await expectEntry((l) => writeImage(l, { manifest: { manifests: [] } }), "TS7002", 'manifest.md, "mediaType"', "members of an index");
  await expectEntry((l) => writeImage(l, { manifest: { mediaType: INDEX } }), "TS7002", 'manifest.md, "mediaType"', INDEX);
});

test("schemas: everything that is wrong in a document at once", async () => {
  const layout = fresh();
  const entry = writeJson(layout, { schemaVersion: 3, config: { mediaType: "x", digest: NOWHERE, size: 1 }, layers: {} }, MANIFEST);
  addToIndex(layout, entry);
  const found = await findings(layout);
  expect(found.map(({ message }) => message.split(":")[0]).sort()).toEqual(["/config/mediaType", "/layers", "/schemaVersion"]);
  for (const { rule, blob } of found) expect([rule, blob]).toEqual(['manifest.md, "Image Manifest Property Descriptions"', entry.digest]);
  const config = layoutOf({ properties: { os: 1 } });
  await expectOne(config, "TS7002", 'config.md, "Properties"', readNamed(config, "a").manifest.config.digest, "/os");
});

test("config: as many diff_ids as layers, of known digests, times of RFC 3339", async () => {
  const check = async (properties: object, rule: string, message: string) => {
    const layout = layoutOf({ properties });
    await expectOne(layout, "TS7002", rule, readNamed(layout, "a").manifest.config.digest, message);
  };
  await check({ rootfs: { type: "layers", diff_ids: [] } }, 'config.md, "rootfs"', "0 diff_ids for 1 layers");
  await check({ created: "yesterday" }, 'config.md, "created"', '"yesterday"');
  await check({ history: [{ created: "2024-13-01T00:00:00Z" }] }, 'config.md, "created"', "2024-13-01");
  const layout = layoutOf({ layers: [{ diffId: "sha256:abc" }] });
  expect((await findings(layout)).map(({ rule }) => rule)).toContain('config.md, "Layer DiffID"');
});

test("layers: a stream that is cut off, or no stream", async () => {
  const bytes = gzipSync(Buffer.alloc(4096));
  const cut = layoutOf({ layers: [{ blob: bytes.subarray(0, -8) }] });
  await expectOne(cut, "TS7010", 'layer.md, "Distributable Format"', readNamed(cut, "a").manifest.layers[0].digest, "cut off");
  const none = layoutOf({ layers: [{ blob: Buffer.from("this is no gzip"), compression: "gzip" }] });
  await expectOne(none, "TS7010", 'layer.md, "Distributable Format"', readNamed(none, "a").manifest.layers[0].digest, "no gzip stream");
  const zstd = layoutOf({ layers: [{ blob: compress(Buffer.alloc(4096), "zstd").subarray(0, -3), compression: "zstd" }] });
  await expectOne(zstd, "TS7010", 'layer.md, "Distributable Format"', readNamed(zstd, "a").manifest.layers[0].digest, "cut off");
});

test("layers that may not be distributed need not be there", async () => {
  const foreign = { mediaType: LAYER.replace("layer", "layer.nondistributable"), digest: NOWHERE, size: 5, urls: ["https://example.com/layer"] };
  const layout = layoutOf({ manifest: { layers: [foreign] } });
  expect(await findings(layout)).toEqual([]);
});

test("embedded data must be the blob", async () => {
  const check = async (data: string, message: string) => {
    const layout = fresh();
    const one = { ...writeBlob(layout, Buffer.from("hello"), "x/y"), data };
    addToIndex(layout, one);
    await expectOne(layout, "TS7002", 'descriptor.md, "Embedded Content"', one.digest, message);
  };
  await check("aGVsbG8gd29ybGQ=", "not what digest and size say");
  await check("aGVsbG8", "not in base 64");
});

test("an artifact without config and type", async () => {
  const config = (layout: string) => writeBlob(layout, Buffer.from("{}"), "application/vnd.oci.empty.v1+json");
  await expectEntry((l) => writeImage(l, { manifest: { config: config(l), layers: [] } }), "TS7002", 'manifest.md, "artifactType"', "artifactType");
});

test("indexes in indexes end: too deep, and an index that claims to hold itself", async () => {
  const layout = fresh();
  let inner = writeImage(layout, {});
  for (let i = 0; i < 12; i++) inner = writeJson(layout, { schemaVersion: 2, manifests: [inner, inner], annotations: { depth: String(i) } }, INDEX);
  addToIndex(layout, inner);
  const deep = await findings(layout);
  expect(deep.map(({ code }) => code)).toEqual(["TS7005"]);
  const cycle = makeLayout(fresh());
  const text = JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: INDEX, digest: NOWHERE, size: 0 }] }).replace('"size":0', '"size":210');
  writeBlob(cycle, Buffer.from("nowhere"), INDEX);
  writeFileSync(blobFile(cycle, NOWHERE), text.padEnd(210));
  addToIndex(cycle, { mediaType: INDEX, digest: NOWHERE, size: 210 });
  await expectOne(cycle, "TS7004", 'descriptor.md, "Verification"', NOWHERE, "digest is");
});

test("what a name in an image says to a terminal is not passed on", async () => {
  const layout = makeLayout(fresh());
  addToIndex(layout, { mediaType: MANIFEST, digest: NOWHERE, size: 5, ...named("\u001b[31mred\u202e") });
  for (const command of ["verify", "ls"]) {
    const { out } = await image(command, layout);
    expect(out).toContain("\\x1b[31mred\\u{202e}");
    expect(out).not.toContain("\u001b");
  }
  writeFileSync(`${layout}/index.json`, JSON.stringify({ ...readJson(`${layout}/index.json`), mediaType: "\u009b31m" }));
  expect((await image("verify", "--json", layout)).out).not.toContain("\u009b");
  expect((await image("ls", layout)).err).not.toContain("\u009b");
});

test("a config that no document is big enough for is not read", async () => {
  const layout = layoutOf({ manifest: { config: { mediaType: CONFIG, digest: NOWHERE, size: 2 ** 40 } } });
  await expectOne(layout, "TS7005", "a limit of tsrun's", NOWHERE, "more than");
});
