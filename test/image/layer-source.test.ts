// A layer's bytes: every compression, several members or frames, and every way in which a blob can be wrong.
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { ImageError } from "../../src/image/errors.ts";
import { Budget, DEFAULT_LIMITS } from "../../src/image/layer/limits.ts";
import { type LayerOptions, openLayer } from "../../src/image/layer/source.ts";
import { Layout } from "../../src/image/layout/layout.ts";
import type { Descriptor } from "../../src/image/spec/schema.ts";
import { addToIndex, compress, digestOf, writeBlob } from "./helpers/layout.ts";
import { scratch } from "./helpers/scratch.ts";

const newPath = scratch();
const GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd";
const PLAIN = "application/vnd.oci.image.layer.v1.tar";
/** Compresses to some 300 kB, so that there are several chunks of both. */
const CONTENT = Buffer.from(Array.from({ length: 900_000 }, (_, i) => (Math.imul(i, 2_654_435_761) >>> (i % 3 === 0 ? 9 : 27)) & 255));

function blob(bytes: Buffer, mediaType: string): { path: string; descriptor: Descriptor } {
  const path = newPath("layout");
  mkdirSync(path);
  addToIndex(path);
  return { path, descriptor: writeBlob(path, bytes, mediaType) };
}

async function read(path: string, descriptor: Descriptor, diffId: string | undefined = digestOf(CONTENT), options: LayerOptions = {}): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of openLayer(await Layout.open(path), descriptor, diffId, options)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

async function errorOf(bytes: Buffer, mediaType: string, change: Partial<Descriptor> = {}, diffId?: string, options?: LayerOptions): Promise<string> {
  const { path, descriptor } = blob(bytes, mediaType);
  const wrong = { ...descriptor, ...change };
  const error = await read(path, wrong, diffId, options).catch((one: unknown) => one);
  if (!(error instanceof ImageError)) throw error;
  expect(error.blob).toBe(wrong.digest);
  return `${error.code} ${error.message}`;
}

const gzip = compress(CONTENT, "gzip");
const zstd = compress(CONTENT, "zstd");

test("layer: plain, gzip and zstd", async () => {
  for (const [bytes, mediaType] of [
    [CONTENT, PLAIN],
    [gzip, GZIP],
    [zstd, ZSTD],
  ] as const) {
    const { path, descriptor } = blob(bytes, mediaType);
    let total = 0;
    expect((await read(path, descriptor, undefined, { onRead: (count) => (total += count) })).equals(CONTENT)).toBe(true);
    expect(total).toBe(bytes.length);
  }
});

test("layer: several gzip members, several zstd frames and frames to be skipped are one stream", async () => {
  const parts = Array.from({ length: 9 }, (_, i) => CONTENT.subarray(i * 100_000, (i + 1) * 100_000));
  const members = blob(Buffer.concat([...parts.map((part) => gzipSync(part)), gzipSync(Buffer.alloc(0))]), GZIP);
  expect((await read(members.path, members.descriptor)).equals(CONTENT)).toBe(true);
  const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const frames = blob(Buffer.concat([skipped, ...parts.flatMap((part) => [compress(part, "zstd"), skipped])]), ZSTD);
  expect((await read(frames.path, frames.descriptor)).equals(CONTENT)).toBe(true);
});

test("layer: zeros after the last gzip member are no content", async () => {
  const { path, descriptor } = blob(Buffer.concat([gzip, Buffer.alloc(600_000)]), GZIP);
  expect((await read(path, descriptor)).equals(CONTENT)).toBe(true);
});

test("layer: sha512 for blob and diff_id", async () => {
  const path = newPath("layout");
  mkdirSync(path);
  addToIndex(path);
  expect((await read(path, writeBlob(path, gzip, GZIP, "sha512"), digestOf(CONTENT, "sha512"))).equals(CONTENT)).toBe(true);
});

