// A new blob of a layout: hashed while it is written to a temporary file, which gets its name, the digest, when it is whole.
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { atPath, ImageError } from "../errors.ts";
import type { Descriptor } from "../spec/schema.ts";
import { blobPath, digestOf } from "./digest.ts";

/** Of files that are not whole yet; they are in the layout's own directory, for it is the same filesystem. */
export const TEMPORARY_PREFIX = ".tsrun-";

export function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${randomBytes(8).toString("hex")}`;
}

/** What a blob is expected to be: the part of a descriptor that can be wrong. */
export type Expected = Pick<Descriptor, "digest" | "size">;

export class BlobWriter {
  readonly #layout: string;
  readonly #algorithm: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #hash;
  #size = 0;
  /** The write that is under way: the next chunk is hashed meanwhile. */
  #pending: Promise<void> = Promise.resolve();

  private constructor(layout: string, algorithm: string, temporary: string, file: FileHandle) {
    this.#layout = layout;
    this.#algorithm = algorithm;
    this.#temporary = temporary;
    this.#file = file;
    this.#hash = createHash(algorithm);
  }

  /** `layout` is the layout's directory. */
  static async open(layout: string, algorithm = "sha256"): Promise<BlobWriter> {
    const temporary = `${layout}/${temporaryName()}`;
    return new BlobWriter(layout, algorithm, temporary, await open(temporary, "wx", 0o644));
  }

  /** The chunk must not change afterwards: it is written while the caller goes on. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#size += chunk.length;
    await this.#pending;
    this.#pending = writeAll(this.#file, this.#temporary, chunk);
    // Looked at by the next call; until then it is not "unhandled".
    this.#pending.catch(() => {});
  }

  /** On the disk and under its name; TS7004 when it is not what was expected. */
  async finish(mediaType: string, expected?: Expected): Promise<Descriptor> {
    try {
      await this.#pending;
      const digest = digestOf(this.#algorithm, this.#hash);
      if (expected !== undefined) this.#compare(expected, digest);
      await this.#file.sync();
      await this.#file.close();
      // A blob of that name that is there already has the same content, or is broken and is mended.
      await rename(this.#temporary, `${this.#layout}/${blobPath(digest)}`);
      return { mediaType, digest, size: this.#size };
    } catch (error) {
      await this.discard();
      throw atPath(error, this.#temporary);
    }
  }

  /** Nothing is left of it. May follow a failed `finish`. */
  async discard(): Promise<void> {
    await this.#pending.catch(() => {});
    await this.#file.close().catch(() => {});
    await rm(this.#temporary, { force: true });
  }

  #compare(expected: Expected, digest: string): void {
    if (this.#size !== expected.size)
      throw new ImageError("TS7004", `the blob has ${this.#size} bytes, its descriptor says ${expected.size}`, { blob: expected.digest });
    if (digest !== expected.digest) throw new ImageError("TS7004", `the blob's digest is ${digest}`, { blob: expected.digest });
  }
}

async function writeAll(file: FileHandle, path: string, chunk: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done, chunk.length - done)).bytesWritten;
  } catch (error) {
    throw atPath(error, path);
  }
}
