// The packed records of a tree, as native/image/scan.c makes them and image.tree keeps them: a cursor over a stream of them.
// They come in order: a directory before what is in it, names by their bytes.
import { SystemError } from "../../errors.ts";
import { ImageError } from "../errors.ts";
import { type Raw, shown } from "../raw.ts";
import type { EntryKind } from "../tar/entry.ts";
import type { WholeEntry } from "../tar/writer.ts";

/** Offsets in a record (native/image/scan.c, struct record). From `kind` on it is what an image knows of the entry. */
const AT = {
  length: 0,
  depth: 4,
  flags: 6,
  device: 7,
  inode: 8,
  links: 28,
  kind: 32,
  mode: 34,
  uid: 36,
  gid: 40,
  nanoseconds: 44,
  seconds: 48,
  size: 56,
  nameLength: 64,
  linkLength: 66,
  xattrsLength: 68,
  name: 72,
} as const;
const FLAG_MOUNT = 1;
const KINDS: Readonly<Record<string, EntryKind | "socket">> = {
  f: "file",
  d: "directory",
  l: "symlink",
  c: "character",
  b: "block",
  p: "fifo",
  s: "socket",
};
const ERROR = "e".charCodeAt(0);
const FILE = "f".charCodeAt(0);
const DIRECTORY = "d".charCodeAt(0);
const SOCKET = "s".charCodeAt(0);

const NO_XATTRS: ReadonlyMap<Raw, Uint8Array> = new Map();
const HIGH = 2 ** 32;

/** Hands out the next records, whole ones only; undefined at the end. Those before may be gone then: there is one buffer for all. */
export type RecordSource = () => Buffer | undefined;

export class Records {
  readonly #source: RecordSource;
  /** Path of the tree, or of the file with its record, on the host: for errors. */
  readonly #tree: string;
  readonly #names: Raw[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #length = 0;
  /** Of the present record: 0 for the root. */
  depth = 0;

  constructor(source: RecordSource, tree: string) {
    this.#source = source;
    this.#tree = tree;
  }

  /** Goes to the next record; false: there is none. */
  next(): boolean {
    this.#at += this.#length;
    if (this.#at >= this.#bytes.length) {
      const more = this.#source();
      this.#length = 0;
      if (more === undefined) return false;
      this.#bytes = more;
      this.#at = 0;
    }
    this.#length = this.#bytes.readUInt32LE(this.#at + AT.length);
    if (this.#length < AT.name || this.#at + this.#length > this.#bytes.length) throw new ImageError("TS7020", "its records are broken", { blob: this.#tree });
    this.depth = this.#bytes.readUInt16LE(this.#at + AT.depth);
    this.#names.length = Math.max(0, this.depth - 1);
    if (this.depth > 0) this.#names.push(this.#text(AT.name, this.#bytes.readUInt16LE(this.#at + AT.nameLength)));
    if (this.#bytes[this.#at + AT.kind] === ERROR)
      throw new SystemError("look at", `${this.#tree}/${shown(this.path)}`, "openat", this.#bytes.readUInt32LE(this.#at + AT.size));
    return true;
  }

  /** A single record, which has no source. */
  take(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#length = bytes.readUInt32LE(AT.length);
  }

  /** Skips the present record and all that is below it; false: nothing comes after it. */
  leave(): boolean {
    const { depth } = this;
    while (this.next()) if (this.depth <= depth) return true;
    return false;
  }

  /** From the root, without a "/" at either end; "" for the root. */
  get path(): Raw {
    return this.#names.join("/") as Raw;
  }

  get name(): Raw {
    return this.#names[this.depth - 1] ?? ("" as Raw);
  }

  get kind(): EntryKind | "socket" {
    return KINDS[String.fromCharCode(this.#bytes[this.#at + AT.kind] ?? 0)] ?? "socket";
  }

  get isFile(): boolean {
    return this.#bytes[this.#at + AT.kind] === FILE;
  }

  get isDirectory(): boolean {
    return this.#bytes[this.#at + AT.kind] === DIRECTORY;
  }

  get isSocket(): boolean {
    return this.#bytes[this.#at + AT.kind] === SOCKET;
  }

  /** Of a file. */
  get size(): number {
    return this.#number(AT.size) + this.#number(AT.size + 4) * HIGH;
  }

  /** Something else is mounted there: the record is of that, and what is below is not walked. */
  get isMount(): boolean {
    return ((this.#bytes[this.#at + AT.flags] ?? 0) & FLAG_MOUNT) !== 0;
  }

  get isLinked(): boolean {
    return this.#number(AT.links) > 1;
  }

  /** These three name the inode, in this tree and as long as it exists. */
  get device(): number {
    return this.#bytes[this.#at + AT.device] ?? 0;
  }

  get inodeHigh(): number {
    return this.#number(AT.inode + 4);
  }

  get inodeLow(): number {
    return this.#number(AT.inode);
  }

  /** Inode and time of change are the same: nobody has touched it (the time of change cannot be set). */
  isSameInode(other: Records): boolean {
    return this.#isSame(other, AT.inode, AT.links - AT.inode);
  }

  /** What an image knows of both is the same, but for content. */
  isSameState(other: Records): boolean {
    return this.#length === other.#length && this.#isSame(other, AT.kind, this.#length - AT.kind);
  }

  #isSame(other: Records, offset: number, length: number): boolean {
    const there = other.#at + offset;
    const here = this.#at + offset;
    return this.#bytes.compare(other.#bytes, there, there + length, here, here + length) === 0;
  }

  /** The record as an archive's entry. Its extended attributes are only there as long as the record is. */
  entry(path: Raw = this.path): WholeEntry {
    const { kind } = this;
    if (kind === "socket") throw new Error("a socket is no entry of an archive");
    const isDevice = kind === "character" || kind === "block";
    const nameLength = this.#bytes.readUInt16LE(this.#at + AT.nameLength);
    const linkLength = this.#bytes.readUInt16LE(this.#at + AT.linkLength);
    return {
      path,
      kind,
      mode: this.#bytes.readUInt16LE(this.#at + AT.mode),
      uid: this.#number(AT.uid),
      gid: this.#number(AT.gid),
      mtime: { seconds: this.#number(AT.seconds) + this.#bytes.readInt32LE(this.#at + AT.seconds + 4) * HIGH, nanoseconds: this.#number(AT.nanoseconds) },
      size: isDevice ? 0 : this.size,
      link: this.#text(AT.name + nameLength, linkLength),
      major: isDevice ? this.#number(AT.size + 4) : 0,
      minor: isDevice ? this.#number(AT.size) : 0,
      xattrs: this.#xattrs(AT.name + nameLength + linkLength, this.#number(AT.xattrsLength)),
    };
  }

  #number(offset: number): number {
    return this.#bytes.readUInt32LE(this.#at + offset);
  }

  #text(offset: number, length: number): Raw {
    if (length === 0) return "" as Raw;
    return this.#bytes.toString("latin1", this.#at + offset, this.#at + offset + length) as Raw;
  }

  #xattrs(offset: number, length: number): ReadonlyMap<Raw, Uint8Array> {
    if (length === 0) return NO_XATTRS;
    const xattrs = new Map<Raw, Uint8Array>();
    for (let at = this.#at + offset; at < this.#at + offset + length; ) {
      const nameEnd = at + 8 + this.#bytes.readUInt16LE(at);
      const end = nameEnd + this.#bytes.readUInt32LE(at + 4);
      xattrs.set(this.#bytes.toString("latin1", at + 8, nameEnd) as Raw, this.#bytes.subarray(nameEnd, end));
      at = end;
    }
    return xattrs;
  }
}
