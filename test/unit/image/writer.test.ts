// Archives that the writer makes, read by GNU tar and by Python's tarfile.
/// <reference types="bun" />
import { afterAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { ImageError } from "../../../src/image/errors.ts";
import { type Raw, rawFrom, rawOf } from "../../../src/image/raw.ts";
import { ArchiveWriter, type Content, type WholeEntry } from "../../../src/image/tar/writer.ts";

const folder = mkdtempSync(`${tmpdir()}/tsrun-writer-`);
afterAll(() => rmSync(folder, { recursive: true }));

const NO_XATTRS: ReadonlyMap<Raw, Uint8Array> = new Map();
const PLAIN: Omit<WholeEntry, "path"> = {
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: { seconds: 1700000000, nanoseconds: 0 },
  size: 0,
  link: "" as Raw,
  major: 0,
  minor: 0,
  xattrs: NO_XATTRS,
};

function entry(path: string | Raw, more: Partial<WholeEntry> = {}): WholeEntry {
  return { ...PLAIN, path: path as Raw, ...more };
}

async function archive(entries: readonly (readonly [WholeEntry, Content?])[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const writer = new ArchiveWriter((bytes) => void chunks.push(Buffer.from(bytes)));
  for (const [one, content] of entries) await writer.writeEntry(one, content);
  await writer.end();
  return Buffer.concat(chunks);
}

/** tarfile's view: names and xattr values as hexadecimal, times as the archive has them. */
const PYTHON = `
import tarfile, json, sys, hashlib
raw = lambda s: s.encode("utf-8", "surrogateescape").hex()
out = []
with tarfile.open(sys.argv[1], encoding="utf-8", errors="surrogateescape") as tar:
    for m in tar:
        out.append({
            "name": raw(m.name), "link": raw(m.linkname), "type": m.type.decode(), "mode": m.mode, "uid": m.uid, "gid": m.gid,
            "size": m.size, "mtime": m.pax_headers.get("mtime", str(int(m.mtime))), "major": m.devmajor, "minor": m.devminor,
            "xattrs": {k[13:]: raw(v) for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")},
            "keys": sorted(m.pax_headers),
            "sha256": hashlib.sha256(tar.extractfile(m).read()).hexdigest() if m.isreg() and m.size < 1 << 24 else "",
        })
json.dump(out, sys.stdout)
`;

interface Member {
  readonly name: string;
  readonly link: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: string;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: Record<string, string>;
  readonly keys: string[];
  readonly sha256: string;
}

let count = 0;
function fileOf(bytes: Uint8Array): string {
  const path = `${folder}/${count++}.tar`;
  writeFileSync(path, bytes);
  return path;
}

function byPython(bytes: Uint8Array): Member[] {
  return JSON.parse(execFileSync("python3", ["-c", PYTHON, fileOf(bytes)], { encoding: "utf8", maxBuffer: 64 << 20 })) as Member[];
}

/** GNU tar's listing, a line per entry; throws on any warning. */
function byGnuTar(bytes: Uint8Array, ...flags: string[]): string[] {
  const text = execFileSync(
    "sh",
    [
      "-c",
      'err=$(TZ=UTC tar -tvf "$0" --numeric-owner --full-time --quoting-style=escape "$@" 2>&1 >"$0.list") && [ -z "$err" ] || { echo "$err" >&2; exit 1; }; cat "$0.list"',
      fileOf(bytes),
      ...flags,
    ],
    { encoding: "latin1" },
  );
  return text.trim().split("\n");
}

/** The names of a listing. */
const names = (lines: readonly string[]) => lines.map((line) => line.replace(/^\S+ \S+ +\d+ \S+ \S+ /, ""));
const hex = (raw: Raw) => Buffer.from(raw, "latin1").toString("hex");
const long = (length: number, letter = "n") => letter.repeat(length);

test("tar writer: every kind of entry is read back", async () => {
  const content = Buffer.from("hello\n");
  const bytes = await archive([
    [entry("usr", { kind: "directory", mode: 0o1777, uid: 12, gid: 34 })],
    [entry("usr/file", { mode: 0o4755, uid: 1000, gid: 100, size: content.length }), content],
    [entry("usr/hard", { kind: "hardlink", link: rawOf("usr/file") })],
    [entry("usr/soft", { kind: "symlink", mode: 0o777, link: rawOf("../usr/file") })],
    [entry("dev/null", { kind: "character", mode: 0o666, major: 1, minor: 3 })],
    [entry("dev/loop0", { kind: "block", mode: 0o660, major: 4095, minor: 0xfffff })],
    [entry("run/pipe", { kind: "fifo", mode: 0o600 })],
  ]);
  expect(bytes.length % 512).toBe(0);
  const members = byPython(bytes);
  expect(members.map((one) => [Buffer.from(one.name, "hex").toString(), one.type, one.mode])).toEqual([
    ["usr", "5", 0o1777],
    ["usr/file", "0", 0o4755],
    ["usr/hard", "1", 0o644],
    ["usr/soft", "2", 0o777],
    ["dev/null", "3", 0o666],
    ["dev/loop0", "4", 0o660],
    ["run/pipe", "6", 0o600],
  ]);
  expect(members[1]).toMatchObject({ uid: 1000, gid: 100, size: 6, mtime: "1700000000", keys: [], sha256: createHash("sha256").update(content).digest("hex") });
  expect(members[3]?.link).toBe(hex(rawOf("../usr/file")));
  expect(members[5]).toMatchObject({ major: 4095, minor: 0xfffff });
  expect(byGnuTar(bytes)).toEqual([
    "drwxrwxrwt 12/34             0 2023-11-14 22:13:20 usr/",
    "-rwsr-xr-x 1000/100          6 2023-11-14 22:13:20 usr/file",
    "hrw-r--r-- 0/0               0 2023-11-14 22:13:20 usr/hard link to usr/file",
    "lrwxrwxrwx 0/0               0 2023-11-14 22:13:20 usr/soft -> ../usr/file",
    "crw-rw-rw- 0/0             1,3 2023-11-14 22:13:20 dev/null",
    "brw-rw---- 0/0    4095,1048575 2023-11-14 22:13:20 dev/loop0",
    "prw------- 0/0               0 2023-11-14 22:13:20 run/pipe",
  ]);
});

test("tar writer: names of every length, with ustar's prefix where it does", async () => {
  const paths = [
    long(99),
    long(100),
    long(101),
    `${long(155, "p")}/${long(100)}`,
    `${long(156, "p")}/${long(10)}`,
    `${long(154, "p")}/${long(101)}`,
    `/${long(101)}`,
    `a/${long(120)}/${long(30)}`,
    Array.from({ length: 20 }, () => long(200)).join("/"),
  ];
  const bytes = await archive(paths.map((path) => [entry(path, { size: 1 }), Buffer.from("x")] as const));
  expect(byPython(bytes).map((one) => Buffer.from(one.name, "hex").toString())).toEqual(paths);
  expect(byPython(bytes).map((one) => one.keys.includes("path"))).toEqual([false, false, true, false, true, true, true, false, true]);
  expect(names(byGnuTar(bytes, "-P"))).toEqual(paths);
});

test("tar writer: directories of every length end with a slash", async () => {
  const paths = Array.from({ length: 200 }, (_, i) => `${long(80, "d")}/${long(i + 1)}`);
  const bytes = await archive(paths.map((path) => [entry(path, { kind: "directory" })] as const));
  expect(names(byGnuTar(bytes))).toEqual(paths.map((path) => `${path}/`));
  expect(byPython(bytes).map((one) => Buffer.from(one.name, "hex").toString())).toEqual(paths);
});

test("tar writer: names and links are bytes", async () => {
  const short = rawFrom(Buffer.from([0x66, 0xff, 0xfe, 0x0a, 0x67]));
  const longer = `${short}/${long(90)}/${long(90)}/${long(90)}${short}` as Raw;
  const accents = rawOf("é".repeat(120));
  const bytes = await archive([
    [entry(short)],
    [entry(longer)],
    [entry(accents)],
    [entry("short-link", { kind: "symlink", link: short })],
    [entry("long-link", { kind: "symlink", link: longer })],
    [entry("long-hard", { kind: "hardlink", link: longer })],
  ]);
  const members = byPython(bytes);
  expect(members.map((one) => one.name)).toEqual([short, longer, accents, rawOf("short-link"), rawOf("long-link"), rawOf("long-hard")].map(hex));
  expect(members.slice(3).map((one) => one.link)).toEqual([short, longer, longer].map(hex));
  expect(members.map((one) => one.keys)).toEqual([[], ["hdrcharset", "path"], ["path"], [], ["hdrcharset", "linkpath"], ["hdrcharset", "linkpath"]]);
});

test("tar writer: times to the nanosecond, before 1970 and far ahead", async () => {
  const times = [
    [0, 0, "0"],
    [1700000000, 1, "1700000000.000000001"],
    [1700000000, 120000000, "1700000000.12"],
    [-1, 0, "-1"],
    [-2, 500000000, "-1.5"],
    [-1, 999999999, "-0.000000001"],
    [0o77777777777, 0, "8589934591"],
    [0o77777777777 + 1, 0, "8589934592"],
  ] as const;
  const bytes = await archive(times.map(([seconds, nanoseconds], i) => [entry(`t${i}`, { mtime: { seconds, nanoseconds } })] as const));
  expect(byPython(bytes).map((one) => one.mtime)).toEqual(times.map(([, , text]) => text));
  execFileSync("tar", ["-xf", fileOf(bytes), "-C", folder], { stdio: "ignore" });
  const found = times.map((_, i) => statSync(`${folder}/t${i}`, { bigint: true }).mtimeNs);
  expect(found).toEqual(times.map(([seconds, nanoseconds]) => BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)));
});

test("tar writer: big owners", async () => {
  const bytes = await archive([[entry("a", { uid: 0o7777777, gid: 0o7777777 })], [entry("b", { uid: 0o7777777 + 1, gid: 4294967294 })]]);
  expect(byPython(bytes)).toMatchObject([
    { uid: 2097151, gid: 2097151, keys: [] },
    { uid: 2097152, gid: 4294967294 },
  ]);
  expect(byGnuTar(bytes).map((line) => line.split(/ +/)[1])).toEqual(["2097151/2097151", "2097152/4294967294"]);
});

test("tar writer: a file of more than 8 GiB has its size in PAX", async () => {
  const size = 0o77777777777 + 1;
  let total = 0;
  const head: Buffer[] = [];
  const writer = new ArchiveWriter((bytes) => {
    if (total < 4096) head.push(Buffer.from(bytes.subarray(0, 4096)));
    total += bytes.length;
  });
  const chunk = Buffer.alloc(64 << 20);
  async function* content() {
    for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length));
  }
  await writer.writeEntry(entry("big", { size }), content());
  await writer.end();
  expect(total).toBe(512 + 512 + 512 + size + 1024);
  const path = fileOf(Buffer.concat(head).subarray(0, 1536));
  execFileSync("truncate", ["-s", `${total}`, path]);
  expect(execFileSync("tar", ["-tvf", path], { encoding: "utf8" })).toContain(` ${size} `);
  rmSync(path);
});

