// ls, inspect and history: what they tell of an image, for people and as JSON.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { addToIndex, HOST, makeLayout, writeBlob, writeImage, writeJson } from "./helpers/layout.ts";
import { blobFile, INDEX, REF_NAME, readImage, readNamed } from "./helpers/read.ts";
import { scratch } from "./helpers/scratch.ts";
import { image, imageOk } from "./helpers/tool.ts";

const newPath = scratch();
const fresh = () => newPath("layout");
const CREATED = "2024-01-02T03:04:05.678Z";

/** The cells of a table's rows, without its head. */
const rows = (table: string) =>
  table
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split(/ {2,}/));

const platform = `${HOST.os}/${HOST.architecture}`;

test("ls: images, platforms of an index, artifacts, and what is broken or not there", async () => {
  const layout = fresh();
  const one = writeImage(layout, { layers: [[], [{ path: "x", content: "y" }]] });
  const other = writeImage(layout, { platform: { os: "linux", architecture: "arm", variant: "v7" } });
  const arm = { os: "linux", architecture: "arm", variant: "v7" };
  const index = writeJson(
    layout,
    {
      schemaVersion: 2,
      manifests: [
        { ...one, platform: HOST },
        { ...other, platform: arm },
      ],
    },
    INDEX,
  );
  const artifact = writeImage(layout, { manifest: { artifactType: "x/signature", config: writeBlob(layout, Buffer.from("{}"), "x/empty"), layers: [] } });
  const lost = writeImage(layout, { config: { User: "lost" } });
  rmSync(blobFile(layout, lost.digest));
  const name = (text: string) => ({ annotations: { [REF_NAME]: text } });
  addToIndex(layout, { ...one, ...name("one") }, { ...index, ...name("many") }, artifact, { ...lost, ...name("lost") });
  const { manifest } = readImage(layout, one);
  const bytes = manifest.config.size + manifest.layers[0].size + manifest.layers[1].size;
  const size = bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
  const table = rows(await imageOk("ls", layout));
  expect(table[0]).toEqual(["one", "image", platform, "2", size, CREATED, one.digest]);
  expect(table[1]).toEqual(["many", "index", "-", "-", "-", "-", index.digest]);
  expect(table[2]?.slice(0, 3)).toEqual(["many", "image", platform]);
  expect(table[3]?.slice(0, 3)).toEqual(["many", "image", "linux/arm/v7"]);
  expect(table[4]?.slice(0, 3)).toEqual(["-", "artifact", "-"]);
  expect(table[5]).toEqual(["lost", "image", "-", "-", "-", "-", `${lost.digest} (it is not there)`]);
  const json = JSON.parse(await imageOk("ls", "--json", `${layout}:many`));
  expect(json.map(({ kind }: { kind: string }) => kind)).toEqual(["index", "image", "image"]);
  expect(json[1]).toEqual({ name: "many", kind: "image", descriptor: { ...one, platform: HOST }, platform: HOST, created: CREATED, layers: 2, size: bytes });
});

test("ls: nested indexes are told once, however often they occur", async () => {
  const layout = fresh();
  let inner = writeImage(layout, {});
  for (let i = 0; i < 10; i++) inner = writeJson(layout, { schemaVersion: 2, manifests: Array(50).fill(inner), annotations: { depth: String(i) } }, INDEX);
  addToIndex(layout, inner);
  expect(rows(await imageOk("ls", layout))).toHaveLength(10 * 50 + 1);
});

