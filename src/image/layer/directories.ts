// The directories that a layer's entries go into: open descriptors by path, resolved under the root. Whoever makes something in one
// changes its mtime, so each gets back at the end what it had, or what its entry says.
import { check } from "../../errors.ts";
import { native } from "../native.ts";
import { type Raw, shown } from "../raw.ts";
import type { Time } from "../tar/entry.ts";
import type { DirectoryId } from "./names.ts";

/** Open at a time. */
const MOST = 128;
/** Names of them: links lead to the same directory by many. */
const MOST_PATHS = 1024;
const EACCES = 13;
const OWNER = 0o700;

export interface Directory extends DirectoryId {
  readonly fd: number;
  readonly device: number;
  /** What is made in it gets an ACL or a group from it. */
  readonly inherits: boolean;
}

/** What a directory is to have when it is closed. */
export interface DirectoryState {
  /** Permission bits; only set back when the owner had to be given access. */
  readonly mode: number;
  readonly inherits: boolean;
  /** Undefined: what it has. */
  readonly mtime?: Time;
}

interface Kept extends Directory {
  inherits: boolean;
  mtime: Time;
  mode: number;
  isChanged: boolean;
  readonly isWidened: boolean;
}

export class Directories {
  readonly #root: number;
  readonly #byPath = new Map<Raw, Kept>();
  /** The least recently opened first. */
  readonly #byId = new Map<string, Kept>();
  readonly #isRoot = process.geteuid?.() === 0;
  #lastPath: Raw | undefined;
  #last: Kept | undefined;

  constructor(root: number) {
    this.#root = root;
  }

  /** The directory at a path, links followed; "" is the root. A negative errno when there is none. */
  open(path: Raw): Directory | number {
    if (path === this.#lastPath && this.#last !== undefined) return this.#last;
    const kept = this.#byPath.get(path) ?? this.#open(path);
    if (typeof kept === "number") return kept;
    this.#lastPath = path;
    this.#last = kept;
    return kept;
  }

  /** Something is going to be made or removed in it. */
  change(directory: Directory): void {
    (directory as Kept).isChanged = true;
  }

  /** A descriptor of native.make_dir, open_child or open_dir for this path, right after that call, and what the caller is going to make of it. */
  adopt(path: Raw, fd: number, { mode, inherits, mtime }: DirectoryState): Directory {
    const kept = this.#keep(path, fd);
    kept.mode = mode;
    kept.inherits = inherits;
    if (mtime !== undefined) kept.mtime = mtime;
    kept.isChanged = true;
    return kept;
  }

  /** The mode that a directory can have while it is worked in. */
  openMode(mode: number): number {
    return this.#isRoot ? mode : mode | OWNER;
  }

  /** Sets back what was changed and closes all: before a directory or a link is removed, since the paths may lead elsewhere then. */
  flush(): void {
    for (const kept of this.#byId.values()) this.#close(kept);
    this.#forget();
  }

  /** Closes all as it is. */
  abandon(): void {
    for (const { fd } of this.#byId.values()) native.close(fd);
    this.#forget();
  }

  #forget(): void {
    this.#byId.clear();
    this.#byPath.clear();
    this.#last = undefined;
    this.#lastPath = undefined;
  }

  #open(path: Raw): Kept | number {
    const place = path === "" ? ("." as Raw) : path;
    let fd = native.open_dir(this.#root, place);
    if (fd === -EACCES && !this.#isRoot) {
      // Not even the way to it may be open to the owner: from the top, each one is given access.
      for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
        const parent = this.#byPath.get(path.slice(0, slash) as Raw) ?? this.#open(path.slice(0, slash) as Raw);
        if (typeof parent === "number") return parent;
      }
      fd = native.open_dir(this.#root, place);
    }
    return fd < 0 ? fd : this.#keep(path, fd);
  }

  #keep(path: Raw, fd: number): Kept {
    const [device, inodeHigh, inodeLow] = [native.out(0), native.out(1), native.out(2)];
    const mtime = { seconds: native.out(3), nanoseconds: native.out(4) };
    const mode = native.out(5) & 0o7777;
    const inherits = native.out(6) !== 0;
    if (this.#byPath.size >= MOST_PATHS) this.#evict(MOST);
    const id = `${device}:${inodeHigh}:${inodeLow}`;
    const known = this.#byId.get(id);
    if (known !== undefined) {
      native.close(fd);
      this.#byPath.set(path, known);
      return known;
    }
    if (this.#byId.size >= MOST) this.#evict(MOST / 2);
    const isWidened = !this.#isRoot && (mode & OWNER) !== OWNER;
    const kept: Kept = { fd, device, inodeHigh, inodeLow, inherits, mtime, mode, isChanged: false, isWidened };
    this.#byId.set(id, kept);
    this.#byPath.set(path, kept);
    return kept;
  }

  /** The oldest, but never the one that was asked for last: it is in use. */
  #evict(count: number): void {
    const closed = new Set<Kept>();
    for (const [id, kept] of this.#byId) {
      if (closed.size >= count) break;
      if (kept === this.#last) continue;
      this.#close(kept);
      this.#byId.delete(id);
      closed.add(kept);
    }
    for (const [path, kept] of this.#byPath) if (closed.has(kept) || (count >= MOST && path !== this.#lastPath)) this.#byPath.delete(path);
  }

  #close(kept: Kept): void {
    const { fd, mode, mtime } = kept;
    const path = () => shown([...this.#byPath].find(([, one]) => one === kept)?.[0] ?? ("" as Raw));
    if (kept.isWidened || (kept.isChanged && !this.#isRoot)) {
      const result = native.set_mode(fd, mode);
      if (result < 0) check(result, "set the mode of", path(), "fchmod");
    }
    if (kept.isChanged) {
      const result = native.set_times(fd, mtime.seconds, mtime.nanoseconds);
      if (result < 0) check(result, "set the times of", path(), "utimensat");
    }
    native.close(fd);
  }
}
