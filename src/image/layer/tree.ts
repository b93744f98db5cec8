// The tree that a layer is applied to: directories of its entries, room at their places, and what an errno means for an archive.
import { SystemError } from "../../errors.ts";
import { ImageError } from "../errors.ts";
import { native } from "../native.ts";
import { type Raw, shown } from "../raw.ts";
import type { Entry } from "../tar/entry.ts";
import { Attributes } from "./attributes.ts";
import { Directories, type Directory } from "./directories.ts";
import { IMPLICIT_MODE, isOnTheWay, remove } from "./hide.ts";
import { Names } from "./names.ts";
import { joined, type Place, partsOf } from "./place.ts";

const EPERM = 1;
export const ENOENT = 2;
export const EEXIST = 17;
export const ENOTDIR = 20;
/** errno -> what is wrong with the archive; all others are trouble of the machine. */
const BROKEN: Readonly<Record<number, string>> = {
  [ENOENT]: "a part of its path is not there",
  [ENOTDIR]: "a part of its path is no directory",
  36: "its name is too long",
  40: "its path has too many symbolic links",
};
const MOST_LINKS = 40;

export interface TreeOptions {
  /** What errors name. */
  readonly blob: string;
  /** False for the first layer: its whiteouts have nothing to hide. */
  readonly hasLower: boolean;
  /** Owners go into an extended attribute, and devices become empty files. */
  readonly isRootless: boolean;
}

export class Tree {
  readonly directories: Directories;
  readonly attributes: Attributes;
  /** What this layer has put on the lower ones. */
  readonly ours = new Names();
  readonly #root: number;
  readonly #options: TreeOptions;

  constructor(root: number, options: TreeOptions) {
    this.#root = root;
    this.#options = options;
    this.directories = new Directories(root);
    this.attributes = new Attributes(options.isRootless);
  }

  parent(entry: Entry, path: Raw, links = 0): Directory {
    const found = this.directories.open(path);
    if (typeof found !== "number") return found;
    if (found !== -ENOENT) throw this.failure(entry, found, "open the directory of", "openat2");
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
      const found = this.directories.open(upTo(middle));
      if (typeof found !== "number") there = middle;
      else if (found === -ENOENT) missing = middle;
      else throw this.failure(entry, found, "open the directory of", "openat2");
    }
    let directory = this.parent(entry, upTo(there));
    for (const [index, name] of parts.entries()) {
      if (index < there) continue;
      const fd = native.make_dir(directory.fd, name as Raw, directory.inherits ? 1 : 0);
      if (fd === -EEXIST) return this.parent(entry, this.#behindLink(entry, upTo(index), name, parts.slice(index + 1), links), links + 1);
      if (fd < 0) throw this.failure(entry, fd, "make the directory of", "mkdirat");
      this.put(directory, name as Raw);
      directory = this.directories.adopt(upTo(index + 1), fd, { mode: IMPLICIT_MODE, inherits: false });
      const { uid, gid } = this.attributes.rootOwner;
      this.check(entry, native.set_owner(directory.fd, uid, gid), "make the directory of", "fchown");
      this.check(entry, native.set_mode(directory.fd, IMPLICIT_MODE), "make the directory of", "fchmod");
    }
    return directory;
  }

  /** A link to a directory that is not there (yet), like /var/run to /run: the path with what it leads to. */
  #behindLink(entry: Entry, up: Raw, name: string, rest: readonly string[], links: number): Raw {
    if (links >= MOST_LINKS) throw this.broken(entry, "its path has too many symbolic links");
    const target = native.read_link(this.#root, joined({ parent: up, name: name as Raw }));
    if (typeof target === "number") throw this.failure(entry, -ENOTDIR, "make the directory of", "mkdirat");
    const text = target.toString("latin1");
    return [...partsOf(text.startsWith("/") ? text : `${up}/${text}`), ...rest].join("/") as Raw;
  }

  /** Something of this layer is in this directory now. */
  put(directory: Directory, name: Raw): void {
    this.directories.change(directory);
    if (this.#options.hasLower) this.ours.add(directory, name);
  }

  /** Makes something new at a place. What is there is removed, never opened: it may be a link, or a file with other names. */
  make(entry: Entry, place: Place, make: (directory: Directory) => number, syscall: string): number {
    let directory = this.parent(entry, place.parent);
    let result = make(directory);
    if (result === -EEXIST) {
      this.clear(entry, place);
      directory = this.parent(entry, place.parent);
      result = make(directory);
    }
    if (result < 0) throw this.failure(entry, result, "make", syscall);
    this.put(this.parent(entry, place.parent), place.name);
    return result;
  }

  clear(entry: Entry, place: Place): void {
    let directory = this.parent(entry, place.parent);
    const mode = this.check(entry, native.stat_at(directory.fd, place.name), "look at", "fstatat");
    if (isOnTheWay(mode)) {
      this.directories.flush();
      directory = this.parent(entry, place.parent);
    }
    remove(directory.fd, place.name);
    this.directories.change(directory);
  }

  check(entry: Entry, result: number, action: string, syscall: string): number {
    if (result < 0) throw this.failure(entry, result, action, syscall);
    return result;
  }

  failure(entry: Entry, result: number, action: string, syscall: string): Error {
    const errno = -result;
    const words = BROKEN[errno];
    if (words !== undefined) return new ImageError("TS7010", words, { blob: this.#options.blob, entry: entry.path, cause: errno });
    const hint = errno === EPERM && !this.#options.isRootless ? "as root, or with --rootless" : undefined;
    return new SystemError(action, shown(entry.path), syscall, errno, { hint });
  }

  broken(entry: Entry, message: string): ImageError {
    return new ImageError("TS7010", message, { blob: this.#options.blob, entry: entry.path });
  }
}
