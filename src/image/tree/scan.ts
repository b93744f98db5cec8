// A tree on the disk -> its records, and single entries of it. Everything is found by descriptors under the root: whoever changes
// the tree meanwhile (a running container) can make this see other entries of the tree, and nothing outside of it.
import { check, SystemError } from "../../errors.ts";
import { native } from "../native.ts";
import { type Raw, shown } from "../raw.ts";
import type { WholeEntry } from "../tar/writer.ts";
import type { Inode } from "./numbers.ts";
import { Records } from "./packed.ts";

/**
 * Extended attributes that say something of this host and nothing of the image: SELinux labels, ACLs of NFS, what overlayfs
 * keeps for itself. A name that ends with a dot stands for all that begin so.
 */
const IGNORED_XATTRS = Buffer.from(["security.selinux", "system.nfs4_acl", "trusted.overlay."].map((name) => `${name}\0`).join(""));

/** Most batches of a walk, and most single records. */
const BATCH = 272 << 10;
const RECORD = 8 << 10;

export interface Scan {
  readonly records: Records;
  close(): void;
}

/** Where records are put, again and again: a buffer for each would be garbage that the collector knows nothing of. */
class RecordRoom {
  #bytes: Buffer;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  /** `fill`: a native call that answers with the length of its result. A negative errno when it fails. */
  take(fill: (into: Buffer) => number): Buffer | number {
    const length = fill(this.#bytes);
    if (length < 0) return length;
    if (length > this.#bytes.length) {
      this.#bytes = Buffer.allocUnsafeSlow(length);
      native.result(this.#bytes);
    }
    return length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, length);
  }
}

/** `tree` is its path on the host, for errors. `tee` sees all that is scanned. */
export function scanTree(rootFd: number, tree: string, tee: (bytes: Buffer) => void = () => {}): Scan {
  const walk = check(native.scan_open(rootFd, IGNORED_XATTRS), "look at", tree, "open");
  const room = new RecordRoom(BATCH);
  const source = () => {
    const bytes = room.take((into) => native.scan_next(walk, into));
    if (typeof bytes === "number") throw new SystemError("look at", tree, "openat", -bytes);
    if (bytes.length === 0) return undefined;
    tee(bytes);
    return bytes;
  };
  return { records: new Records(source, tree), close: () => void native.scan_close(walk) };
}

/** Of a single entry, until the next one is looked at. */
const record = new Records(() => undefined, "");
const recordRoom = new RecordRoom(RECORD);

/** An entry that is held by a descriptor, whatever its name becomes. */
export class HeldEntry {
  readonly #fd: number;
  readonly #tree: string;
  readonly #path: Raw;

  private constructor(fd: number, tree: string, path: Raw) {
    this.#fd = fd;
    this.#tree = tree;
    this.#path = path;
  }

  /** Undefined: it is not there any more. No link is followed on the way to it. */
  static open(rootFd: number, tree: string, path: Raw): HeldEntry | undefined {
    const fd = native.open_entry(rootFd, path);
    if (fd === -ENOENT || fd === -ENOTDIR || fd === -ELOOP) return undefined;
    if (fd < 0) throw new SystemError("open", hostPath(tree, path), "openat2", -fd);
    return new HeldEntry(fd, tree, path);
  }

  /**
   * What it is now; undefined for a socket. `inode` names what has several names. Its extended attributes are only there until
   * the next entry is read.
   */
  read(): { readonly entry: WholeEntry; readonly inode: Inode | undefined } | undefined {
    const bytes = recordRoom.take((into) => native.entry_record(this.#fd, IGNORED_XATTRS, into));
    if (typeof bytes === "number") throw new SystemError("look at", hostPath(this.#tree, this.#path), "statx", -bytes);
    record.take(bytes);
    if (record.isSocket) return undefined;
    const { inodeHigh, inodeLow } = record;
    return { entry: record.entry(this.#path), inode: record.isLinked ? { device: native.out(0), inodeHigh, inodeLow } : undefined };
  }

  /** A descriptor to read the file from, the caller's to close. */
  openContent(): number {
    const fd = native.open_content(this.#fd);
    if (fd < 0) throw new SystemError("open", hostPath(this.#tree, this.#path), "open", -fd);
    return fd;
  }

  close(): void {
    native.close(this.#fd);
  }
}

const hostPath = (tree: string, path: Raw) => `${tree}/${shown(path)}`;
const ENOENT = 2;
const ENOTDIR = 20;
const ELOOP = 40;