test("tar writer: binary extended attributes", async () => {
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const xattrs = new Map<Raw, Uint8Array>([
    [rawOf("user.every"), every],
    [rawOf("security.capability"), capability],
    [rawOf("user.empty"), Buffer.alloc(0)],
    [rawOf("user.big"), Buffer.alloc(65536, 7)],
  ]);
  const bytes = await archive([[entry("f", { xattrs })]]);
  const [member] = byPython(bytes);
  expect(member?.xattrs).toEqual({
    "security.capability": capability.toString("hex"),
    "user.big": "07".repeat(65536),
    "user.empty": "",
    "user.every": every.toString("hex"),
  });
  const lines = byGnuTar(bytes, "-v", "--xattrs-include=*");
  expect(lines.slice(1).map((line) => line.trim())).toEqual(["x: 20 security.capability", "x: 65536 user.big", "x: 0 user.empty", "x: 256 user.every"]);
});

test("tar writer: PAX lengths that gain a digit by their own digits", async () => {
  const sizes = [
    ...Array.from({ length: 100 }, (_, i) => i),
    ...Array.from({ length: 60 }, (_, i) => 940 + i),
    ...Array.from({ length: 60 }, (_, i) => 9940 + i),
  ];
  const xattrs = (size: number) => new Map<Raw, Uint8Array>([[rawOf("user.a"), Buffer.alloc(size, 0x61)]]);
  const bytes = await archive(sizes.map((size) => [entry(`${size}`, { xattrs: xattrs(size) })] as const));
  expect(byPython(bytes).map((one) => one.xattrs["user.a"])).toEqual(sizes.map((size) => "61".repeat(size)));
});

