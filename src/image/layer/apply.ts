// A layer's archive onto a tree (image-spec, layer.md, "Applying Changesets"). Every name is resolved under the root by the kernel; what
// is in the way is removed and never written to. An archive that wants anything else is refused, with the name of its entry.
import { ImageError } from "../errors.ts";
import { native } from "../native.ts";
import { type Raw, rawOf, shown } from "../raw.ts";
import type { Entry, Time } from "../tar/entry.ts";
import { ArchiveReader } from "../tar/reader.ts";
import type { Attributes } from "./attributes.ts";
import type { Directories, Directory, DirectoryState } from "./directories.ts";
import { hide, isOnTheWay, namesIn } from "./hide.ts";
import type { Budget } from "./limits.ts";
import { joined, OPAQUE, type Place, placeOf, WHITEOUT } from "./place.ts";
import { EEXIST, ENOENT, ENOTDIR, Tree, type TreeOptions } from "./tree.ts";

const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFIFO = 0o010000;
const S_ISGID = 0o2000;
const DEFAULT_ACL = rawOf("system.posix_acl_default");
/** A file up to this size is written by one call. */
const WHOLE = 1 << 17;
const ROOT = rawOf("");

export interface ApplyOptions extends TreeOptions {
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
  readonly #tree: Tree;
  readonly #directories: Directories;
  readonly #attributes: Attributes;

  constructor(root: number, archive: AsyncIterable<Uint8Array>, options: ApplyOptions) {
    this.#root = root;
    this.#reader = new ArchiveReader(archive, options.blob);
    this.#options = options;
    this.#tree = new Tree(root, options);
    this.#directories = this.#tree.directories;
    this.#attributes = this.#tree.attributes;
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
    if (typeof place === "string") throw this.#tree.broken(entry, place);
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

  // --- kinds ---

  #rootEntry(entry: Entry): undefined {
    if (entry.kind !== "directory") throw this.#tree.broken(entry, `the root cannot be a ${entry.kind}`);
    const fd = this.#tree.check(entry, native.open_dir(this.#root, rawOf(".")), "open", "openat2");
    this.#setDirectory(entry, this.#directories.adopt(ROOT, fd, stateOf(entry)), true);
    return undefined;
  }

