// One entry of a layer's archive, as the reader hands it on and the writer takes it.
import type { Raw } from "../raw.ts";

export type EntryKind = "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo";

/** Seconds since 1970 (may be negative) and 0 to 999999999 nanoseconds after them. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface Entry {
  /** As the archive has it: may be absolute, hold "..", or end with "/". */
  readonly path: Raw;
  readonly kind: EntryKind;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Time;
  /** Bytes of content that follow in the archive; files only, else 0. A sparse file has less of them than `realSize`. */
  readonly size: number;
  /** Target of a symbolic or hard link, else "". */
  readonly link: Raw;
  /** Device number of character and block devices, else 0. */
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<Raw, Uint8Array>;
  /** Of a sparse file: where its pieces of content belong, in order. */
  readonly sparse?: readonly { readonly offset: number; readonly size: number }[];
  /** Size of a sparse file with its holes. */
  readonly realSize?: number;
}
