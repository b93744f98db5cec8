// A tree on the disk -> its records, and single entries of it. Everything is found by descriptors under the root: whoever changes
// the tree meanwhile (a running container) can make this see other entries of the tree, and nothing outside of it.
import { check, SystemError } from "../../errors.ts";
import { native } from "../native.ts";
import { type Raw, shown } from "../raw.ts";
import type { WholeEntry } from "../tar/writer.ts";
import { Records } from "./packed.ts";

/**
 * Extended attributes that say something of this host and nothing of the image: SELinux labels, ACLs of NFS, what overlayfs
 * keeps for itself. A name that ends with a dot stands for all that begin so.
 */
const IGNORED_XATTRS = Buffer.from(["security.selinux", "system.nfs4_acl", "trusted.overlay."].map((name) => `${name}\0`).join(""));

export interface Scan {
  readonly records: Records;
  close(): void;
}

/** `tree` is its path on the host, for errors. `tee` sees all that is scanned. */
export function scanTree(rootFd: number, tree: string, tee: (bytes: Buffer) => void = () => {}): Scan {
  const walk = check(native.scan_open(rootFd, IGNORED_XATTRS), "look at", tree, "open");
  const source = () => {
    const bytes = native.scan_next(walk);
    if (typeof bytes === "number") throw new SystemError("look at", tree, "openat", -bytes);
    if (bytes.length === 0) return undefined;
    tee(bytes);
    return bytes;
  };
  return { records: new Records(source, tree), close: () => void native.scan_close(walk) };
}

/** An entry that is held by a descriptor, whatever its name becomes. */
export class HeldEntry {
  readonly #fd: number;
  readonly #host: string;
  readonly #path: Raw;

  private constructor(fd: number, host: string, path: Raw) {
    this.#fd = fd;
    this.#host = host;
    this.#path = path;
  }

  /** Undefined: it is not there any more. No link is followed on the way to it. */
  static open(rootFd: number, tree: string, path: Raw): HeldEntry | undefined {
    const host = `${tree}/${shown(path)}`;
    const fd = native.open_entry(rootFd, path);
    if (fd === -ENOENT || fd === -ENOTDIR || fd === -ELOOP) return undefined;
    return new HeldEntry(check(fd, "open", host, "openat2"), host, path);
  }

  /** What it is now; undefined for a socket. `inode` names what has several names. */
  read(): { readonly entry: WholeEntry; readonly inode: string | undefined } | undefined {
    const bytes = native.entry_record(this.#fd, IGNORED_XATTRS);
    if (typeof bytes === "number") throw new SystemError("look at", this.#host, "statx", -bytes);
    const device = native.out(0);
    const records = new Records(once(bytes), this.#host);
    records.next();
    return records.isSocket ? undefined : { entry: records.entry(this.#path), inode: records.isLinked ? `${device}:${records.inode}` : undefined };
  }

  /** A descriptor to read the file from, the caller's to close. */
  openContent(): number {
    return check(native.open_content(this.#fd), "open", this.#host, "open");
  }

  close(): void {
    native.close(this.#fd);
  }
}

const ENOENT = 2;
const ENOTDIR = 20;
const ELOOP = 40;

function once(bytes: Buffer): () => Buffer | undefined {
  let left: Buffer | undefined = bytes;
  return () => {
    const next = left;
    left = undefined;
    return next;
  };
}