  #directory(entry: Entry, place: Place): undefined {
    const parent = this.#tree.parent(entry, place.parent);
    let fd = native.make_dir(parent.fd, place.name, parent.inherits ? 1 : 0);
    const wasThere = fd === -EEXIST;
    if (wasThere) fd = native.open_child(parent.fd, place.name);
    if (wasThere && fd === -ENOTDIR) {
      this.#tree.clear(entry, place);
      return this.#directory(entry, place);
    }
    this.#tree.check(entry, fd, "make the directory", "mkdirat");
    const directory = this.#directories.adopt(joined(place), fd, stateOf(entry));
    // The parent's descriptor may have been closed to have room for this one.
    this.#tree.put(this.#tree.parent(entry, place.parent), place.name);
    this.#setDirectory(entry, directory, wasThere);
    return undefined;
  }

  /** Mode and times come when it is closed, as far as they would be in the way. */
  #setDirectory(entry: Entry, { fd }: Directory, wasThere: boolean): void {
    const { uid, gid } = this.#attributes.ownerOf(entry);
    this.#tree.check(entry, native.set_owner(fd, uid, gid), "set the owner of", "fchown");
    if (wasThere) this.#tree.check(entry, native.clear_xattrs(fd), "take the extended attributes of", "removexattr");
    this.#attributes.setXattrs(entry, (name, value) => native.set_xattr(fd, name, value));
    this.#tree.check(entry, native.set_mode(fd, this.#directories.openMode(entry.mode)), "set the mode of", "fchmod");
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
    this.#tree.make(
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
    const fd = this.#tree.make(entry, place, create, "openat");
    try {
      if (entry.sparse === undefined) await this.#writeContent(entry, fd);
      else await this.#writeSparse(entry, entry.sparse, fd);
      const { uid, gid } = this.#attributes.ownerOf(entry);
      this.#tree.check(entry, native.set_new_owner(fd, uid, gid, inherits), "set the owner of", "fchown");
      // After the owner: a new one takes security.capability away.
      this.#attributes.setXattrs(entry, (name, value) => native.set_xattr(fd, name, value));
      this.#tree.check(entry, native.set_mode(fd, entry.mode), "set the mode of", "fchmod");
      this.#tree.check(entry, native.set_times(fd, entry.mtime.seconds, entry.mtime.nanoseconds), "set the times of", "utimensat");
    } finally {
      native.close(fd);
    }
  }

  async #writeContent(entry: Entry, fd: number): Promise<void> {
    for (;;) {
      const next = this.#reader.read();
      const piece = next instanceof Promise ? await next : next;
      if (piece === undefined) return;
      this.#tree.check(entry, native.write_fd(fd, piece), "write", "write");
    }
  }

  /** Holes stay holes. */
  async #writeSparse(entry: Entry, map: NonNullable<Entry["sparse"]>, fd: number): Promise<void> {
    let piece: Uint8Array = new Uint8Array();
    for (const { offset, size } of map) {
      for (let done = 0; done < size; ) {
        if (piece.length === 0) piece = (await this.#reader.read()) ?? piece;
        const part = piece.subarray(0, size - done);
        this.#tree.check(entry, native.write_at(fd, part, offset + done), "write", "pwrite64");
        piece = piece.subarray(part.length);
        done += part.length;
      }
    }
    this.#tree.check(entry, native.set_size(fd, entry.realSize ?? 0), "set the size of", "ftruncate");
  }

  #symlink(entry: Entry, place: Place): undefined {
    const { uid, gid } = this.#attributes.ownerOf(entry);
    const { seconds, nanoseconds } = entry.mtime;
    if (entry.link === "") throw this.#tree.broken(entry, "it is a symbolic link to nothing");
    this.#tree.make(entry, place, ({ fd }) => native.make_link(fd, place.name, entry.link, uid, gid, seconds, nanoseconds), "symlinkat");
    this.#setXattrsAt(entry, place);
    return undefined;
  }

  #node(entry: Entry, place: Place, kind: number): undefined {
    const { uid, gid } = this.#attributes.ownerOf(entry);
    const { major, minor, mode } = entry;
    const { seconds, nanoseconds }: Time = entry.mtime;
    this.#tree.make(entry, place, ({ fd }) => native.make_node(fd, place.name, kind | mode, major, minor, uid, gid, seconds, nanoseconds), "mknodat");
    this.#setXattrsAt(entry, place);
    return undefined;
  }

  #setXattrsAt(entry: Entry, place: Place): void {
    if (!this.#attributes.hasXattrs(entry)) return;
    const { fd } = this.#tree.parent(entry, place.parent);
    this.#attributes.setXattrs(entry, (name, value) => native.set_xattr_at(fd, place.name, name, value));
  }

  /** Of a file that is there, of this layer or a lower one. It has its attributes already. */
  #hardLink(entry: Entry, place: Place): undefined {
    const target = placeOf(entry.link);
    if (typeof target === "string") throw this.#tree.broken(entry, target.replace(/^its name|its name/, "the name that it links to"));
    if (target.name === "" || joined(target) === joined(place)) throw this.#tree.broken(entry, "it is a hard link to itself, or to the root");
    const link = () => {
      const from = this.#directories.open(target.parent);
      if (typeof from === "number") return from;
      // Again, since the one may have been closed to have room for the other.
      const to = this.#tree.parent(entry, place.parent);
      return from === to && target.name === place.name ? -ENOENT : native.hard_link(from.fd, target.name, to.fd, place.name);
    };
    try {
      this.#tree.make(entry, place, link, "linkat");
    } catch (error) {
      if (error instanceof ImageError && error.cause === ENOENT)
        throw this.#tree.broken(entry, `it is a hard link to "${shown(entry.link)}", which is not there`);
      throw error;
    }
    return undefined;
  }

  // --- whiteouts ---

  #whiteout(entry: Entry, place: Place): undefined {
    const hidden = place.name.slice(WHITEOUT.length) as Raw;
    if (hidden === "" || hidden === "." || hidden === "..") throw this.#tree.broken(entry, "it is a whiteout of no name");
    if (!this.#options.hasLower) return undefined;
    const isOpaque = place.name === OPAQUE;
    let directory = this.#directories.open(place.parent);
    if (typeof directory !== "number") {
      const mode = isOpaque ? undefined : native.stat_at(directory.fd, hidden);
      if (mode === -ENOENT) return undefined;
      if (mode === undefined || isOnTheWay(this.#tree.check(entry, mode, "look at", "fstatat"))) {
        this.#directories.flush();
        directory = this.#directories.open(place.parent);
      }
    }
    // Without the directory there is nothing to hide.
    if (directory === -ENOENT || directory === -ENOTDIR) return undefined;
    if (typeof directory === "number") throw this.#tree.failure(entry, directory, "open the directory of", "openat2");
    this.#directories.change(directory);
    try {
      for (const name of isOpaque ? namesIn(directory.fd) : [hidden]) hide(directory.fd, directory, name, this.#tree.ours);
    } catch (error) {
      if (error instanceof RangeError) throw this.#tree.broken(entry, error.message);
      throw error;
    }
    return undefined;
  }
}
