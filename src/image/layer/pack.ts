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
import { HeldEntry } from "../tree/scan.ts";
import { zeros } from "../tree/suspects.ts";
import { withOwnerInImage } from "./owners.ts";
import { WHITEOUT } from "./place.ts";

const CHUNK = 256 << 10;
const ENXIO = 6;
const NO_XATTRS: ReadonlyMap<Raw, Uint8Array> = new Map();
const readFd = promisify(read);

export interface PackSource {
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
  for (const change of changes) await packer.take(change);
}

class Packer {
  readonly #source: PackSource;
  readonly #writer: ArchiveWriter;
  /** Directories of the last entry that are in the archive, from the root down. */
  #parents: Raw[] = [];
  /** Inode -> its first name in the archive. */
  readonly #names = new Map<string, Raw>();

  constructor(source: PackSource, writer: ArchiveWriter) {
    this.#source = source;
    this.#writer = writer;
  }

  async take({ kind, path }: Change): Promise<void> {
    if (!(await this.#takeParents(path))) return;
    if (kind === "deleted") return this.#whiteOut(path);
    const isThere = await this.#pack(path);
    // Gone since the tree was looked at.
    if (!isThere && kind !== "added") await this.#whiteOut(path);
  }

  /** The directories above, unless they are in already. False: one of them is none any more. */
  async #takeParents(path: Raw): Promise<boolean> {
    let parent = "" as Raw;
    const parts = path.split("/").slice(0, -1);
    for (const [i, part] of parts.entries()) {
      parent = (i === 0 ? part : `${parent}/${part}`) as Raw;
      if (this.#parents[i] === parent) continue;
      this.#parents.length = i;
      if (!(await this.#pack(parent, true))) return false;
    }
    this.#parents.length = parts.length;
    return true;
  }

  async #whiteOut(path: Raw): Promise<void> {
    const slash = path.lastIndexOf("/") + 1;
    const name = `${path.slice(0, slash)}${WHITEOUT}${path.slice(slash)}` as Raw;
    await this.#writer.writeEntry({
      path: name,
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
    });
  }

  /** False: there is nothing that an image can have. */
  async #pack(path: Raw, isParent = false): Promise<boolean> {
    const { rootFd, tree } = this.#source;
    if (path.slice(path.lastIndexOf("/") + 1).startsWith(WHITEOUT))
      throw new ImageError("TS7011", 'no image can have a name that begins with ".wh."', { entry: path, hint: "remove it, or leave it out by --mask-path" });
    const held = HeldEntry.open(rootFd, tree, path);
    if (held === undefined) return false;
    try {
      const found = held.read();
      if (found === undefined || (isParent && found.entry.kind !== "directory")) return false;
      const entry = this.#source.isRootless ? withOwnerInImage(found.entry) : found.entry;
      await this.#write(entry, found.inode, held);
      return true;
    } finally {
      held.close();
    }
  }

  async #write(entry: WholeEntry, inode: string | undefined, held: HeldEntry): Promise<void> {
    const first = inode === undefined ? undefined : this.#names.get(inode);
    if (first !== undefined) return this.#writer.writeEntry({ ...entry, kind: "hardlink", size: 0, link: first, xattrs: NO_XATTRS });
    if (inode !== undefined) this.#names.set(inode, entry.path);
    if (entry.kind === "directory") {
      if (entry.path !== "") this.#parents.push(entry.path);
      return this.#writer.writeEntry({ ...entry, path: `${entry.path === "" ? "." : entry.path}/` as Raw });
    }
    if (entry.kind !== "file" || entry.size === 0) return this.#writer.writeEntry(entry);
    const fd = held.openContent();
    try {
      await this.#writer.writeEntry(entry, entry.size > CHUNK ? this.#content(fd, entry) : this.#whole(fd, entry));
    } finally {
      native.close(fd);
    }
  }

  #whole(fd: number, { path, size }: WholeEntry): Uint8Array {
    const content = Buffer.allocUnsafe(size);
    for (let done = 0; done < size; ) {
      const length = readSync(fd, content, done, size - done, done);
      if (length === 0) throw cutShort(path);
      done += length;
    }
    this.#source.onContent(size);
    return content;
  }

  async *#content(fd: number, { path, size }: WholeEntry): AsyncGenerator<Uint8Array> {
    for await (const bytes of readContent(fd, path, size)) {
      this.#source.onContent(bytes.length);
      yield bytes;
    }
  }
}

/** The file's first `size` bytes. Holes are not read. */
export async function* readContent(fd: number, path: Raw, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    const data = native.next_data(fd, at);
    const start = data === -ENXIO ? size : data < 0 ? at : Math.min(data, size);
    const end = data < 0 ? size : Math.min(native.out(0), size);
    yield* zeros(start - at);
    for (at = start; at < end; ) {
      const wanted = Math.min(CHUNK, end - at);
      const { bytesRead, buffer } = await readFd(fd, Buffer.allocUnsafeSlow(wanted), 0, wanted, at);
      if (bytesRead === 0) throw cutShort(path);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

function cutShort(path: Raw): ImageError {
  return new ImageError("TS7020", "it became shorter while it was read", { entry: path, hint: "pause or stop the container first" });
}
