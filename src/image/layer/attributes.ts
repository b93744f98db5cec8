// Owner and extended attributes of an entry -> what is set on its file, as root or without.
import { SystemError } from "../../errors.ts";
import { warn } from "../log.ts";
import { type Raw, rawOf, shown } from "../raw.ts";
import type { Entry } from "../tar/entry.ts";

const EPERM = 1;
const EACCES = 13;
const EOPNOTSUPP = 95;

/** As in umoci, buildah and others (rootless-containers' rootlesscontainers.proto): message Resource { uint32 uid = 1; uint32 gid = 2; }. */
export const ROOTLESS_XATTR = rawOf("user.rootlesscontainers");
/** For an owner that is root's. */
export const NO_ID = 0xffff_ffff;
/** A label of the host's own: one from elsewhere would mean nothing, or too much. */
const SELINUX = "security.selinux";

/** -1: left alone. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const SELF: Owner = { uid: -1, gid: -1 };
const ROOT: Owner = { uid: 0, gid: 0 };

export class Attributes {
  readonly #isRootless: boolean;

  constructor(isRootless: boolean) {
    this.#isRootless = isRootless;
  }

  /** Of what the archive says nothing of. */
  get rootOwner(): Owner {
    return this.#isRootless ? SELF : ROOT;
  }

  ownerOf(entry: Entry): Owner {
    return this.#isRootless ? SELF : entry;
  }

  hasXattrs(entry: Entry): boolean {
    return entry.xattrs.size > 0 || (this.#isRootless && (entry.uid !== 0 || entry.gid !== 0));
  }

  /** `set` returns -errno; it is for files and directories, and for the rest only what the kernel allows there. */
  setXattrs(entry: Entry, set: (name: Raw, value: Uint8Array) => number): void {
    for (const [name, value] of entry.xattrs) {
      if (name === SELINUX) warn("the image has SELinux labels, which are not set");
      else if (!this.#isRootless || name !== ROOTLESS_XATTR) this.#set(entry, set, name, value);
    }
    if (!this.#isRootless || (entry.uid === 0 && entry.gid === 0)) return;
    // The kernel has user attributes for files and directories alone: the owner of a link is lost.
    const isPossible = entry.kind !== "symlink" && entry.kind !== "fifo";
    if (isPossible) this.#set(entry, set, ROOTLESS_XATTR, encodeOwner(entry));
  }

  #set(entry: Entry, set: (name: Raw, value: Uint8Array) => number, name: Raw, value: Uint8Array): void {
    const errno = -set(name, value);
    if (errno <= 0) return;
    const isForbidden = errno === EPERM || errno === EACCES;
    const isOfLink = isForbidden && name.startsWith("user.") && entry.kind !== "file" && entry.kind !== "directory";
    if (errno !== EOPNOTSUPP && !isOfLink && !(isForbidden && this.#isRootless))
      throw new SystemError(`set the extended attribute "${shown(name)}" of`, shown(entry.path), "setxattr", errno);
    const family = `${shown(name).split(".")[0]}.*`;
    warn(
      errno === EOPNOTSUPP
        ? `the filesystem has no extended attributes ${family}: those of the image are left out`
        : `extended attributes ${family} are left out: ${isOfLink ? "links and devices cannot have them" : "they need root"}`,
    );
  }
}

export function encodeOwner({ uid, gid }: Owner): Uint8Array {
  return Uint8Array.from([0x08, ...varint(uid === 0 ? NO_ID : uid), 0x10, ...varint(gid === 0 ? NO_ID : gid)]);
}

/** Seven bits per byte, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}
