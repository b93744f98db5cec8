// An archive from a file or from standard input: its bytes as they come, and how they are compressed.
import { read, type Stats } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { UsageError } from "../../errors.ts";
import { ImageError } from "../errors.ts";
import type { Compression } from "../spec/media-types.ts";

const CHUNK = 1 << 18;
const STDIN = 0;
/** A pipe that somebody has set to non-blocking. */
const AGAIN_MS = 5;
const readFd = promisify(read);

/** First bytes of compressed streams; `undefined` for one that is not read here. */
const MAGICS: readonly (readonly [magic: string, name: string, compression: Compression | undefined])[] = [
  ["1f8b", "gzip", "gzip"],
  ["28b52ffd", "zstd", "zstd"],
  ["fd377a585a00", "xz", undefined],
  ["425a68", "bzip2", undefined],
  ["04224d18", "lz4", undefined],
];
const MAGIC_BYTES = 6;

export type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

export interface Input {
  readonly chunks: Chunks;
  /** Of a regular file. */
  readonly size: number | undefined;
}

/** "-" is standard input. `onRead` hears of each piece. */
export async function openInput(path: string, onRead: (bytes: number) => void): Promise<Input> {
  if (path === "-") {
    if (process.stdin.isTTY) throw new UsageError("standard input is a terminal, not an archive", "docker save IMAGE | tsrun image import - LAYOUT");
    return { chunks: readAll(STDIN, onRead, () => {}), size: undefined };
  }
  const file = await open(path, "r");
  const stat: Stats = await file.stat();
  return { chunks: readAll(file.fd, onRead, () => file.close()), size: stat.isFile() ? stat.size : undefined };
}

async function* readAll(fd: number, onRead: (bytes: number) => void, close: () => void | Promise<void>): Chunks {
  try {
    for (;;) {
      const { bytesRead, buffer } = await readFd(fd, Buffer.allocUnsafeSlow(CHUNK), 0, CHUNK, null).catch(waitIfEmpty);
      if (buffer === undefined) continue;
      if (bytesRead === 0) return;
      onRead(bytesRead);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await close();
  }
}

async function waitIfEmpty(error: NodeJS.ErrnoException): Promise<{ readonly bytesRead: 0; readonly buffer: undefined }> {
  if (error.code !== "EAGAIN") throw error;
  await sleep(AGAIN_MS);
  return { bytesRead: 0, buffer: undefined };
}

/** The same bytes, after a look at the first ones. */
export interface Peeked {
  readonly compression: Compression;
  /** The first byte as a character, "" when there is none. */
  readonly head: string;
  readonly chunks: Chunks;
}

export async function withCompression(source: Chunks, what: string): Promise<Peeked> {
  const { bytes, chunks } = await peek(source, MAGIC_BYTES);
  const first = bytes.subarray(0, MAGIC_BYTES).toString("hex");
  const known = MAGICS.find(([magic]) => first.startsWith(magic));
  if (known !== undefined && known[2] === undefined)
    throw new ImageError("TS7011", `it is compressed by ${known[1]}, which no layer can be`, {
      blob: what,
      hint: `${known[1]} -dc FILE | tsrun image import - ...`,
    });
  return { compression: known?.[2] ?? "none", head: bytes.toString("latin1", 0, 1), chunks };
}

/** At least `length` bytes, if there are so many, and the same bytes with all others after them. */
export async function peek(source: Chunks, length: number): Promise<{ readonly bytes: Buffer; readonly chunks: Chunks }> {
  const head: Uint8Array[] = [];
  let total = 0;
  while (total < length) {
    const { value, done } = await source.next();
    if (done) break;
    head.push(value);
    total += value.length;
  }
  return { bytes: Buffer.concat(head), chunks: chained(head, source) };
}

async function* chained(head: readonly Uint8Array[], rest: Chunks): Chunks {
  try {
    yield* head;
    yield* rest;
  } finally {
    await rest.return();
  }
}
