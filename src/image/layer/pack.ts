// Changes of a tree -> the archive of a layer (image-spec, layer.md): what was added or modified as it is now, what was deleted as a whiteout,
// and before either the directories that lead to it, so that a layer that is mounted alone has their owners and modes.
// Only single whiteouts are written, never opaque ones: the changes name every entry that is gone, and readers differ in what an opaque
// one does to entries of its own layer.
import { read, readSync } from "node:fs";
import { promisify } from "node:util";
import { ImageError } from "../errors.ts";
import { native } from "../native.ts";
import type { Raw } from "../raw.ts";
import type { ArchiveWriter, WholeEntry } from "../tar/writer.ts";
import type { Change } from "../tree/compare.ts";
import { TextFile } from "../tree/nameless.ts";
import { Column, type Inode, Inodes } from "../tree/numbers.ts";
import { HeldEntry } from "../tree/scan.ts";
import { zeros } from "../tree/suspects.ts";
import { withOwnerInImage } from "./owners.ts";
import { WHITEOUT } from "./place.ts";

/** Larger files are read piece by piece, in a thread. */
export const WHOLE = 256 << 10;
const ENXIO = 6;
const NO_XATTRS: ReadonlyMap<Raw, Uint8Array> = new Map();
const WHITEOUT_ENTRY: Omit<WholeEntry, "path"> = {
  kind: "file",
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  size: 0,
  link: "" as Raw,
  major: 0,
  minor: 0,
  xattrs: NO_XATTRS,
};
const readFd = promisify(read);

export interface PackSource {
  /** Its directory, for what has no place in memory. */
  readonly bundle: string;
  readonly rootFd: number;
  /** Its path on the host, for errors. */
  readonly tree: string;
  /** Owners are in extended attributes. */
  readonly isRootless: boolean;
  /** So many bytes of files are in the archive. */
  readonly onContent: (bytes: number) => void;
}

/** The changes come in order; of "touched" ones it has been decided that they are in. */
export async function packChanges(changes: Iterable<Change>, source: PackSource, writer: ArchiveWriter): Promise<void> {
  const packer = new Packer(source, writer);
  try {
    for (const change of changes) {
      // Only what has to be waited for costs a promise: there may be a million small files.
      const later = packer.take(change);
      if (later !== undefined) await later;
    }
  } finally {
    packer.close();
  }
}

class Packer {
  readonly #source: PackSource;
  readonly #writer: ArchiveWriter;
  /** Directories of the last entry that are in the archive, from the root down. */
  #parents: Raw[] = [];
  /** Inodes with several names, and the first name of each in the archive: its place in the file, and 1. */
  readonly #inodes = new Inodes();
  readonly #firstNames = new Column(Float64Array);
  readonly #names: TextFile;
  readonly #content = Buffer.allocUnsafeSlow(WHOLE);

  constructor(source: PackSource, writer: ArchiveWriter) {
    this.#source = source;
    this.#writer = writer;
    this.#names = new TextFile(source.bundle);
  }

  close(): void {
    this.#names.close();
  }

  take(change: Change): undefined | Promise<void> {
    const { path } = change;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    return parent === (this.#parents.at(-1) ?? "") ? this.#takeEntry(change) : this.#takeWithParents(change);
  }

  async #takeWithParents(change: Change): Promise<void> {
    if (await this.#takeParents(change.path)) await this.#takeEntry(change);
  }

  #takeEntry({ kind, path }: Change): undefined | Promise<void> {
    if (kind === "deleted") return this.#whiteOut(path);
    const packed = this.#pack(path);
    // Gone since the tree was looked at.
    if (packed === false) return kind === "added" ? undefined : this.#whiteOut(path);
    return packed === true ? undefined : packed;
  }

  /** The directories above, unless they are in already. False: one of them is none any more. */
  async #takeParents(path: Raw): Promise<boolean> {
    let parent = "" as Raw;
    const parts = path.split("/").slice(0, -1);
    for (const [i, part] of parts.entries()) {
      parent = (i === 0 ? part : `${parent}/${part}`) as Raw;
      if (this.#parents[i] === parent) continue;
      this.#parents.length = i;
      const packed = this.#pack(parent, true);
      if (packed === false) return false;
      if (packed !== true) await packed;
    }
    this.#parents.length = parts.length;
    return true;
  }