test("layer: a wrong size, digest or diff_id is found", async () => {
  expect(await errorOf(gzip, GZIP, { size: gzip.length - 1 })).toContain(`TS7004 the blob has ${gzip.length} bytes`);
  expect(await errorOf(gzip, GZIP, {}, digestOf(gzip))).toContain(`TS7004 the layer unpacks to ${digestOf(CONTENT)}`);
  const { path, descriptor } = blob(gzip, GZIP);
  const other = Buffer.from(gzip);
  // The time of a gzip header: what it unpacks to stays the same.
  other[5] = 77;
  writeFileSync(`${path}/blobs/sha256/${descriptor.digest.slice(7)}`, other);
  const error = await read(path, descriptor).catch((one: unknown) => one);
  expect(error).toMatchObject({ code: "TS7004", message: `the blob's digest is ${digestOf(other)}` });
});

test("layer: a blob that is not there, or no regular file", async () => {
  const { path, descriptor } = blob(gzip, GZIP);
  const file = `${path}/blobs/sha256/${descriptor.digest.slice(7)}`;
  truncateSync(file, 100);
  expect(await read(path, descriptor).catch((one) => one)).toMatchObject({ code: "TS7004" });
  rmSync(file);
  expect(await read(path, descriptor).catch((one) => one)).toMatchObject({ code: "TS7001", blob: descriptor.digest });
  Bun.spawnSync(["mkfifo", file]);
  expect(await read(path, descriptor).catch((one) => one)).toMatchObject({ code: "TS7002" });
});

test("layer: streams that are cut off or none at all", async () => {
  expect(await errorOf(gzip.subarray(0, gzip.length - 4), GZIP)).toContain("TS7010 its gzip stream is cut off");
  expect(await errorOf(Buffer.alloc(0), GZIP)).toContain("TS7010 its gzip stream is cut off");
  expect(await errorOf(zstd, GZIP)).toContain("TS7010 it is no gzip stream");
  const wrong = Buffer.from(gzip);
  wrong[wrong.length - 6] = (wrong.at(-6) ?? 0) ^ 1;
  expect(await errorOf(wrong, GZIP)).toContain("TS7010 it is no gzip stream: incorrect data check");
  expect(await errorOf(zstd.subarray(0, zstd.length - 3), ZSTD)).toContain("TS7010 its Zstandard stream is cut off");
  expect(await errorOf(gzip, ZSTD)).toContain("TS7010 it is no Zstandard stream");
  // A frame with a window of 2 GiB, as of "zstd --long=31": one empty block (RFC 8878, 3.1.1).
  expect(await errorOf(Buffer.from("28b52ffd00a8010000", "hex"), ZSTD)).toContain("TS7005 its Zstandard stream needs a window of more than 128 MB");
});

test("layer: a media type that is no layer", async () => {
  expect(await errorOf(gzip, "application/octet-stream")).toContain("TS7007 it is no layer of a filesystem: application/octet-stream");
});

test("layer: limits", async () => {
  const budget = (size: number) => new Budget({ ...DEFAULT_LIMITS, size });
  const { path, descriptor } = blob(gzip, GZIP);
  expect((await read(path, descriptor, undefined, { budget: budget(CONTENT.length) })).length).toBe(CONTENT.length);
  expect(await errorOf(gzip, GZIP, {}, undefined, { budget: budget(CONTENT.length - 1) })).toContain("TS7005 the layers unpack to more than 899999 bytes");
});

test("layer: whoever stops early leaves no descriptor open", async () => {
  const { path, descriptor } = blob(gzip, GZIP);
  const open = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
      } catch {
        return false;
      }
    });
  const layout = await Layout.open(path);
  let most = 0;
  for await (const _ of openLayer(layout, descriptor, undefined)) most = Math.max(most, open().length);
  expect(most).toBe(1);
  for (let i = 0; i < 5; i++) for await (const _ of openLayer(layout, descriptor, undefined)) break;
  expect(open()).toEqual([]);
});
