// A header block and the records before it -> an entry: which of its values count, and which no file can have.
import type { Raw } from "../raw.ts";
import type { Entry, EntryKind, Time } from "./entry.ts";
import { Broken, type Header, inRange, parseDecimal, parseDevice, parseTime, Unsupported } from "./header.ts";
import { type Records, withoutNul, xattrsOf } from "./pax.ts";

const KINDS: Readonly<Record<string, EntryKind>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

/** 4294967295 tells chown to leave the owner alone, so no file can have it. */
const MAX_ID = 0xffff_fffe;

const key = (text: string) => text as Raw;

/** GNU's long name counts most, then PAX; so it does in Go's reader, which Docker, containerd and umoci use. */
export function pathOf(header: Header, records: Records, longName: Raw | undefined): Raw {
  return longName ?? nonEmpty(records.get(key("GNU.sparse.name"))) ?? nonEmpty(records.get(key("path"))) ?? header.name;
}

export function makeEntry(path: Raw, block: Buffer, header: Header, records: Records, longLink: Raw | undefined): Entry {
  const kind = header.type === "\0" && path.endsWith("/") ? "directory" : KINDS[header.type];
  if (kind === undefined) throw new Unsupported(`it is of the type "${header.type}", which no layer has`);
  const size = decimal(records, "size") ?? header.size;
  if (size < 0) throw new Broken("its size is negative");
  const link = longLink ?? nonEmpty(records.get(key("linkpath"))) ?? header.link;
  return {
    path: withoutNul(path, "name"),
    kind,
    mode: header.mode & 0o7777,
    uid: ownerOf(decimal(records, "uid") ?? header.uid, "uid"),
    gid: ownerOf(decimal(records, "gid") ?? header.gid, "gid"),
    mtime: timeOf(nonEmpty(records.get(key("mtime"))), header.seconds),
    // As in Go's reader: whatever the header says, only files have content.
    size: kind === "file" ? size : 0,
    link: kind === "symlink" || kind === "hardlink" ? withoutNul(link, "link") : key(""),
    ...deviceOf(kind, block),
    xattrs: xattrsOf(records),
  };
}

function nonEmpty(value: Raw | undefined): Raw | undefined {
  return value === "" ? undefined : value;
}

/** Undefined: there is no such record, or an empty one, which stands for none. */
export function decimal(records: Records, name: string): number | undefined {
  const value = records.size === 0 ? undefined : nonEmpty(records.get(key(name)));
  return value === undefined ? undefined : parseDecimal(value, name);
}

function ownerOf(id: number, what: string): number {
  if (id < 0 || id > MAX_ID) throw new Broken(`its ${what} ${id} is out of range`);
  return id;
}

function timeOf(record: Raw | undefined, seconds: number): Time {
  return record === undefined ? { seconds: inRange(seconds, "mtime"), nanoseconds: 0 } : parseTime(record);
}

function deviceOf(kind: EntryKind, block: Buffer): { readonly major: number; readonly minor: number } {
  if (kind !== "character" && kind !== "block") return { major: 0, minor: 0 };
  const [major, minor] = parseDevice(block);
  // dev_t of the kernel: 12 bits and 20 bits.
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xf_ffff) throw new Broken(`its device number ${major}:${minor} is out of range`);
  return { major, minor };
}
