// PAX records (POSIX.1-2017, pax, "pax Extended Header"): "LENGTH KEY=VALUE\n", one after the other -> a map, and what of it an entry gets.
import { type Raw, rawBytes, rawFrom, shown } from "../raw.ts";
import { Broken } from "./header.ts";

export type Records = Map<Raw, Raw>;

const XATTR = "SCHILY.xattr.";
const NO_XATTRS: ReadonlyMap<Raw, Uint8Array> = new Map();

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
/** More than any name that counts. */
const MOST_KEY = 1024;

/** XATTR_SIZE_MAX of the kernel. */
const MOST_XATTR = 1 << 16;
/** The records that are read; all others are passed over. */
const KNOWN = /^(?:path|linkpath|size|uid|gid|mtime|GNU\.sparse\.\w+)$/;

/**
 * Pairs in their order: GNU.sparse.offset and numbytes come more than once. Each value is a string of its own, so that none keeps all
 * the others in memory.
 */
export function* parseRecords(bytes: Buffer): Generator<readonly [key: Raw, value: Raw]> {
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(SPACE, at);
    const digits = space < 0 || space > at + 9 ? "" : bytes.toString("latin1", at, space);
    const end = at + Number(digits);
    if (!/^\d+$/.test(digits) || end <= space || end > bytes.length || bytes[end - 1] !== NEWLINE)
      throw new Broken("a record of its extended header has a wrong length");
    const equals = bytes.indexOf(EQUALS, space);
    if (equals < 0 || equals >= end) throw new Broken("a record of its extended header has no value");
    const key = rawFrom(bytes.subarray(space + 1, Math.min(equals, space + 1 + MOST_KEY)));
    const isXattr = key.startsWith(XATTR);
    if (isXattr && end - equals > MOST_XATTR + 2) throw new Broken(`its extended attribute "${shown(key.slice(XATTR.length) as Raw)}" is too large`);
    if (isXattr || KNOWN.test(key)) yield [key, rawFrom(bytes.subarray(equals + 1, end - 1))];
    at = end;
  }
}

/** No name of the kernel has a NUL. */
export function withoutNul(name: Raw, what: string): Raw {
  if (name.includes("\0")) throw new Broken(`its ${what} has a NUL`);
  return name;
}

/** Extended attributes as star, GNU tar, bsdtar and Go write them. */
export function xattrsOf(records: Records): ReadonlyMap<Raw, Uint8Array> {
  let xattrs: Map<Raw, Uint8Array> | undefined;
  for (const [key, value] of records) {
    if (!key.startsWith(XATTR)) continue;
    xattrs ??= new Map();
    xattrs.set(withoutNul(key.slice(XATTR.length) as Raw, "extended attribute's name"), rawBytes(value));
  }
  return xattrs ?? NO_XATTRS;
}
