// A layer's blob -> the bytes of its archive, verified on the way: size and digest of the blob, digest of what it unpacks to (diff_id).
// Whoever takes the bytes may only trust what they made of them when the iteration has come to its end.
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { ImageError } from "../errors.ts";
import { digestOf, hashOf, parseDigest } from "../layout/digest.ts";
import type { Layout } from "../layout/layout.ts";
import { type Compression, compressionOf } from "../spec/media-types.ts";
import type { Descriptor } from "../spec/schema.ts";
import type { Budget } from "./limits.ts";
import { unzstd } from "./zstd.ts";

const CHUNK = 1 << 18;
export interface LayerOptions {
  readonly budget?: Budget;
  /** Hears of each piece of the blob that was read. */
  readonly onRead?: (bytes: number) => void;
}

/** `diffId`: undefined where no config says what it is. */
export async function* openLayer(
  layout: Layout,
  descriptor: Descriptor,
  diffId: string | undefined,
  { budget, onRead }: LayerOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const blob = descriptor.digest;
  const compression = compressionOf(descriptor.mediaType);
  if (compression === undefined) throw new ImageError("TS7007", `it is no layer of a filesystem: ${descriptor.mediaType}`, { blob });
  const hash = diffId === undefined ? undefined : hashOf(diffId);
  const source = readBlob(layout, descriptor, onRead);
  let total = 0;
  try {
    for await (const chunk of decompress(source, compression, blob)) {
      total += chunk.length;
      budget?.addBytes(chunk.length, total, descriptor);
      hash?.update(chunk);
      yield chunk;
    }
    // The decompressor may stop before the blob's end.
    for await (const _ of source);
  } catch (error) {
    // What cannot be inflated is most often a blob that is broken, and its digest then says so.
    if (error instanceof ImageError && error.code === "TS7010") for await (const _ of source);
    throw error;
  } finally {
    await source.return();
  }
  if (hash === undefined || diffId === undefined) return;
  const found = digestOf(parseDigest(diffId)[0], hash);
  if (found !== diffId) throw new ImageError("TS7004", `the layer unpacks to ${found}, the config says ${diffId}`, { blob });
}

/** A blob's bytes. The iteration fails at its end when they are not the descriptor's. */
export async function* readBlob(layout: Layout, { digest, size }: Descriptor, onRead?: LayerOptions["onRead"]): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = hashOf(digest);
  const file = await openBlob(layout, digest);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new ImageError("TS7002", "the blob is no regular file", { blob: digest });
    if (stat.size !== size) throw new ImageError("TS7004", `the blob has ${stat.size} bytes, its descriptor says ${size}`, { blob: digest });
    let total = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(CHUNK), 0, CHUNK);
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      total += bytesRead;
      hash.update(chunk);
      onRead?.(bytesRead);
      yield chunk;
    }
    if (total !== size) throw new ImageError("TS7004", `the blob has ${total} bytes, its descriptor says ${size}`, { blob: digest });
    const found = digestOf(parseDigest(digest)[0], hash);
    if (found !== digest) throw new ImageError("TS7004", `the blob's digest is ${found}`, { blob: digest });
  } finally {
    await file.close();
  }
}

async function openBlob(layout: Layout, digest: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: a FIFO in its place must not be waited for.
    return await open(layout.blobFile(digest), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new ImageError("TS7001", "it is not there", { blob: digest, cause });
  }
}

/** `blob`: what errors name. It may stop before the end of the source. */
export function decompress(
  source: AsyncGenerator<Uint8Array, void, undefined>,
  compression: Compression,
  blob: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  return compression === "gzip" ? gunzip(source, blob) : compression === "zstd" ? unzstd(source, blob) : source;
}

/** Inflated in threads of libuv's pool, one chunk ahead of whoever takes them. Several members in a row are one stream (RFC 1952, 2.2). */
async function* gunzip(source: AsyncIterator<Uint8Array>, blob: string): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = createGunzip({ chunkSize: CHUNK });
  const closed = new Promise<void>((resolve) => stream.once("close", resolve));
  const feed = async () => {
    for (let step = await source.next(); !step.done; step = await source.next()) {
      const chunk = step.value;
      // The callback does not come when the stream fails.
      await Promise.race([new Promise<void>((resolve) => stream.write(chunk, () => resolve())), closed]);
      if (stream.destroyed) return;
    }
    if (stream.bytesWritten === 0) throw cutOff(blob);
    stream.end();
  };
  const feeding = feed().catch((error) => {
    stream.destroy(error);
  });
  try {
    yield* stream;
  } catch (error) {
    throw asImageError(error, blob);
  } finally {
    stream.destroy();
    await feeding;
  }
}

function cutOff(blob: string, cause?: unknown): ImageError {
  return new ImageError("TS7010", "its gzip stream is cut off", { blob, cause });
}

function asImageError(error: unknown, blob: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "Z_BUF_ERROR") return cutOff(blob, error);
  if (code.startsWith("Z_")) return new ImageError("TS7010", `it is no gzip stream: ${(error as Error).message}`, { blob, cause: error });
  return error;
}
