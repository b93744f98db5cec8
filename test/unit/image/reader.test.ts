// The archive reader on every format of header, on chunks of every size, and on what is broken.
import { expect, test } from "bun:test";
import { ImageError } from "../../../src/image/errors.ts";
import type { Raw } from "../../../src/image/raw.ts";
import type { Entry } from "../../../src/image/tar/entry.ts";
import { ArchiveReader } from "../../../src/image/tar/reader.ts";
import {
  archive,
  type Bytes,
  base256,
  END,
  GNU,
  gnuLong,
  header,
  type Member,
  member,
  octal,
  padded,
  pax,
  record,
  USTAR,
} from "../../image/helpers/archive.ts";

interface Read extends Entry {
  readonly content: string;
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(bytes: Buffer, size = bytes.length || 1): Promise<Read[]> {
  const reader = new ArchiveReader(chunks(bytes, size), "sha256:test");
  const entries: Read[] = [];
  for (;;) {
    const entry = await reader.next();
    if (entry === undefined) break;
    const pieces: Uint8Array[] = [];
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) pieces.push(Buffer.from(piece));
    entries.push({ ...entry, content: Buffer.concat(pieces).toString("latin1") });
  }
  await reader.drain();
  return entries;
}

async function readOne(members: readonly (Member | Uint8Array)[]): Promise<Read> {
  const [entry, ...others] = await readAll(archive(members));
  if (entry === undefined || others.length > 0) throw new Error(`${others.length} more entries`);
  return entry;
}

async function errorOf(bytes: Buffer): Promise<string> {
  try {
    await readAll(bytes);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return `${error.code} ${error.blob} ${error.entry}: ${error.message}`;
  }
  return "no error";
}

test("reader: every kind of entry, in chunks of any size", async () => {
  const bytes = archive([
    { path: "etc/", mode: 0o1777, uid: 3, gid: 4 },
    { path: "etc/motd", content: "welcome", mode: 0o4755, mtime: 1_234_567_890 },
    { path: "etc/empty" },
    { path: "etc/big", content: Buffer.alloc(1300, "x") },
    { path: "link", link: "etc/motd" },
    { path: "hard", type: "1", link: "etc/motd" },
    { path: "null", type: "3", major: 1, minor: 3 },
    { path: "disk", type: "4", major: 8, minor: 0x12345 },
    { path: "pipe", type: "6" },
    { path: "old", type: "\0", content: "V7" },
    { path: "old-directory/", type: "\0" },
    { path: "contiguous", type: "7", content: "c" },
  ]);
  const whole = await readAll(bytes);
  expect(whole.map(({ path, kind, mode, content }) => `${path} ${kind} ${mode.toString(8)} ${content.length}`)).toEqual([
    "etc/ directory 1777 0",
    "etc/motd file 4755 7",
    "etc/empty file 644 0",
    "etc/big file 644 1300",
    "link symlink 644 0",
    "hard hardlink 644 0",
    "null character 644 0",
    "disk block 644 0",
    "pipe fifo 644 0",
    "old file 644 2",
    "old-directory/ directory 644 0",
    "contiguous file 644 1",
  ]);
  expect(whole[0]).toMatchObject({ uid: 3, gid: 4 });
  expect(whole[1]).toMatchObject({ content: "welcome", mtime: { seconds: 1_234_567_890, nanoseconds: 0 } });
  expect(whole[4]).toMatchObject({ link: "etc/motd" });
  expect(whole[7]).toMatchObject({ major: 8, minor: 0x12345 });
  for (const size of [1, 7, 511, 512, 513, 2000]) expect(await readAll(bytes, size)).toEqual(whole);
});

