// Files that have no name, for what has no place in memory: they are gone with the process, however it ends.
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import type { Raw } from "../raw.ts";

const CHUNK = 64 << 10;
/** Of a text: its length. */
const HEAD = 4;
/** Most texts are shorter, and are read at once. */
const SHORT = 256;

/** In this directory. */
export function openNameless(folder: string): number {
  const path = `${folder}/.image.changes`;
  rmSync(path, { force: true });
  const fd = openSync(path, "wx+", 0o600);
  rmSync(path);
  return fd;
}

export function writeAll(fd: number, bytes: Uint8Array, length = bytes.length): void {
  for (let done = 0; done < length; ) done += writeSync(fd, bytes, done, length - done);
}

/** Texts, found again by a number. */
export class TextFile {
  readonly #fd: number;
  readonly #pending = Buffer.allocUnsafeSlow(CHUNK);
  readonly #read = Buffer.allocUnsafeSlow(HEAD + SHORT);
  #used = 0;
  #written = 0;

  constructor(folder: string) {
    this.#fd = openNameless(folder);
  }

  add(text: Raw): number {
    const length = HEAD + text.length;
    if (this.#used + length > CHUNK) this.#flush();
    const at = this.#written + this.#used;
    const bytes = length > CHUNK ? Buffer.allocUnsafe(length) : this.#pending;
    const start = length > CHUNK ? 0 : this.#used;
    bytes.writeUInt32LE(text.length, start);
    bytes.write(text, start + HEAD, "latin1");
    if (length <= CHUNK) this.#used += length;
    else {
      writeAll(this.#fd, bytes);
      this.#written += length;
    }
    return at;
  }

  /** `at`: what `add` has answered. */
  text(at: number): Raw {
    if (at >= this.#written) return textIn(this.#pending, at - this.#written);
    readSync(this.#fd, this.#read, 0, this.#read.length, at);
    const length = this.#read.readUInt32LE();
    if (length <= SHORT) return textIn(this.#read, 0);
    const bytes = Buffer.allocUnsafe(length);
    readSync(this.#fd, bytes, 0, length, at + HEAD);
    return bytes.toString("latin1") as Raw;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #flush(): void {
    writeAll(this.#fd, this.#pending, this.#used);
    this.#written += this.#used;
    this.#used = 0;
  }
}

function textIn(bytes: Buffer, at: number): Raw {
  return bytes.toString("latin1", at + HEAD, at + HEAD + bytes.readUInt32LE(at)) as Raw;
}