test("inspect: manifest, config, layers, annotations", async () => {
  const config = {
    User: "1000:100",
    Env: ["PATH=/bin", "A=b c"],
    Entrypoint: ["/init", "a b"],
    Cmd: ["run"],
    WorkingDir: "/work",
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Volumes: { "/data": {} },
    Labels: { "com.example.a": "1" },
    StopSignal: "SIGQUIT",
  };
  const layout = makeLayout(fresh(), { name: "a", layers: [[], []], config, properties: { author: "me" }, manifest: { annotations: { x: "y" } } });
  const { descriptor, manifest, config: written } = readNamed(layout, "a");
  const text = await imageOk("inspect", layout);
  const lines = [
    `Name:         a`,
    `Manifest:     ${descriptor.digest} (${descriptor.mediaType}, ${descriptor.size < 1000 ? `${descriptor.size} B` : `${(descriptor.size / 1000).toFixed(1)} kB`})`,
    `Platform:     ${platform}`,
    `Created:      ${CREATED}`,
    `Author:       me`,
    `User:         1000:100`,
    `Env:          PATH=/bin`,
    `Env:          A=b c`,
    `Entrypoint:   ["/init","a b"]`,
    `Cmd:          ["run"]`,
    `Working dir:  /work`,
    `Ports:        80/tcp, 53/udp`,
    `Volumes:      /data`,
    `Label:        com.example.a=1`,
    `Stop signal:  SIGQUIT`,
    `Annotation:   x=y`,
  ];
  for (const line of lines) expect(text.split("\n")).toContain(line);
  for (const [i, layer] of manifest.layers.entries()) expect(text).toContain(`${layer.digest}  ${written.rootfs.diff_ids[i]}`);
  const json = JSON.parse(await imageOk("inspect", "--json", `${layout}:a`));
  expect(json).toEqual({ name: "a", entry: descriptor, manifestDescriptor: descriptor, manifest, config: written });
});

test("inspect: one platform of several, and what the others are", async () => {
  const layout = fresh();
  const platforms = [HOST, { os: "linux", architecture: "riscv64" }];
  const images = platforms.map((one) => ({ ...writeImage(layout, { platform: one, layers: [[]] }), platform: one }));
  addToIndex(layout, writeJson(layout, { schemaVersion: 2, manifests: images }, INDEX));
  expect(await imageOk("inspect", layout)).toContain(`Platform:     ${platform}\n`);
  const other = await imageOk("inspect", "--platform", "linux/riscv64", layout);
  expect(other).toContain("Platform:     linux/riscv64\n");
  for (const one of images) expect(other).toContain(one.digest);
  const { err, code } = await image("inspect", "--platform", "linux/sparc", layout);
  expect(err).toContain(`--platform: it has ${platform}, linux/riscv64`);
  expect(code).toBe(1);
  expect((await image("inspect", "--platform", "linux", layout)).err).toContain('"linux" is no platform');
});

test("inspect: an artifact has no config of an image", async () => {
  const layout = fresh();
  const empty = writeBlob(layout, Buffer.from("{}"), "application/vnd.oci.empty.v1+json");
  addToIndex(layout, writeImage(layout, { manifest: { artifactType: "x/sbom", config: empty, layers: [writeBlob(layout, Buffer.from("bom"), "text/x")] } }));
  const text = await imageOk("inspect", layout);
  expect(text).toContain("Artifact:     x/sbom\n");
  expect(text).toContain("text/x");
  expect(JSON.parse(await imageOk("inspect", "--json", layout)).config).toBeUndefined();
  expect((await image("history", layout)).err).toContain("it is an artifact of type x/sbom, not an image");
});

test("history: steps with their layers, also where the history is shorter than the layers", async () => {
  const history = [{ created: CREATED, created_by: "ADD", author: "me" }, { created_by: "ENV", empty_layer: true, comment: "no layer" }, { created_by: "RUN" }];
  const layout = makeLayout(fresh(), { name: "a", layers: [[], [], []], properties: { history } });
  const { manifest, config } = readNamed(layout, "a");
  const [one, two, three] = manifest.layers;
  const size = `${one.size} B`;
  expect(rows(await imageOk("history", layout))).toEqual([
    [CREATED, size, one.digest, "ADD", "me"],
    ["-", "-", "-", "ENV", "no layer"],
    ["-", size, two.digest, "RUN"],
    ["-", size, three.digest, "-"],
  ]);
  const json = JSON.parse(await imageOk("history", "--json", layout));
  expect(json[0]).toEqual({ history: history[0], layer: { ...one, diffId: config.rootfs.diff_ids[0] } });
  expect(json[1]).toEqual({ history: history[1] });
});