test("reader: what is buffered needs no promise, and content may be skipped, read or taken whole", async () => {
  const bytes = archive(Array.from({ length: 50 }, (_, i) => ({ path: `f${i}`, content: `content ${i}` })));
  const reader = new ArchiveReader(chunks(bytes, bytes.length));
  await reader.next();
  for (let i = 1; i < 50; i++) {
    const entry = reader.next();
    expect(entry).not.toBeInstanceOf(Promise);
    expect((entry as Entry).path).toBe(`f${i}` as Raw);
    if (i % 3 === 0) expect(Buffer.from(reader.rest() as Uint8Array).toString()).toBe(`content ${i}`);
    if (i % 3 === 1) expect(Buffer.from(reader.read() as Uint8Array).toString()).toBe(`content ${i}`);
  }
  expect(reader.next()).toBeUndefined();
});

test("reader: the rest of a file that comes in many chunks", async () => {
  const reader = new ArchiveReader(chunks(archive([{ path: "f", content: Buffer.alloc(5000, "y") }, { path: "g" }]), 300));
  await reader.next();
  expect((await reader.rest()).length).toBe(5000);
  expect((await reader.next())?.path).toBe("g" as Raw);
});

test("reader: ustar's prefix, star's shorter one, and none of it in GNU's headers", async () => {
  const name = { name: "name", size: octal(0, 12), type: "0", prefix: "some/long" };
  expect((await readOne([header({ ...name, magic: USTAR })])).path).toBe("some/long/name" as Raw);
  expect((await readOne([header({ ...name, magic: GNU })])).path).toBe("name" as Raw);
  const star = Buffer.from(header({ ...name, magic: USTAR, prefix: Buffer.alloc(155, "p") }));
  star.write("tar\0", 508, "latin1");
  star.fill(" ", 148, 156);
  star.write(
    `${octal(
      star.reduce((sum, byte) => sum + byte, 0),
      7,
    )}\0 `,
    148,
    "latin1",
  );
  expect((await readOne([star])).path).toBe(`${"p".repeat(131)}/name` as Raw);
});

test("reader: GNU long names and links", async () => {
  const long = `${"d/".repeat(300)}name`;
  const entry = await readOne([gnuLong("L", long), gnuLong("K", `${long}2`), { path: "short", link: "short too", fields: { magic: GNU } }]);
  expect([entry.path, entry.link]).toEqual([long as Raw, `${long}2` as Raw]);
});

test("reader: PAX records before GNU's short fields; a local one before a global one; global ones stay", async () => {
  const entries = await readAll(
    archive([
      pax(
        [
          ["uid", "7"],
          ["mtime", "1.5"],
        ],
        "g",
      ),
      { path: "short", pax: [["path", `${"x".repeat(200)}/y`]] },
      { path: "own", pax: [["uid", "8"]] },
      { path: "global" },
    ]),
  );
  expect(entries.map(({ path, uid, mtime }) => [path.length, uid, mtime.nanoseconds])).toEqual([
    [202, 7, 500_000_000],
    [3, 8, 500_000_000],
    [6, 7, 500_000_000],
  ]);
});

test("reader: names, links and extended attributes keep their bytes", async () => {
  const odd = Buffer.from([0x66, 0xff, 0x0a, 0xe4, 0x20, 0x3d]);
  const capability = Buffer.from([1, 0, 0, 2, 0, 0x0a, 0x3d, 0xff, 0, 0]);
  const entry = await readOne([
    { path: odd, pax: [["path", odd]], link: odd, xattrs: { "security.capability": capability, "user.empty": "", "user.a=": "b" } },
  ]);
  expect(Buffer.from(entry.path, "latin1")).toEqual(odd);
  expect(Buffer.from(entry.link, "latin1")).toEqual(odd);
  expect([...entry.xattrs].map(([name, value]) => [name as string, Buffer.from(value).toString("hex")])).toEqual([
    ["security.capability", capability.toString("hex")],
    ["user.empty", ""],
    // PAX has no way to write "=" in a name.
    ["user.a", Buffer.from("=b").toString("hex")],
  ]);
});

