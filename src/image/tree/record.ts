// BUNDLE/image.tree: the root filesystem as unpack left it. repack finds by it what has changed since, without reading any file.
// A line that says what it is, then frames: u32 length and so many bytes of records (packed.ts); a frame of length 0 is the end.
import { closeSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { atPath, ImageError } from "../errors.ts";
import { writeAll } from "./nameless.ts";
import { Records } from "./packed.ts";
import { scanTree } from "./scan.ts";

const NAME = "image.tree";
const HEAD = Buffer.from("tsrun image tree 1\n");
/** Longer than any that is written: a batch of records, the last of which has all that an entry can have. */
const MAX_FRAME = 8 << 20;
/** Most frames are shorter. */
const ROOM = 272 << 10;

/** Writes down what the tree is now. The last thing of an unpack: every later change of it shows. */
export async function recordTree(bundle: string, rootFd: number): Promise<void> {
  const writer = new TreeRecordWriter(bundle);
  try {
    const scan = scanTree(rootFd, `${bundle}/rootfs`, (bytes) => writer.write(bytes));
    try {
      while (scan.records.next()) {}
    } finally {
      scan.close();
    }
    writer.finish();
    writer.commit();
  } finally {
    writer.discard();
  }
}

/** A new record beside the present one, which it replaces in one step when it is whole. */
export class TreeRecordWriter {
  readonly #path: string;
  readonly #temporary: string;
  #fd: number;
  #hasFile = true;

  constructor(bundle: string) {
    this.#path = `${bundle}/${NAME}`;
    this.#temporary = `${this.#path}.new`;
    rmSync(this.#temporary, { force: true });
    this.#fd = openSync(this.#temporary, "wx", 0o600);
    try {
      this.#write(HEAD);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** Whole records. */
  write(records: Uint8Array): void {
    this.#write(lengthOf(records.length));
    this.#write(records);
  }

  finish(): void {
    this.#write(lengthOf(0));
    this.#close();
  }

  commit(): void {
    renameSync(this.#temporary, this.#path);
    this.#hasFile = false;
  }

  /** Nothing is left of it, unless it was committed. */
  discard(): void {
    this.#close();
    if (this.#hasFile) rmSync(this.#temporary, { force: true });
    this.#hasFile = false;
  }

  #write(bytes: Uint8Array): void {
    try {
      writeAll(this.#fd, bytes);
    } catch (error) {
      throw atPath(error, this.#temporary);
    }
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

export interface TreeRecord {
  readonly records: Records;
  close(): void;
}

export function openTreeRecord(bundle: string): TreeRecord {
  const path = `${bundle}/${NAME}`;
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new ImageError("TS7020", "the bundle has no record of what was unpacked", { blob: path, hint: 'bundles of "tsrun image unpack" have one', cause });
  }
  let room = Buffer.allocUnsafeSlow(ROOM);
  const read = (length: number): Buffer => {
    if (length > room.length) room = Buffer.allocUnsafeSlow(length);
    const bytes = room.subarray(0, length);
    for (let done = 0; done < length; ) {
      const more = readSync(fd, bytes, done, length - done, null);
      if (more === 0) throw new ImageError("TS7020", "it ends too early", { blob: path });
      done += more;
    }
    return bytes;
  };
  const source = (): Buffer | undefined => {
    const length = read(4).readUInt32LE();
    if (length > MAX_FRAME) throw new ImageError("TS7020", "its records are broken", { blob: path });
    return length === 0 ? undefined : read(length);
  };
  try {
    if (!read(HEAD.length).equals(HEAD)) throw new ImageError("TS7020", "it is no record of a tree that is known", { blob: path });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { records: new Records(source, path), close: () => closeSync(fd) };
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(length);
  return bytes;
}
