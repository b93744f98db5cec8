// Entries -> an archive that every reader of layers takes: ustar where an entry fits it, PAX (POSIX.1-2001) for the rest. The same
// entries always give the same bytes.
// Names go in as the bytes that they are: GNU tar, Python and Go's archive/tar (umoci, Docker, containerd, skopeo) read ustar's fields
// and PAX's "path" so; what is not UTF-8 in a PAX record is announced by hdrcharset=BINARY, as in POSIX and libarchive (GNU tar
// says that it ignores the keyword, and reads the name right).
// Sparse files are written whole. All these readers take GNU's sparse format 1.0, but tar-split, with which Docker and Podman keep
// a pulled layer's archive to push it again, does not put such an archive together again.
import { ImageError } from "../errors.ts";
import { type Raw, rawBytes, rawFrom } from "../raw.ts";
import type { Entry, EntryKind, Time } from "./entry.ts";

export type WholeEntry = Omit<Entry, "sparse" | "realSize">;
/** An entry's bytes; a chunk may change when the next one is asked for, or the entry is written. */
export type Content = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
/** Takes the archive's next bytes; the writer waits for it before it goes on, and uses them again then. */
export type Sink = (bytes: Uint8Array) => Promise<void> | void;

const BLOCK = 512;
/** Headers and small files are collected up to this before the sink gets them. */
const BATCH = 256 << 10;
const NO_CONTENT = new Uint8Array(0);

const NAME = 100;
const PREFIX = 155;
/** Largest numbers of ustar's octal fields of 8 and 12 bytes. */
const OCTAL_8 = 0o7777777;
const OCTAL_12 = 0o77777777777;

const TYPES: Readonly<Record<EntryKind, string>> = { file: "0", hardlink: "1", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" };

export class ArchiveWriter {
  private readonly sink: Sink;
  private readonly batch = Buffer.allocUnsafeSlow(BATCH);
  private used = 0;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  /**
   * The content has exactly `entry.size` bytes, or the archive is broken and this throws. A promise only when something has to be waited for:
   * a layer may have a million small entries.
   */
  writeEntry(entry: WholeEntry, content: Content = NO_CONTENT): undefined | Promise<void> {
    const path = entry.kind === "directory" && !entry.path.endsWith("/") ? (`${entry.path}/` as Raw) : entry.path;
    const prefix = prefixOf(path);
    const records = extendedRecords(entry, path, prefix === undefined);
    const length = inBlocks(entry.size) + BLOCK + (records === "" ? 0 : BLOCK + inBlocks(records.length));
    if (length > BATCH || !(content instanceof Uint8Array)) return this.writeLarge(entry, path, prefix, records, content);
    checkSize(entry, content.length);
    if (this.used + length > BATCH) return this.flush().then(() => this.putSmall(entry, path, prefix, records, content));
    this.putSmall(entry, path, prefix, records, content);
    return undefined;
  }

  /** The archive's end, and everything that is still to be handed over. */
  async end(): Promise<void> {
    if (this.used + 2 * BLOCK > BATCH) await this.flush();
    this.putZeros(2 * BLOCK);
    await this.flush();
  }

  /** There is room for all of it. */
  private putSmall(entry: WholeEntry, path: Raw, prefix: number | undefined, records: Raw, content: Uint8Array): void {
    if (records !== "") {
      this.putPaxHeader(path, records.length);
      this.used += this.batch.write(records, this.used, "latin1");
      this.putZeros(padding(records.length));
    }
    this.putHeader(entry, path, prefix);
    this.batch.set(content, this.used);
    this.used += content.length;
    this.putZeros(padding(content.length));
  }

  private async writeLarge(entry: WholeEntry, path: Raw, prefix: number | undefined, records: Raw, content: Content): Promise<void> {
    if (records !== "") {
      if (this.used + BLOCK > BATCH) await this.flush();
      this.putPaxHeader(path, records.length);
      await this.put(rawBytes(records));
      await this.pad(records.length);
    }
    if (this.used + BLOCK > BATCH) await this.flush();
    this.putHeader(entry, path, prefix);
    let size = 0;
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      size += chunk.length;
      if (size > entry.size) break;
      await this.put(chunk);
    }
    checkSize(entry, size);
    await this.pad(size);
  }

  private putHeader(entry: WholeEntry, path: Raw, prefix: number | undefined): void {
    const name = prefix === undefined ? path.slice(0, NAME) : prefix === 0 ? path : path.slice(prefix + 1);
    fillHeader(this.batch, this.used, { ...entry, name, prefix: path.slice(0, prefix ?? 0), type: TYPES[entry.kind] });
    this.used += BLOCK;
  }

  private putPaxHeader(path: Raw, size: number): void {
    const name = `PaxHeaders/${path.split("/").findLast((part) => part !== "") ?? ""}`.slice(0, NAME);
    fillHeader(this.batch, this.used, { ...PAX_HEADER, name, size });
    this.used += BLOCK;
  }

  private putZeros(length: number): void {
    this.batch.fill(0, this.used, this.used + length);
    this.used += length;
  }

  private async put(bytes: Uint8Array): Promise<void> {
    if (this.used + bytes.length > BATCH) await this.flush();
    if (bytes.length >= BATCH) return this.sink(bytes);
    this.batch.set(bytes, this.used);
    this.used += bytes.length;
  }

  private async pad(size: number): Promise<void> {
    if (this.used + padding(size) > BATCH) await this.flush();
    this.putZeros(padding(size));
  }

  private async flush(): Promise<void> {
    if (this.used === 0) return;
    const length = this.used;
    this.used = 0;
    await this.sink(this.batch.subarray(0, length));
  }
}