test("reader: times before 1970, to the nanosecond, and with too many digits", async () => {
  const time = async (mtime: number | string) => (await readOne([{ path: "f", mtime }])).mtime;
  expect(await time("1.000000001")).toEqual({ seconds: 1, nanoseconds: 1 });
  expect(await time("-1.25")).toEqual({ seconds: -2, nanoseconds: 750_000_000 });
  expect(await time("-3")).toEqual({ seconds: -3, nanoseconds: 0 });
  expect(await time("5.1234567899999")).toEqual({ seconds: 5, nanoseconds: 123_456_789 });
  expect(await time(-5)).toEqual({ seconds: -5, nanoseconds: 0 });
});

test("reader: numbers in base 256", async () => {
  const entry = await readOne([{ path: "f", fields: { uid: base256(3_000_000_000, 8), gid: base256(4_294_967_294, 8), mtime: base256(-2, 12) } }]);
  expect([entry.uid, entry.gid, entry.mtime.seconds]).toEqual([3_000_000_000, 4_294_967_294, -2]);
  const big = { path: "f", fields: { size: base256(2 ** 40, 12) } };
  expect(await errorOf(archive([big]))).toContain("ends in the middle");
});

test("reader: sparse files of PAX 0.0, 0.1 and 1.0 and of old GNU have the same map", async () => {
  const content = `${"a".repeat(512)}${"b".repeat(100)}`;
  const map = [
    { offset: 1024, size: 512 },
    { offset: 4096, size: 100 },
    { offset: 9000, size: 0 },
  ];
  const common = { path: "GNUSparseFile.0/f", content };
  const pairs = map.flatMap(({ offset, size }) => [["GNU.sparse.offset", String(offset)] as const, ["GNU.sparse.numbytes", String(size)] as const]);
  const list = map.map(({ offset, size }) => `${offset},${size}`).join(",");
  const inContent = padded(`3\n${map.map(({ offset, size }) => `${offset}\n${size}\n`).join("")}`);
  const oldMap = Buffer.concat(map.flatMap(({ offset, size }) => [Buffer.from(`${octal(offset, 12)}\0`), Buffer.from(`${octal(size, 12)}\0`)]));
  const name = ["GNU.sparse.name", "f"] as const;
  const forms: Record<string, (Member | Uint8Array)[]> = {
    "0.0": [{ ...common, path: "f", pax: [["GNU.sparse.size", "9000"], ["GNU.sparse.numblocks", "3"], ...pairs] }],
    "0.1": [{ ...common, pax: [["GNU.sparse.size", "9000"], ["GNU.sparse.map", list], name] }],
    "1.0": [
      {
        ...common,
        content: Buffer.concat([inContent, Buffer.from(content)]),
        pax: [["GNU.sparse.major", "1"], ["GNU.sparse.minor", "0"], name, ["GNU.sparse.realsize", "9000"]],
      },
    ],
    old: [{ ...common, path: "f", type: "S", fields: { magic: GNU, sparse: oldMap, realSize: octal(9000, 12) } }],
  };
  for (const [form, members] of Object.entries(forms)) {
    const [entry, after] = await readAll(archive([...members, { path: "after", content: "next" }]), 333);
    expect({ form, path: entry?.path as string, size: entry?.size, realSize: entry?.realSize, map: entry?.sparse, content: entry?.content }).toEqual({
      form,
      path: "f",
      size: 612,
      realSize: 9000,
      map,
      content,
    });
    expect(after?.content).toBe("next");
  }
});

test("reader: an old GNU sparse map that goes on in more blocks", async () => {
  const pieces = Array.from({ length: 30 }, (_, i) => ({ offset: i * 1000, size: 10 }));
  const pair = ({ offset, size }: { offset: number; size: number }) => `${octal(offset, 12)}\0${octal(size, 12)}\0`;
  const extra = (from: number, isExtended: number) => {
    const block = Buffer.alloc(512);
    block.write(
      pieces
        .slice(from, from + 21)
        .map(pair)
        .join(""),
      "latin1",
    );
    block[504] = isExtended;
    return block;
  };
  const head = header({
    name: "f",
    type: "S",
    magic: GNU,
    size: octal(300, 12),
    sparse: pieces.slice(0, 4).map(pair).join(""),
    isExtended: "\x01",
    realSize: octal(30_000, 12),
  });
  const entry = await readOne([head, extra(4, 1), extra(25, 0), padded("z".repeat(300))]);
  expect(entry.sparse).toEqual(pieces);
  expect(entry.content.length).toBe(300);
});

