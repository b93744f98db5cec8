// One header block of an archive (512 bytes: V7, ustar, GNU, star) -> its fields, the checksum verified.
// Sizes and positions: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's manual, "Standard".
import { type Raw, rawFrom } from "../raw.ts";
import type { Time } from "./entry.ts";

export const BLOCK = 512;

/** What is wrong with an archive. The reader says where. */
export class Broken extends Error {}

/** An archive that is whole, but has something that no image layer has. */
export class Unsupported extends Broken {}

export interface Header {
  readonly name: Raw;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  /** The type flag, one character. */
  readonly type: string;
  readonly link: Raw;
  readonly isGnu: boolean;
}

const ZERO = 0x30;
const SPACE = 0x20;
const CHECKSUM = { at: 148, length: 8 };

/** Only zero bytes: one of the two blocks at the end of an archive. */
export function isZero(block: Buffer): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** Bytes up to the first NUL. */
function text(block: Buffer, at: number, length: number): Raw {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return block.toString("latin1", at, end) as Raw;
}

/** Octal digits with spaces or NULs around them; or, with the first bit set, a big-endian two's complement number (GNU, star). */
function number(block: Buffer, at: number, length: number, what: string): number {
  const first = block[at] ?? 0;
  if (first & 0x80) return binary(block.subarray(at, at + length), what);
  let i = at;
  const end = at + length;
  while (i < end && (block[i] === SPACE || block[i] === 0)) i++;
  let value = 0;
  for (; i < end; i++) {
    const digit = (block[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; i < end; i++) {
    if (block[i] === 0) break;
    if (block[i] !== SPACE) throw new Broken(`its ${what} is no octal number`);
  }
  return value;
}

function binary(field: Buffer, what: string): number {
  const isNegative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = isNegative ? -1n : 0n;
  for (let i = 0; i < field.length; i++) {
    // The first bit only says that this is such a number; the second one is the sign.
    const byte = i === 0 ? (field[0] ?? 0) & 0x7f : (field[i] ?? 0);
    value = i === 0 ? BigInt(isNegative ? byte - 0x80 : byte) : value * 256n + BigInt(byte);
  }
  return inRange(Number(value), what);
}

/** Exact as a number of JavaScript, or refused. */
export function inRange(value: number, what: string): number {
  if (!Number.isSafeInteger(value)) throw new Broken(`its ${what} is out of range`);
  return value;
}

/** Of unsigned bytes, as POSIX says, or of signed ones, as some old programs do. */
function checkSum(block: Buffer): void {
  let sum = CHECKSUM.length * SPACE;
  let high = 0;
  for (let i = 0; i < BLOCK; i++) {
    if (i === CHECKSUM.at) i += CHECKSUM.length;
    const byte = block[i] ?? 0;
    sum += byte;
    if (byte > 127) high++;
  }
  const said = number(block, CHECKSUM.at, CHECKSUM.length, "checksum");
  if (said !== sum && said !== sum - high * 256) throw new Broken("the checksum of its header is wrong");
}

export function parseHeader(block: Buffer): Header {
  checkSum(block);
  const magic = block.toString("latin1", 257, 265);
  const isGnu = magic === "ustar  \0";
  let name = text(block, 0, 100);
  // GNU has other fields where ustar has the prefix; star has two times at its end.
  if (!isGnu && magic.startsWith("ustar\0") && block[345] !== 0) {
    const isStar = block.toString("latin1", 508, 512) === "tar\0";
    name = `${text(block, 345, isStar ? 131 : 155)}/${name}` as Raw;
  }
  return {
    name,
    mode: number(block, 100, 8, "mode"),
    uid: number(block, 108, 8, "uid"),
    gid: number(block, 116, 8, "gid"),
    size: number(block, 124, 12, "size"),
    seconds: number(block, 136, 12, "mtime"),
    type: String.fromCharCode(block[156] ?? 0),
    link: block[157] === 0 ? ("" as Raw) : text(block, 157, 100),
    isGnu,
  };
}

/** Only devices have these; others may have anything there. */
export function parseDevice(block: Buffer): readonly [major: number, minor: number] {
  return [number(block, 329, 8, "major device number"), number(block, 337, 8, "minor device number")];
}

/** 12 bytes at a place of an old GNU sparse header. */
export function parseSize(block: Buffer, at: number): number {
  return number(block, at, 12, "sparse map");
}

/** Seconds in decimal, with a fraction or without (POSIX, pax extended header, "mtime"). */
export function parseTime(value: Raw): Time {
  const found = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value);
  if (found === null) throw new Broken("its mtime is no number");
  const [, sign, whole = "", fraction = ""] = found;
  const seconds = inRange(Number(whole), "mtime");
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (sign !== "-") return { seconds, nanoseconds };
  return nanoseconds === 0 ? { seconds: 0 - seconds, nanoseconds } : { seconds: -1 - seconds, nanoseconds: 1e9 - nanoseconds };
}

/** A decimal number of a PAX record or a sparse map. */
export function parseDecimal(value: string, what: string): number {
  if (!/^\d+$/.test(value)) throw new Broken(`its ${what} is no number`);
  return inRange(Number(value), what);
}

/** The text of a GNU long name or link. */
export function parseLong(bytes: Buffer): Raw {
  const end = bytes.indexOf(0);
  return rawFrom(end < 0 ? bytes : bytes.subarray(0, end));
}