  #whiteOut(path: Raw): undefined | Promise<void> {
    const slash = path.lastIndexOf("/") + 1;
    const name = `${path.slice(0, slash)}${WHITEOUT}${path.slice(slash)}` as Raw;
    return this.#writer.writeEntry({ ...WHITEOUT_ENTRY, path: name });
  }

  /** False: there is nothing that an image can have. A promise: there is, and it has to be waited for. */
  #pack(path: Raw, isParent = false): boolean | Promise<void> {
    const { rootFd, tree } = this.#source;
    if (path.startsWith(WHITEOUT, path.lastIndexOf("/") + 1))
      throw new ImageError("TS7011", 'no image can have a name that begins with ".wh."', { entry: path, hint: "remove it, or leave it out by --mask-path" });
    const held = HeldEntry.open(rootFd, tree, path);
    if (held === undefined) return false;
    try {
      const found = held.read();
      if (found === undefined || (isParent && found.entry.kind !== "directory")) return false;
      const entry = this.#source.isRootless ? withOwnerInImage(found.entry) : found.entry;
      return this.#write(entry, found.inode, held) ?? true;
    } finally {
      held.close();
    }
  }

  #write(entry: WholeEntry, inode: Inode | undefined, held: HeldEntry): undefined | Promise<void> {
    const first = inode === undefined ? undefined : this.#firstName(inode, entry.path);
    if (first !== undefined) return this.#writer.writeEntry({ ...entry, kind: "hardlink", size: 0, link: first, xattrs: NO_XATTRS });
    if (entry.kind === "directory") {
      if (entry.path !== "") this.#parents.push(entry.path);
      return this.#writer.writeEntry({ ...entry, path: `${entry.path === "" ? "." : entry.path}/` as Raw });
    }
    if (entry.kind !== "file" || entry.size === 0) return this.#writer.writeEntry(entry);
    const fd = held.openContent();
    if (entry.size > WHOLE) return this.#writeLarge(entry, fd);
    try {
      const content = readWhole(fd, entry, this.#content);
      this.#source.onContent(entry.size);
      return this.#writer.writeEntry(entry, content);
    } finally {
      native.close(fd);
    }
  }

  /** Closes the descriptor. */
  async #writeLarge(entry: WholeEntry, fd: number): Promise<void> {
    try {
      await this.#writer.writeEntry(entry, this.#pieces(fd, entry));
    } finally {
      native.close(fd);
    }
  }

  async *#pieces(fd: number, { path, size }: WholeEntry): AsyncGenerator<Uint8Array> {
    for await (const bytes of readContent(fd, path, size)) {
      this.#source.onContent(bytes.length);
      yield bytes;
    }
  }

  /** Undefined: it is this one. */
  #firstName(inode: Inode, path: Raw): Raw | undefined {
    const number = this.#inodes.number(inode);
    const found = this.#firstNames.get(number);
    if (found > 0) return this.#names.text(found - 1);
    this.#firstNames.set(number, this.#names.add(path) + 1);
    return undefined;
  }
}

/** A file of at most so many bytes as there are in `into`. */
export function readWhole(fd: number, { path, size }: WholeEntry, into: Buffer): Buffer {
  for (let done = 0; done < size; ) {
    const length = readSync(fd, into, done, size - done, done);
    if (length === 0) throw cutShort(path);
    done += length;
  }
  return into.subarray(0, size);
}

/** The file's first `size` bytes. Holes are not read. A piece is only there until the next one is asked for. */
export async function* readContent(fd: number, path: Raw, size: number): AsyncGenerator<Uint8Array> {
  const piece = Buffer.allocUnsafeSlow(Math.min(WHOLE, size));
  for (let at = 0; at < size; ) {
    const data = native.next_data(fd, at);
    const start = data === -ENXIO ? size : data < 0 ? at : Math.min(data, size);
    const end = data < 0 ? size : Math.min(native.out(0), size);
    yield* zeros(start - at);
    for (at = start; at < end; ) {
      const { bytesRead } = await readFd(fd, piece, 0, Math.min(piece.length, end - at), at);
      if (bytesRead === 0) throw cutShort(path);
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  }
}

function cutShort(path: Raw): ImageError {
  return new ImageError("TS7020", "it became shorter while it was read", { entry: path, hint: "pause or stop the container first" });
}