test("reader: sparse maps that lie are refused", async () => {
  const sparse = (map: string, size = "100", content = "0123456789") =>
    errorOf(
      archive([
        {
          path: "f",
          content,
          pax: [
            ["GNU.sparse.size", size],
            ["GNU.sparse.map", map],
          ],
        },
      ]),
    );
  expect(await sparse("0,5,3,5")).toContain("overlap");
  expect(await sparse("0,5,10,6")).toContain("11 bytes of content");
  expect(await sparse("95,10")).toContain("beyond its size");
  expect(await sparse("0")).toContain("odd count");
  expect(await sparse("0,-1")).toContain("no number");
  expect(await sparse("9007199254740991,10")).toContain("out of range");
  const one = (content: Bytes) =>
    errorOf(
      archive([
        {
          path: "f",
          content,
          pax: [
            ["GNU.sparse.major", "1"],
            ["GNU.sparse.minor", "0"],
            ["GNU.sparse.realsize", "100"],
          ],
        },
      ]),
    );
  expect(await one("")).toContain("longer than its content");
  expect(await one(padded("x\n"))).toContain("no number");
  expect(await one(padded("1".repeat(40)))).toContain("no list of numbers");
  expect(await one(padded("1000000\n"))).toContain("no list of numbers");
});

test("reader: archives that are cut off are refused, except where only zeros are missing", async () => {
  const bytes = archive([
    { path: "first", content: "1" },
    { path: "second", content: Buffer.alloc(700, "2"), xattrs: { "user.a": "b" } },
  ]);
  const end = bytes.length - END.length - (1024 - 700);
  for (let length = 0; length <= bytes.length; length++) {
    // Between entries it is a whole archive without its end.
    const isWhole = length === 0 || (length >= 513 && length <= 1024) || (length >= end && (length <= bytes.length - END.length || length % 512 === 0));
    const error = await errorOf(bytes.subarray(0, length));
    expect(`${length}: ${error.slice(0, 6)}`).toBe(`${length}: ${isWhole ? "no err" : "TS7010"}`);
  }
  expect(await errorOf(bytes.subarray(0, end - 1))).toContain("TS7010 sha256:test second: the archive ends in the middle of this entry");
});

test("reader: a byte that is wrong anywhere in a header is noticed", async () => {
  const good = member({ path: "name", content: "" });
  for (const at of [0, 101, 130, 150, 156, 300, 511]) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 0x15;
    expect(await errorOf(Buffer.concat([member({ path: "before" }), bad, END]))).toMatch(/^TS7010 sha256:test before: the entry after this one: .*checksum/);
  }
});

test("reader: the checksum of signed bytes, as old programs make it", async () => {
  const block = Buffer.from(header({ name: Buffer.from([0xff, 0xfe]), size: octal(0, 12), type: "0", magic: USTAR }));
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
  block.write(`${octal(sum, 7)}\0 `, 148, "latin1");
  expect((await readOne([block])).path).toBe("\xff\xfe" as Raw);
});

