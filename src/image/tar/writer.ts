// Entries -> an archive that every reader of layers takes: ustar where an entry fits it, PAX (POSIX.1-2001) for the rest. The same
// entries always give the same bytes.
// Names go in as the bytes that they are: GNU tar, Python and Go's archive/tar (umoci, Docker, containerd, skopeo) read ustar's fields
// and PAX's "path" so; what is not UTF-8 in a PAX record is announced by hdrcharset=BINARY, as in POSIX and libarchive (GNU tar
// says that it ignores the keyword, and reads the name right).
// Sparse files are written whole. All these readers take GNU's sparse format 1.0, but tar-split, with which Docker and Podman keep
// a pulled layer's archive to push it again, does not put such an archive together again.
import { ImageError } from "../errors.ts";
import { type Raw, rawBytes } from "../raw.ts";
import type { Entry, EntryKind, Time } from "./entry.ts";

export type WholeEntry = Omit<Entry, "sparse" | "realSize">;
/** An entry's bytes; a chunk is the writer's once it is handed over. */
export type Content = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
/** Takes the archive's next bytes; the writer waits for it before it goes on. */
export type Sink = (bytes: Uint8Array) => Promise<void> | void;

const BLOCK = 512;
/** Headers and small files are collected up to this before the sink gets them. */
const BATCH = 256 << 10;
const NO_CONTENT = new Uint8Array(0);
const ZEROS = Buffer.alloc(2 * BLOCK);

const NAME = 100;
const PREFIX = 155;
/** Largest numbers of ustar's octal fields of 8 and 12 bytes. */
const OCTAL_8 = 0o7777777;
const OCTAL_12 = 0o77777777777;

const TYPES: Readonly<Record<EntryKind, string>> = { file: "0", hardlink: "1", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" };

export class ArchiveWriter {
  private readonly sink: Sink;
  private batch = Buffer.allocUnsafeSlow(BATCH);
  private used = 0;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  /** The content has exactly `entry.size` bytes, or the archive is broken and this throws. */
  async writeEntry(entry: WholeEntry, content: Content = NO_CONTENT): Promise<void> {
    const path = entry.kind === "directory" && !entry.path.endsWith("/") ? (`${entry.path}/` as Raw) : entry.path;
    const split = splitPath(path);
    const extended = extendedHeader(entry, path, split === undefined);
    if (extended !== undefined) await this.put(extended);
    const [prefix, name] = split ?? ["", path.slice(0, NAME)];
    if (this.used + BLOCK > BATCH) await this.flush();
    fillHeader(this.batch.subarray(this.used, this.used + BLOCK), { ...entry, name, prefix, type: TYPES[entry.kind] });
    this.used += BLOCK;
    let size = 0;
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      size += chunk.length;
      if (size > entry.size) break;
      await this.put(chunk);
    }
    if (size !== entry.size)
      throw new ImageError("TS7011", `it has ${size > entry.size ? "more than" : "only"} ${Math.min(size, entry.size)} bytes, not ${entry.size}`, {
        entry: entry.path,
      });
    await this.put(ZEROS.subarray(0, padding(size)));
  }

  /** The archive's end, and everything that is still to be handed over. */
  async end(): Promise<void> {
    await this.put(ZEROS);
    await this.flush();
  }

  private async put(bytes: Uint8Array): Promise<void> {
    if (this.used + bytes.length > BATCH) await this.flush();
    if (bytes.length >= BATCH) return this.sink(bytes);
    this.batch.set(bytes, this.used);
    this.used += bytes.length;
  }

  private async flush(): Promise<void> {
    if (this.used === 0) return;
    const full = this.batch.subarray(0, this.used);
    // The sink may still hold what it was given.
    this.batch = Buffer.allocUnsafeSlow(BATCH);
    this.used = 0;
    await this.sink(full);
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** PAX's records of what ustar's fields have no room for, with their header; undefined: there is nothing of that kind. */
function extendedHeader(entry: WholeEntry, path: Raw, isLongPath: boolean): Buffer | undefined {
  for (const text of [path, entry.link]) if (text.includes("\0")) throw new ImageError("TS7011", "its name or link has a byte 0", { entry: path });
  const isLongLink = entry.link.length > NAME;
  const records: Buffer[] = [];
  if ((isLongPath && !isUtf8(path)) || (isLongLink && !isUtf8(entry.link))) records.push(record("hdrcharset", Buffer.from("BINARY")));
  if (isLongPath) records.push(record("path", rawBytes(path)));
  if (isLongLink) records.push(record("linkpath", rawBytes(entry.link)));
  if (entry.uid > OCTAL_8) records.push(numberRecord("uid", entry.uid));
  if (entry.gid > OCTAL_8) records.push(numberRecord("gid", entry.gid));
  if (entry.size > OCTAL_12) records.push(numberRecord("size", entry.size));
  if (!fitsOctal(entry.mtime)) records.push(record("mtime", Buffer.from(timeText(entry.mtime))));
  for (const name of [...entry.xattrs.keys()].sort()) {
    if (name.includes("="))
      throw new ImageError("TS7011", `the name of its extended attribute "${name}" has a "=", which ends names in archives`, { entry: path });
    records.push(record(`SCHILY.xattr.${name}`, entry.xattrs.get(name) ?? NO_CONTENT));
  }
  if (records.length === 0) return undefined;
  const size = records.reduce((sum, { length }) => sum + length, 0);
  const header = Buffer.alloc(BLOCK);
  fillHeader(header, { ...PAX_HEADER, name: `PaxHeaders/${path.split("/").findLast((part) => part !== "") ?? ""}`.slice(0, NAME), size });
  return Buffer.concat([header, ...records, ZEROS.subarray(0, padding(size))]);
}

/** Prefix and name of ustar, which have a "/" between them; undefined where no split makes both fit. */
function splitPath(path: Raw): readonly [prefix: string, name: string] | undefined {
  if (path.length <= NAME) return ["", path];
  const slash = path.lastIndexOf("/", Math.min(PREFIX, path.length - 2));
  if (slash <= 0 || path.length - slash - 1 > NAME) return undefined;
  return [path.slice(0, slash), path.slice(slash + 1)];
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

function numberRecord(key: string, value: number): Buffer {
  return record(key, Buffer.from(`${value}`));
}

/** "<length> <key>=<value>\n", where the length counts its own digits too. */
function record(key: string, value: Uint8Array): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + `${rest}`.length;
  if (`${length}`.length > `${rest}`.length) length++;
  return Buffer.concat([Buffer.from(`${length} ${key}=`, "latin1"), value, Buffer.from("\n")]);
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

function fillHeader(block: Buffer, fields: Fields): void {
  block.fill(0);
  const octal = (value: number, offset: number, digits: number, largest: number) =>
    block.write(Math.min(Math.max(value, 0), largest).toString(8).padStart(digits, "0"), offset, "latin1");
  block.write(fields.name, 0, NAME, "latin1");
  octal(fields.mode, 100, 7, OCTAL_8);
  octal(fields.uid, 108, 7, OCTAL_8);
  octal(fields.gid, 116, 7, OCTAL_8);
  octal(fields.size, 124, 11, OCTAL_12);
  octal(fields.mtime.seconds, 136, 11, OCTAL_12);
  block.write("        ", 148, "latin1");
  block.write(fields.type, 156, "latin1");
  block.write(fields.link, 157, NAME, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  octal(fields.major, 329, 7, OCTAL_8);
  octal(fields.minor, 337, 7, OCTAL_8);
  block.write(fields.prefix, 345, PREFIX, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  octal(sum, 148, 6, OCTAL_8);
  block[154] = 0;
}
