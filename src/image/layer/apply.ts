// A layer's archive onto a tree (image-spec, layer.md, "Applying Changesets"). Every name is resolved under the root by the kernel; what
// is in the way is removed and never written to. An archive that wants anything else is refused, with the name of its entry.
import { SystemError } from "../../errors.ts";
import { ImageError } from "../errors.ts";
import { native } from "../native.ts";
import { type Raw, rawOf, shown } from "../raw.ts";
import type { Entry, Time } from "../tar/entry.ts";
import { ArchiveReader } from "../tar/reader.ts";
import { Attributes } from "./attributes.ts";
import { Directories, type Directory, type DirectoryState } from "./directories.ts";
import { hide, IMPLICIT_MODE, isOnTheWay, namesIn, remove } from "./hide.ts";
import type { Budget } from "./limits.ts";
import { Names } from "./names.ts";
import { joined, OPAQUE, type Place, partsOf, placeOf, WHITEOUT } from "./place.ts";

const EPERM = 1;
const ENOENT = 2;
const EEXIST = 17;
const ENOTDIR = 20;
/** errno -> what is wrong with the archive; all others are trouble of the machine. */
const BROKEN: Readonly<Record<number, string>> = {
  [ENOENT]: "a part of its path is not there",
  [ENOTDIR]: "a part of its path is no directory",
  36: "its name is too long",
  40: "its path has too many symbolic links",
};
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFIFO = 0o010000;
const S_ISGID = 0o2000;
const DEFAULT_ACL = rawOf("system.posix_acl_default");
/** A file up to this size is written by one call. */
const WHOLE = 1 << 17;
const MOST_LINKS = 40;
const ROOT = rawOf("");

export interface ApplyOptions {
  /** What errors name. */
  readonly blob: string;
  /** False for the first layer: its whiteouts have nothing to hide. */
  readonly hasLower: boolean;
  /** Owners go into an extended attribute, and devices become empty files. */
  readonly isRootless: boolean;
  readonly budget: Budget;
}

function stateOf({ mode, mtime, xattrs }: Entry): DirectoryState {
  return { mode, mtime, inherits: (mode & S_ISGID) !== 0 || xattrs.has(DEFAULT_ACL) };
}

/** `root`: a descriptor of native.open_root. When it fails, the tree is half done. */
export function applyLayer(root: number, archive: AsyncIterable<Uint8Array>, options: ApplyOptions): Promise<void> {
  return new Layer(root, archive, options).apply();
}

class Layer {
  readonly #root: number;
  readonly #reader: ArchiveReader;
  readonly #options: ApplyOptions;
  readonly #directories: Directories;
  readonly #attributes: Attributes;
  readonly #ours = new Names();

  constructor(root: number, archive: AsyncIterable<Uint8Array>, options: ApplyOptions) {
    this.#root = root;
    this.#reader = new ArchiveReader(archive, options.blob);
    this.#options = options;
    this.#directories = new Directories(root);
    this.#attributes = new Attributes(options.isRootless);
  }

  async apply(): Promise<void> {
    try {
      for (;;) {
        // Only what has to be waited for costs a turn of the event loop: an archive of small files is applied chunk by chunk.
        const next = this.#reader.next();
        const entry = next instanceof Promise ? await next : next;
        if (entry === undefined) break;
        const later = this.#entry(entry);
        if (later !== undefined) await later;
      }
      this.#directories.flush();
      await this.#reader.drain();
    } catch (error) {
      this.#directories.abandon();
      throw await this.#causeOf(error);
    } finally {
      await this.#reader.close();
    }
  }