function checkSize(entry: WholeEntry, size: number): void {
  if (size === entry.size) return;
  const many = `${size > entry.size ? "more than" : "only"} ${Math.min(size, entry.size)} bytes, not ${entry.size}`;
  throw new ImageError("TS7011", `it has ${many}`, { entry: entry.path });
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function inBlocks(size: number): number {
  return size + padding(size);
}

/** PAX's records of what ustar's fields have no room for, one byte per character. */
function extendedRecords(entry: WholeEntry, path: Raw, isLongPath: boolean): Raw {
  if (path.includes("\0") || entry.link.includes("\0")) throw new ImageError("TS7011", "its name or link has a byte 0", { entry: path });
  const isLongLink = entry.link.length > NAME;
  let records = "";
  if ((isLongPath && !isUtf8(path)) || (isLongLink && !isUtf8(entry.link))) records += record("hdrcharset", "BINARY");
  if (isLongPath) records += record("path", path);
  if (isLongLink) records += record("linkpath", entry.link);
  if (entry.uid > OCTAL_8) records += record("uid", `${entry.uid}`);
  if (entry.gid > OCTAL_8) records += record("gid", `${entry.gid}`);
  if (entry.size > OCTAL_12) records += record("size", `${entry.size}`);
  if (!fitsOctal(entry.mtime)) records += record("mtime", timeText(entry.mtime));
  if (entry.xattrs.size > 0) records += xattrRecords(entry, path);
  return records as Raw;
}

function xattrRecords({ xattrs }: WholeEntry, path: Raw): string {
  let records = "";
  for (const name of [...xattrs.keys()].sort()) {
    if (name.includes("="))
      throw new ImageError("TS7011", `the name of its extended attribute "${name}" has a "=", which ends names in archives`, { entry: path });
    records += record(`SCHILY.xattr.${name}`, rawFrom(xattrs.get(name) ?? NO_CONTENT));
  }
  return records;
}

/** Length of ustar's prefix, which a "/" parts from its name; undefined where no split makes both fit. */
function prefixOf(path: Raw): number | undefined {
  if (path.length <= NAME) return 0;
  const slash = path.lastIndexOf("/", Math.min(PREFIX, path.length - 2));
  return slash <= 0 || path.length - slash - 1 > NAME ? undefined : slash;
}

function isUtf8(raw: Raw): boolean {
  const bytes = rawBytes(raw);
  return Buffer.from(bytes.toString("utf8"), "utf8").equals(bytes);
}

function fitsOctal({ seconds, nanoseconds }: Time): boolean {
  return nanoseconds === 0 && seconds >= 0 && seconds <= OCTAL_12;
}

/** Decimal seconds: -1.5 is the second -2 and half a second after it. */
function timeText({ seconds, nanoseconds }: Time): string {
  const isNegative = seconds < 0;
  const whole = isNegative && nanoseconds > 0 ? seconds + 1 : seconds;
  const rest = isNegative && nanoseconds > 0 ? 1e9 - nanoseconds : nanoseconds;
  const fraction = rest === 0 ? "" : `.${`${rest}`.padStart(9, "0").replace(/0+$/, "")}`;
  return `${isNegative ? "-" : ""}${Math.abs(whole)}${fraction}`;
}

/** "<length> <key>=<value>\n", where the length counts its own digits too. One byte per character. */
function record(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + `${rest}`.length;
  if (`${length}`.length > `${rest}`.length) length++;
  return `${length} ${key}=${value}\n`;
}

interface Fields {
  readonly name: string;
  readonly prefix: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: Time;
  readonly link: string;
  readonly major: number;
  readonly minor: number;
}

const PAX_HEADER = { prefix: "", type: "x", mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 0, nanoseconds: 0 }, link: "", major: 0, minor: 0 };

function fillHeader(bytes: Buffer, at: number, fields: Fields): void {
  bytes.fill(0, at, at + BLOCK);
  bytes.write(fields.name, at, NAME, "latin1");
  putOctal(bytes, at + 100, 7, Math.min(fields.mode, OCTAL_8));
  putOctal(bytes, at + 108, 7, Math.min(fields.uid, OCTAL_8));
  putOctal(bytes, at + 116, 7, Math.min(fields.gid, OCTAL_8));
  putOctal(bytes, at + 124, 11, Math.min(fields.size, OCTAL_12));
  putOctal(bytes, at + 136, 11, Math.min(Math.max(fields.mtime.seconds, 0), OCTAL_12));
  bytes.fill(" ", at + 148, at + 156);
  bytes.write(fields.type, at + 156, "latin1");
  bytes.write(fields.link, at + 157, NAME, "latin1");
  bytes.write("ustar\x0000", at + 257, "latin1");
  putOctal(bytes, at + 329, 7, Math.min(fields.major, OCTAL_8));
  putOctal(bytes, at + 337, 7, Math.min(fields.minor, OCTAL_8));
  bytes.write(fields.prefix, at + 345, PREFIX, "latin1");
  let sum = 0;
  for (let i = at; i < at + BLOCK; i++) sum += bytes[i] ?? 0;
  putOctal(bytes, at + 148, 6, sum);
  bytes[at + 154] = 0;
}

/** So many digits. The largest number is 8 GiB less one byte: no integer of 32 bits. */
function putOctal(bytes: Buffer, at: number, digits: number, value: number): void {
  let left = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const rest = Math.floor(left / 8);
    bytes[i] = 48 + left - rest * 8;
    left = rest;
  }
}