test("tar writer: content in chunks, small and big", async () => {
  const sizes = [0, 1, 511, 512, 513, (256 << 10) - 512, 256 << 10, (256 << 10) + 1, 3 << 20];
  const contents = sizes.map((size, i) => Buffer.alloc(size, i + 1));
  function* pieces(bytes: Buffer) {
    for (let at = 0; at < bytes.length; at += 100_001) yield bytes.subarray(at, at + 100_001);
  }
  const bytes = await archive(contents.map((content, i) => [entry(`${i}`, { size: content.length }), i % 2 === 0 ? content : pieces(content)] as const));
  expect(byPython(bytes).map((one) => one.sha256)).toEqual(contents.map((content) => createHash("sha256").update(content).digest("hex")));
  const path = fileOf(bytes);
  execFileSync("tar", ["-xf", path, "-C", folder, "8"]);
  expect(statSync(`${folder}/8`).size).toBe(3 << 20);
});

test("tar writer: the same entries give the same bytes", async () => {
  const xattrs = (names: string[]) => new Map<Raw, Uint8Array>(names.map((name) => [rawOf(name), Buffer.from(name)]));
  const one = await archive([[entry("f", { xattrs: xattrs(["user.a", "user.b"]) })]]);
  const other = await archive([[entry("f", { xattrs: xattrs(["user.b", "user.a"]) })]]);
  expect(one.equals(other)).toBe(true);
});

test("tar writer: what an archive cannot hold is refused by name", async () => {
  const refused = async (one: WholeEntry, content: Content = []): Promise<string> => {
    try {
      await archive([[one, content]]);
    } catch (error) {
      if (error instanceof ImageError) return `${error.code} ${error.entry}: ${error.message}`;
      throw error;
    }
    return "written";
  };
  expect(await refused(entry("f", { xattrs: new Map([[rawOf("user.a=b"), Buffer.alloc(1)]]) }))).toContain("TS7011 f");
  expect(await refused(entry("a\0b"))).toContain("TS7011 a");
  expect(await refused(entry("short", { size: 10 }), Buffer.alloc(9))).toBe("TS7011 short: it has only 9 bytes, not 10");
  expect(await refused(entry("long", { size: 10 }), [Buffer.alloc(5), Buffer.alloc(6)])).toBe("TS7011 long: it has more than 10 bytes, not 10");
});
