// The pure parts of applying a layer: names of entries, names that are remembered, limits.
import { expect, test } from "bun:test";
import { ImageError } from "../../../src/image/errors.ts";
import { Budget, DEFAULT_LIMITS } from "../../../src/image/layer/limits.ts";
import { Names } from "../../../src/image/layer/names.ts";
import { placeOf } from "../../../src/image/layer/place.ts";
import type { Raw } from "../../../src/image/raw.ts";

const raw = (text: string) => text as Raw;

test("place: the directory of a name, and its last part", () => {
  const places: Record<string, readonly [parent: string, name: string]> = {
    a: ["", "a"],
    "a/b/c": ["a/b", "c"],
    "./a": ["", "a"],
    "./a/": ["", "a"],
    "a//b///": ["a", "b"],
    "/a/./b": ["a", "b"],
    "././a/.": ["", "a"],
    ".a/..b/...": [".a/..b", "..."],
    "a/.wh.b": ["a", ".wh.b"],
    "a.wh.b/c": ["a.wh.b", "c"],
    "": ["", ""],
    ".": ["", ""],
    "./": ["", ""],
    "//": ["", ""],
  };
  for (const [path, [parent, name]] of Object.entries(places))
    expect({ path, place: placeOf(raw(path)) }).toEqual({ path, place: { parent: raw(parent), name: raw(name) } });
});

test("place: what is refused", () => {
  for (const path of ["..", "../a", "a/..", "a/../b", "/..", "./..", "a/.././b"])
    expect({ path, place: placeOf(raw(path)) }).toEqual({ path, place: 'its name has a ".."' });
  for (const path of [".wh.a/b", "a/.wh..wh..opq/b"]) expect(placeOf(raw(path))).toBe("a whiteout is no directory");
  expect(placeOf(raw(`a/${"n".repeat(256)}`))).toContain("256 bytes");
  expect(placeOf(raw("a/".repeat(2048)))).toContain("4096 bytes");
});

test("names: remembered by directory and name, a hundred thousand of them", () => {
  const names = new Names();
  const directory = (i: number) => ({ inodeHigh: i % 3, inodeLow: i % 100 });
  for (let i = 0; i < 100_000; i++) names.add(directory(i), raw(`name${i >> 1}`));
  for (let i = 0; i < 100_000; i++) names.add(directory(i), raw(`name${i >> 1}`));
  expect(names.size).toBe(100_000);
  for (let i = 0; i < 100_000; i++) {
    if (!names.has(directory(i), raw(`name${i >> 1}`))) throw new Error(`${i} is not there`);
    if (names.has({ inodeHigh: 4, inodeLow: i % 100 }, raw(`name${i >> 1}`))) throw new Error(`${i} is in another directory`);
    if (names.has(directory(i), raw(`other${i}`))) throw new Error(`other ${i} is there`);
  }
});

test("names: nothing is there before it is added", () => {
  expect(new Names().has({ inodeHigh: 0, inodeLow: 0 }, raw(""))).toBe(false);
});

test("limits: bytes of all layers together, the ratio beyond 4 GiB, and entries", () => {
  const GIB = 2 ** 30;
  const descriptor = { mediaType: "a/b", digest: "sha256:0", size: 1 << 20 };
  const code = (run: () => void) => {
    try {
      run();
      return undefined;
    } catch (error) {
      return error instanceof ImageError ? `${error.code} ${error.hint}` : error;
    }
  };
  const budget = new Budget({ size: 10 * GIB, entries: 2, ratio: 200 });
  expect(code(() => budget.addBytes(4 * GIB, 4 * GIB, descriptor))).toBeUndefined();
  expect(code(() => budget.addBytes(1, 4 * GIB + 1, descriptor))).toBe("TS7005 --max-ratio allows more");
  expect(code(() => budget.addBytes(5 * GIB, 5 * GIB, { ...descriptor, size: GIB }))).toBeUndefined();
  expect(code(() => budget.addBytes(GIB, 6 * GIB, { ...descriptor, size: GIB }))).toBe("TS7005 --max-size allows more");
  expect(code(() => budget.addEntry("blob", raw("a")))).toBeUndefined();
  expect(code(() => budget.addEntry("blob", raw("b")))).toBeUndefined();
  expect(code(() => budget.addEntry("blob", raw("c")))).toBe("TS7005 --max-entries allows more");
  expect(DEFAULT_LIMITS.entries).toBeGreaterThan(1_000_000);
});
