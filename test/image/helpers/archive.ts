// Archives for tests: well-formed ones from a list of members, and any header that a hostile one could have.
/// <reference types="bun" />

export type Bytes = string | Uint8Array;

export interface Member {
  readonly path: Bytes;
  /** Default: "5" when the path ends with "/", "2" with a link, else "0". */
  readonly type?: string;
  readonly content?: Bytes;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds; a fraction, or what does not fit, goes into a PAX record. */
  readonly mtime?: number | string;
  readonly link?: Bytes;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: Readonly<Record<string, Bytes>>;
  /** More PAX records, in this order. */
  readonly pax?: readonly (readonly [key: string, value: Bytes])[];
  /** What the header says where it is not the truth. */
  readonly size?: number;
  readonly fields?: Partial<Record<keyof typeof FIELDS, Bytes>>;
}

/** Place and length of what a header has. */
export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  /** Old GNU sparse: four pairs, "is extended", real size. */
  sparse: [386, 96],
  isExtended: [482, 1],
  realSize: [483, 12],
} as const satisfies Record<string, readonly [number, number]>;

export const USTAR = "ustar\x0000";
export const GNU = "ustar  \0";
/** The two empty blocks at the end. */
export const END = Buffer.alloc(1024);

export function bytes(value: Bytes): Buffer {
  return typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
}

export function padded(content: Bytes): Buffer {
  const data = bytes(content);
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

export function octal(value: number, length: number): string {
  return value.toString(8).padStart(length - 1, "0");
}

/** GNU's form of numbers that octal digits have no room for. */
export function base256(value: number | bigint, length: number): Buffer {
  const field = Buffer.alloc(length);
  let rest = BigInt.asUintN(length * 8, BigInt(value));
  for (let i = length - 1; i >= 0; i--, rest >>= 8n) field[i] = Number(rest & 255n);
  field[0] = (field[0] ?? 0) | 0x80;
  return field;
}

function numeric(value: number, length: number): Bytes {
  return value >= 0 && octal(value, length).length < length ? octal(value, length) : base256(value, length);
}

/** A header with these fields and a right checksum, unless it is one of the fields. */
export function header(fields: Partial<Record<keyof typeof FIELDS, Bytes>>): Buffer {
  const block = Buffer.alloc(512);
  for (const [name, value] of Object.entries(fields)) {
    const [at, length] = FIELDS[name as keyof typeof FIELDS];
    bytes(value).copy(block, at, 0, length);
  }
  if (fields.checksum === undefined) {
    block.fill(" ", 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${octal(sum, 7)}\0 `, 148, "latin1");
  }
  return block;
}

export function record(key: string, value: Bytes): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), bytes(value), Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** An extended header: "x" for the next entry, "g" for all that follow. */
export function pax(records: readonly (readonly [key: string, value: Bytes])[], type: "x" | "g" = "x"): Buffer {
  const content = Buffer.concat(records.map(([key, value]) => record(key, value)));
  return Buffer.concat([header({ name: "pax", mode: octal(0o644, 8), size: octal(content.length, 12), type, magic: USTAR }), padded(content)]);
}

/** GNU's own long name ("L") or link ("K") for the next entry. */
export function gnuLong(type: "L" | "K", name: Bytes): Buffer {
  const content = Buffer.concat([bytes(name), Buffer.alloc(1)]);
  return Buffer.concat([header({ name: "././@LongLink", size: octal(content.length, 12), type, magic: GNU }), padded(content)]);
}

function typeOf(member: Member): string {
  if (member.type !== undefined) return member.type;
  if (bytes(member.path).at(-1) === 0x2f) return "5";
  return member.link === undefined ? "0" : "2";
}

export function member(one: Member): Buffer {
  const content = bytes(one.content ?? "");
  const path = bytes(one.path);
  const link = bytes(one.link ?? "");
  const type = typeOf(one);
  const records: (readonly [string, Bytes])[] = [];
  if (path.length > 100) records.push(["path", path]);
  if (link.length > 100) records.push(["linkpath", link]);
  const mtime = one.mtime ?? 1_700_000_000;
  if (typeof mtime === "string" || !Number.isInteger(mtime)) records.push(["mtime", String(mtime)]);
  for (const [name, value] of Object.entries(one.xattrs ?? {})) records.push([`SCHILY.xattr.${name}`, value]);
  records.push(...(one.pax ?? []));
  const fields = {
    name: path.subarray(0, 100),
    mode: octal(one.mode ?? (type === "5" ? 0o755 : 0o644), 8),
    uid: numeric(one.uid ?? 0, 8),
    gid: numeric(one.gid ?? 0, 8),
    size: numeric(one.size ?? content.length, 12),
    mtime: numeric(typeof mtime === "number" ? Math.floor(mtime) : 0, 12),
    type,
    link: link.subarray(0, 100),
    magic: USTAR,
    major: octal(one.major ?? 0, 8),
    minor: octal(one.minor ?? 0, 8),
    ...one.fields,
  };
  return Buffer.concat([...(records.length > 0 ? [pax(records)] : []), header(fields), padded(content)]);
}

/** Members, raw bytes between them as they are, and the end. */
export function archive(members: readonly (Member | Uint8Array)[]): Buffer {
  return Buffer.concat([...members.map((one) => (one instanceof Uint8Array ? Buffer.from(one) : member(one))), END]);
}