  /** An archive is seldom broken as such: when its blob is, that is what should be said. */
  async #causeOf(error: unknown): Promise<unknown> {
    if (!(error instanceof ImageError) || !/^TS701/.test(error.code)) return error;
    try {
      await this.#reader.drain();
      return error;
    } catch (cause) {
      return cause instanceof ImageError && cause.code === "TS7004" ? cause : error;
    }
  }

  #entry(entry: Entry): undefined | Promise<void> {
    this.#options.budget.addEntry(this.#options.blob, entry.path);
    const place = placeOf(entry.path);
    if (typeof place === "string") throw this.#broken(entry, place);
    if (place.name === "") return this.#rootEntry(entry);
    if (place.name.startsWith(WHITEOUT)) return this.#whiteout(entry, place);
    switch (entry.kind) {
      case "file":
        return this.#file(entry, place);
      case "directory":
        return this.#directory(entry, place);
      case "symlink":
        return this.#symlink(entry, place);
      case "hardlink":
        return this.#hardLink(entry, place);
      case "fifo":
        return this.#node(entry, place, S_IFIFO);
      default:
        if (this.#options.isRootless) return this.#file({ ...entry, kind: "file" }, place);
        return this.#node(entry, place, entry.kind === "block" ? S_IFBLK : S_IFCHR);
    }
  }

  // --- places ---

  #parent(entry: Entry, path: Raw, links = 0): Directory {
    const found = this.#directories.open(path);
    if (typeof found !== "number") return found;
    if (found !== -ENOENT) throw this.#failure(entry, found, "open the directory of", "openat2");
    return this.#makeParents(entry, path, links);
  }

  /** Directories that the archive has no entries of, or not yet. */
  #makeParents(entry: Entry, path: Raw, links: number): Directory {
    const parts = path.split("/");
    const upTo = (count: number) => parts.slice(0, count).join("/") as Raw;
    // How many of them are there: by halves, since the kernel walks the whole path each time.
    let there = 0;
    for (let missing = parts.length; missing - there > 1; ) {
      const middle = (there + missing) >> 1;
      const found = this.#directories.open(upTo(middle));
      if (typeof found !== "number") there = middle;
      else if (found === -ENOENT) missing = middle;
      else throw this.#failure(entry, found, "open the directory of", "openat2");
    }
    let directory = this.#parent(entry, upTo(there));
    for (const [index, name] of parts.entries()) {
      if (index < there) continue;
      const fd = native.make_dir(directory.fd, name as Raw, directory.inherits ? 1 : 0);
      if (fd === -EEXIST) return this.#parent(entry, this.#behindLink(entry, upTo(index), name, parts.slice(index + 1), links), links + 1);
      if (fd < 0) throw this.#failure(entry, fd, "make the directory of", "mkdirat");
      this.#put(directory, name as Raw);
      directory = this.#directories.adopt(upTo(index + 1), fd, { mode: IMPLICIT_MODE, inherits: false });
      const { uid, gid } = this.#attributes.rootOwner;
      this.#check(entry, native.set_owner(directory.fd, uid, gid), "make the directory of", "fchown");
      this.#check(entry, native.set_mode(directory.fd, IMPLICIT_MODE), "make the directory of", "fchmod");
    }
    return directory;
  }

  /** A link to a directory that is not there (yet), like /var/run to /run: the path with what it leads to. */
  #behindLink(entry: Entry, up: Raw, name: string, rest: readonly string[], links: number): Raw {
    if (links >= MOST_LINKS) throw this.#broken(entry, "its path has too many symbolic links");
    const target = native.read_link(this.#root, joined({ parent: up, name: name as Raw }));
    if (typeof target === "number") throw this.#failure(entry, -ENOTDIR, "make the directory of", "mkdirat");
    const text = target.toString("latin1");
    return [...partsOf(text.startsWith("/") ? text : `${up}/${text}`), ...rest].join("/") as Raw;
  }

  /** Something of this layer is in this directory now. */
  #put(directory: Directory, name: Raw): void {
    this.#directories.change(directory);
    if (this.#options.hasLower) this.#ours.add(directory, name);
  }

  /** Makes something new at a place. What is there is removed, never opened: it may be a link, or a file with other names. */
  #make(entry: Entry, place: Place, make: (directory: Directory) => number, syscall: string): number {
    let directory = this.#parent(entry, place.parent);
    let result = make(directory);
    if (result === -EEXIST) {
      this.#clear(entry, place);
      directory = this.#parent(entry, place.parent);
      result = make(directory);
    }
    if (result < 0) throw this.#failure(entry, result, "make", syscall);
    this.#put(this.#parent(entry, place.parent), place.name);
    return result;
  }

  #clear(entry: Entry, place: Place): void {
    let directory = this.#parent(entry, place.parent);
    const mode = this.#check(entry, native.stat_at(directory.fd, place.name), "look at", "fstatat");
    if (isOnTheWay(mode)) {
      this.#directories.flush();
      directory = this.#parent(entry, place.parent);
    }
    remove(directory.fd, place.name);
    this.#directories.change(directory);
  }

  // --- kinds ---

  #rootEntry(entry: Entry): undefined {
    if (entry.kind !== "directory") throw this.#broken(entry, `the root cannot be a ${entry.kind}`);
    const fd = this.#check(entry, native.open_dir(this.#root, rawOf(".")), "open", "openat2");
    this.#setDirectory(entry, this.#directories.adopt(ROOT, fd, stateOf(entry)), true);
    return undefined;
  }

  #directory(entry: Entry, place: Place): undefined {
    const parent = this.#parent(entry, place.parent);
    let fd = native.make_dir(parent.fd, place.name, parent.inherits ? 1 : 0);
    const wasThere = fd === -EEXIST;
    if (wasThere) fd = native.open_child(parent.fd, place.name);
    if (wasThere && fd === -ENOTDIR) {
      this.#clear(entry, place);
      return this.#directory(entry, place);
    }
    this.#check(entry, fd, "make the directory", "mkdirat");
    const directory = this.#directories.adopt(joined(place), fd, stateOf(entry));
    // The parent's descriptor may have been closed to have room for this one.
    this.#put(this.#parent(entry, place.parent), place.name);
    this.#setDirectory(entry, directory, wasThere);
    return undefined;
  }

  /** Mode and times come when it is closed, as far as they would be in the way. */
  #setDirectory(entry: Entry, { fd }: Directory, wasThere: boolean): void {
    const { uid, gid } = this.#attributes.ownerOf(entry);
    this.#check(entry, native.set_owner(fd, uid, gid), "set the owner of", "fchown");
    if (wasThere) this.#check(entry, native.clear_xattrs(fd), "take the extended attributes of", "removexattr");
    this.#attributes.setXattrs(entry, (name, value) => native.set_xattr(fd, name, value));
    this.#check(entry, native.set_mode(fd, this.#directories.openMode(entry.mode)), "set the mode of", "fchmod");
  }

  #file(entry: Entry, place: Place): undefined | Promise<void> {
    const isSimple = entry.size <= WHOLE && entry.sparse === undefined && !this.#attributes.hasXattrs(entry);
    if (!isSimple) return this.#bigFile(entry, place);
    const content = this.#reader.rest();
    if (content instanceof Promise) return content.then((bytes) => this.#putFile(entry, place, bytes));
    this.#putFile(entry, place, content);
    return undefined;
  }

  #putFile(entry: Entry, place: Place, content: Uint8Array): void {
    const { uid, gid } = this.#attributes.ownerOf(entry);
    const { mode, mtime } = entry;
    this.#make(
      entry,
      place,
      ({ fd, inherits }) => native.put_file(fd, place.name, content, mode, uid, gid, inherits ? 1 : 0, mtime.seconds, mtime.nanoseconds),
      "openat",
    );
  }

  async #bigFile(entry: Entry, place: Place): Promise<void> {
    let inherits = 0;
    const create = (directory: Directory) => {
      inherits = directory.inherits ? 1 : 0;
      return native.create_file(directory.fd, place.name);
    };
    const fd = this.#make(entry, place, create, "openat");
    try {
      if (entry.sparse === undefined) await this.#writeContent(entry, fd);
      else await this.#writeSparse(entry, entry.sparse, fd);
      const { uid, gid } = this.#attributes.ownerOf(entry);
      this.#check(entry, native.set_new_owner(fd, uid, gid, inherits), "set the owner of", "fchown");
      // After the owner: a new one takes security.capability away.
      this.#attributes.setXattrs(entry, (name, value) => native.set_xattr(fd, name, value));
      this.#check(entry, native.set_mode(fd, entry.mode), "set the mode of", "fchmod");
      this.#check(entry, native.set_times(fd, entry.mtime.seconds, entry.mtime.nanoseconds), "set the times of", "utimensat");
    } finally {
      native.close(fd);
    }
  }

  async #writeContent(entry: Entry, fd: number): Promise<void> {
    for (;;) {
      const next = this.#reader.read();
      const piece = next instanceof Promise ? await next : next;
      if (piece === undefined) return;
      this.#check(entry, native.write_fd(fd, piece), "write", "write");
    }
  }

  /** Holes stay holes. */
  async #writeSparse(entry: Entry, map: NonNullable<Entry["sparse"]>, fd: number): Promise<void> {
    let piece: Uint8Array = new Uint8Array();
    for (const { offset, size } of map) {
      for (let done = 0; done < size; ) {
        if (piece.length === 0) piece = (await this.#reader.read()) ?? piece;
        const part = piece.subarray(0, size - done);
        this.#check(entry, native.write_at(fd, part, offset + done), "write", "pwrite64");
        piece = piece.subarray(part.length);
        done += part.length;
      }
    }
    this.#check(entry, native.set_size(fd, entry.realSize ?? 0), "set the size of", "ftruncate");
  }

  #symlink(entry: Entry, place: Place): undefined {
    const { uid, gid } = this.#attributes.ownerOf(entry);
    const { seconds, nanoseconds } = entry.mtime;
    if (entry.link === "") throw this.#broken(entry, "it is a symbolic link to nothing");
    this.#make(entry, place, ({ fd }) => native.make_link(fd, place.name, entry.link, uid, gid, seconds, nanoseconds), "symlinkat");
    this.#setXattrsAt(entry, place);
    return undefined;
  }

  #node(entry: Entry, place: Place, kind: number): undefined {
    const { uid, gid } = this.#attributes.ownerOf(entry);
    const { major, minor, mode } = entry;
    const { seconds, nanoseconds }: Time = entry.mtime;
    this.#make(entry, place, ({ fd }) => native.make_node(fd, place.name, kind | mode, major, minor, uid, gid, seconds, nanoseconds), "mknodat");
    this.#setXattrsAt(entry, place);
    return undefined;
  }

  #setXattrsAt(entry: Entry, place: Place): void {
    if (!this.#attributes.hasXattrs(entry)) return;
    const { fd } = this.#parent(entry, place.parent);
    this.#attributes.setXattrs(entry, (name, value) => native.set_xattr_at(fd, place.name, name, value));
  }

  /** Of a file that is there, of this layer or a lower one. It has its attributes already. */
  #hardLink(entry: Entry, place: Place): undefined {
    const target = placeOf(entry.link);
    if (typeof target === "string") throw this.#broken(entry, target.replace(/^its name|its name/, "the name that it links to"));
    if (target.name === "" || joined(target) === joined(place)) throw this.#broken(entry, "it is a hard link to itself, or to the root");
    const link = () => {
      const from = this.#directories.open(target.parent);
      if (typeof from === "number") return from;
      // Again, since the one may have been closed to have room for the other.
      const to = this.#parent(entry, place.parent);
      return from === to && target.name === place.name ? -ENOENT : native.hard_link(from.fd, target.name, to.fd, place.name);
    };
    try {
      this.#make(entry, place, link, "linkat");
    } catch (error) {
      if (error instanceof ImageError && error.cause === ENOENT) throw this.#broken(entry, `it is a hard link to "${shown(entry.link)}", which is not there`);
      throw error;
    }
    return undefined;
  }

  // --- whiteouts ---

  #whiteout(entry: Entry, place: Place): undefined {
    const hidden = place.name.slice(WHITEOUT.length) as Raw;
    if (hidden === "" || hidden === "." || hidden === "..") throw this.#broken(entry, "it is a whiteout of no name");
    if (!this.#options.hasLower) return undefined;
    const isOpaque = place.name === OPAQUE;
    let directory = this.#directories.open(place.parent);
    if (typeof directory !== "number") {
      const mode = isOpaque ? undefined : native.stat_at(directory.fd, hidden);
      if (mode === -ENOENT) return undefined;
      if (mode === undefined || isOnTheWay(this.#check(entry, mode, "look at", "fstatat"))) {
        this.#directories.flush();
        directory = this.#directories.open(place.parent);
      }
    }
    // Without the directory there is nothing to hide.
    if (directory === -ENOENT || directory === -ENOTDIR) return undefined;
    if (typeof directory === "number") throw this.#failure(entry, directory, "open the directory of", "openat2");
    this.#directories.change(directory);
    try {
      for (const name of isOpaque ? namesIn(directory.fd) : [hidden]) hide(directory.fd, directory, name, this.#ours);
    } catch (error) {
      if (error instanceof RangeError) throw this.#broken(entry, error.message);
      throw error;
    }
    return undefined;
  }

  // --- errors ---

  #check(entry: Entry, result: number, action: string, syscall: string): number {
    if (result < 0) throw this.#failure(entry, result, action, syscall);
    return result;
  }

  #failure(entry: Entry, result: number, action: string, syscall: string): Error {
    const errno = -result;
    const words = BROKEN[errno];
    if (words !== undefined) return new ImageError("TS7010", words, { blob: this.#options.blob, entry: entry.path, cause: errno });
    const hint = errno === EPERM && !this.#options.isRootless ? "as root, or with --rootless" : undefined;
    return new SystemError(action, shown(entry.path), syscall, errno, { hint });
  }

  #broken(entry: Entry, message: string): ImageError {
    return new ImageError("TS7010", message, { blob: this.#options.blob, entry: entry.path });
  }
}