test("reader: numbers out of range, wrong records and unknown kinds are refused by name", async () => {
  const of = (one: Member) => errorOf(archive([one]));
  expect(await of({ path: "f", fields: { size: base256(-1, 12) } })).toContain("TS7010 sha256:test f: its size is negative");
  expect(await of({ path: "f", fields: { size: base256(1n << 80n, 12) } })).toContain("size is out of range");
  expect(await of({ path: "f", fields: { uid: base256(4_294_967_295, 8) } })).toContain("its uid 4294967295 is out of range");
  expect(await of({ path: "f", pax: [["gid", "-1"]] })).toContain("its gid is no number");
  expect(await of({ path: "f", pax: [["size", "18446744073709551616"]] })).toContain("its size is out of range");
  expect(await of({ path: "f", mtime: "tomorrow" })).toContain("its mtime is no number");
  expect(await of({ path: "f", mtime: "99999999999999999999" })).toContain("its mtime is out of range");
  expect(await of({ path: "f", pax: [["path", "a\0b"]] })).toContain("its name has a NUL");
  expect(await of({ path: "f", link: "x", pax: [["linkpath", "a\0b"]] })).toContain("its link has a NUL");
  expect(await of({ path: "f", pax: [["SCHILY.xattr.user.\0", "v"]] })).toContain("attribute's name has a NUL");
  expect(await of({ path: "d", type: "3", fields: { major: octal(5000, 8) } })).toContain("its device number 5000:0 is out of range");
  expect(await of({ path: "f", type: "V" })).toContain('TS7011 sha256:test f: it is of the type "V"');
  expect(await of({ path: "f", fields: { mode: "99999999" } })).toContain("its mode is no octal number");
  for (const bad of ["5 a=b\n", "99 a=b\n", "a=b\n", "6 a=bc", "5 abc\n", "-1 a=b\n"])
    expect(
      await errorOf(Buffer.concat([header({ name: "p", type: "x", size: octal(bad.length, 12), magic: USTAR }), padded(bad), member({ path: "f" })])),
    ).toContain("a record of its extended header");
  expect(await errorOf(Buffer.concat([header({ name: "p", type: "x", size: octal(2 << 20, 12), magic: USTAR })]))).toContain(
    "an extended header has 2097152 bytes",
  );
  expect(await errorOf(Buffer.concat([pax([["path", "x"]]), END]))).toContain("no error");
  expect(await errorOf(pax([["path", "x"]]))).toContain("ends after the extended header");
  expect(await errorOf(Buffer.concat([Buffer.alloc(512), member({ path: "f" })]))).toContain("goes on after its end");
  expect(record("a", "b").toString()).toBe("6 a=b\n");
});

test("reader: an extended header of negative size does not begin again for ever", async () => {
  for (const type of ["x", "g", "L", "K"])
    expect(await errorOf(Buffer.concat([header({ name: "p", type, size: base256(-512, 12), magic: USTAR }), END]))).toContain(
      "an extended header has -512 bytes",
    );
});

test("reader: whatever is changed in an archive, it comes to an end or is refused", async () => {
  const sparse: Member = {
    path: "s",
    content: Buffer.concat([padded("2\n0\n4\n4096\n4\n"), Buffer.from("headtail")]),
    pax: [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.realsize", "9000"],
    ],
  };
  const old: Member = {
    path: "o",
    type: "S",
    content: "1234",
    fields: { magic: GNU, sparse: `${octal(0, 12)}\0${octal(4, 12)}\0`, realSize: octal(9, 12), isExtended: "\x01" },
  };
  const good = archive([
    { path: "d/", xattrs: { "user.a": "b" } },
    { path: "f", content: Buffer.alloc(700, "f"), mtime: "1.5" },
    gnuLong("L", "long".repeat(50)),
    { path: "l", link: "f" },
    sparse,
    { path: "n", type: "3", major: 1, minor: 3 },
    old,
  ]);
  let random = 88172645;
  const next = (most: number) => {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return (random >>> 0) % most;
  };
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const bad = Buffer.from(good);
    for (let changes = 1 + next(3); changes > 0; changes--) {
      const block = next(bad.length / 512) * 512;
      const at = block + next(512);
      bad[next(2) === 0 ? at : block + next(160)] = [0, 0x30, 0x80, 0xff, 0x0a, 0x20, next(256)][next(7)] ?? 0;
      bad.fill(" ", block + 148, block + 156);
      const sum = bad.subarray(block, block + 512).reduce((total, byte) => total + byte, 0);
      bad.write(`${octal(sum, 7)}\0 `, block + 148, "latin1");
    }
    if ((await errorOf(bad)) !== "no error") refused++;
  }
  expect(refused).toBeGreaterThan(300);
});
