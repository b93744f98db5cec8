// What repack keeps outside of the JavaScript heap: numbers, inodes, paths and texts, and the symbolic links of an image.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { type Raw, rawOf } from "../../../src/image/raw.ts";
import { ImageLinks } from "../../../src/image/tree/image-links.ts";
import { TextFile } from "../../../src/image/tree/nameless.ts";
import { Column, Inodes } from "../../../src/image/tree/numbers.ts";
import { Paths, PathTable } from "../../../src/image/tree/path-table.ts";

const folder = mkdtempSync(`${tmpdir()}/tsrun-tree-`);
afterAll(() => rmSync(folder, { recursive: true }));

test("column: 0 where nothing was set, and after all was cleared", () => {
  const column = new Column(Float64Array);
  column.set(100_000, 2 ** 40);
  expect([column.get(100_000), column.get(99_999), column.get(5), column.get(1e9)]).toEqual([2 ** 40, 0, 0, 0]);
  column.clear();
  expect(column.get(100_000)).toBe(0);
});

test("inodes: numbered as they are met; device and both halves count", () => {
  const inodes = new Inodes();
  const all = Array.from({ length: 50_000 }, (_, i) => ({ device: i % 3 === 0 ? 2 ** 40 : 7, inodeHigh: i % 5, inodeLow: (i >> 3) << 12 }));
  const numbers = new Map<string, number>();
  for (let round = 0; round < 2; round++)
    for (const one of all) {
      const key = JSON.stringify(one);
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      expect(inodes.number(one)).toBe(number);
    }
});

test("paths: found by what they are, and gone when they are cleared", () => {
  const paths = new Paths();
  const name = (i: number) => rawOf(`d/${i}`);
  for (let i = 0; i < 20_000; i++) expect(paths.add(name(i))).toBe(i);
  for (let i = 0; i < 20_000; i++) expect(paths.find(name(i))).toBe(i);
  expect([paths.add(name(5)), paths.find(rawOf("d/x")), paths.find(rawOf(""))]).toEqual([5, -1, -1]);
  paths.clear();
  expect([paths.find(name(5)), paths.add(name(7))]).toEqual([-1, 0]);
});

test("path table: a path keeps its digest until that is cleared", () => {
  const table = new PathTable();
  const digest = (i: number) => String.fromCharCode(i & 255, i >> 8).padEnd(32, "\xff") as Raw;
  for (let i = 0; i < 10_000; i++) table.add(rawOf(`${i}`));
  for (let i = 0; i < 10_000; i += 2) table.setDigest(rawOf(`${i}`), digest(i));
  table.setDigest(rawOf("x"), digest(1));
  for (let i = 0; i < 10_000; i++) expect(table.digest(rawOf(`${i}`))).toBe(i % 2 === 0 ? digest(i) : undefined);
  expect([table.has(rawOf("1")), table.has(rawOf("x")), table.digest(rawOf("x"))]).toEqual([true, false, undefined]);
  table.clearDigests();
  expect([table.has(rawOf("2")), table.digest(rawOf("2"))]).toEqual([true, undefined]);
});

test("text file: short, long and empty texts come back; the file has no name", () => {
  const file = new TextFile(folder);
  const texts = Array.from({ length: 3000 }, (_, i) => `${i}\xff\0`.repeat(i % 7 === 0 ? 100 : i % 3) as Raw);
  texts[1000] = "x".repeat(200_000) as Raw;
  const places = texts.map((text) => file.add(text));
  expect(readdirSync(folder)).toEqual([]);
  for (const i of [2999, ...texts.keys()]) expect(file.text(places[i] ?? 0)).toBe(texts[i] ?? rawOf("?"));
  file.close();
});

test("links of an image: whiteouts hide those of lower layers, and what is no directory all that were below", () => {
  const links = new ImageLinks(folder);
  const put = (place: string, link: string | undefined, layer: number) => links.put(rawOf(place), link === undefined, link as Raw | undefined, layer);
  const resolve = (name: string) => links.resolve(rawOf(name)) as string | undefined;
  put("lib", "usr/lib", 1);
  put("a/b/up", "../../lib", 1);
  put("a/b/root", "/opt", 1);
  put("circle", "circle", 1);
  expect(["lib", "lib/x", "./a//b/up/x", "a/b/root/y", "circle/x", "a/b/../../lib/z"].map(resolve)).toEqual([
    "lib",
    "usr/lib/x",
    "usr/lib/x",
    "opt/y",
    undefined,
    "usr/lib/z",
  ]);
  put("a/new/link", "/n", 2);
  links.remove(rawOf("a"), 2, true);
  expect(["a/b/up/x", "a/b/root/y", "a/new/link/x"].map(resolve)).toEqual(["a/b/up/x", "a/b/root/y", "n/x"]);
  links.remove(rawOf("lib"), 2, false);
  expect(resolve("lib/x")).toBe("lib/x");
  links.put(rawOf("a"), false, undefined, 2);
  expect(resolve("a/new/link/x")).toBe("a/new/link/x");
  put("a/new/link", "/again", 2);
  expect([resolve("a/new/link/x"), links.linkAt(rawOf("a/new/link"))]).toEqual(["again/x", rawOf("/again")]);
  links.clear();
  expect(resolve("a/new/link/x")).toBe("a/new/link/x");
  links.close();
});
