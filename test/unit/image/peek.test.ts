// Single files of images that are not unpacked: what layers, whiteouts and links make of them.
import { expect, test } from "bun:test";
import { peek } from "../../../src/image/layer/peek.ts";
import { openImage } from "../../../src/image/layout/image.ts";
import { Layout } from "../../../src/image/layout/layout.ts";
import type { Member } from "../../image/helpers/archive.ts";
import { makeLayout } from "../../image/helpers/layout.ts";
import { scratch } from "../../image/helpers/scratch.ts";

const at = scratch();

/** etc/passwd of an image of these layers. */
async function passwd(...layers: readonly Member[][]): Promise<string | undefined> {
  const layout = await Layout.open(makeLayout(at("layout"), { layers, name: "a" }));
  const [found] = await peek(await openImage(layout, "a", undefined), ["etc/passwd"]);
  return found?.toString();
}

const file = (path: string, content = path): Member => ({ path, content });
const link = (path: string, target: string): Member => ({ path, link: target });
const hardLink = (path: string, target: string): Member => ({ path, link: target, type: "1" });

test("peek: a file, its names with and without ./ and /", async () => {
  expect(await passwd([file("etc/passwd", "one")])).toBe("one");
  expect(await passwd([file("./etc//passwd", "one")])).toBe("one");
  expect(await passwd([file("/etc/passwd", "one")])).toBe("one");
  expect(await passwd([file("etc/group")])).toBeUndefined();
  expect(await passwd()).toBeUndefined();
});

test("peek: the uppermost layer counts, and the last entry of a layer", async () => {
  expect(await passwd([file("etc/passwd", "one")], [file("etc/passwd", "two")], [file("etc/group")])).toBe("two");
  expect(await passwd([file("etc/passwd", "one"), file("etc/passwd", "two")])).toBe("two");
});

test("peek: whiteouts hide what lower layers have, and nothing of their own layer", async () => {
  const base = [file("etc/passwd", "one")];
  expect(await passwd(base, [file("etc/.wh.passwd", "")])).toBeUndefined();
  expect(await passwd(base, [file(".wh.etc", "")])).toBeUndefined();
  expect(await passwd(base, [file("etc/.wh..wh..opq", "")])).toBeUndefined();
  expect(await passwd(base, [file("etc/.wh..wh..opq", ""), file("etc/passwd", "two")])).toBe("two");
  expect(await passwd(base, [file("etc/passwd", "two"), file("etc/.wh..wh..opq", ""), file(".wh.etc", "")])).toBe("two");
  expect(await passwd(base, [file("etc/.wh.passwd", "")], [file("etc/passwd", "three")])).toBe("three");
});

test("peek: links are followed within the image, wherever the layer of their target is", async () => {
  expect(await passwd([link("etc/passwd", "../usr/lib/passwd")], [file("usr/lib/passwd", "one")])).toBe("one");
  expect(await passwd([file("usr/lib/passwd", "one")], [link("etc/passwd", "/usr/lib/passwd")])).toBe("one");
  expect(await passwd([link("etc", "usr/etc"), file("usr/etc/passwd", "one")])).toBe("one");
  expect(await passwd([link("etc", "../../usr/etc"), file("etc/passwd", "through the link")])).toBe("through the link");
  expect(await passwd([link("a", "b"), link("b", "c"), link("etc/passwd", "/a/x"), file("c/x", "one")])).toBe("one");
  expect(await passwd([link("etc/passwd", "passwd")])).toBeUndefined();
});

test("peek: hard links are the file as it was when they were made", async () => {
  expect(await passwd([file("x", "one")], [hardLink("etc/passwd", "x")])).toBe("one");
  expect(await passwd([file("x", "one")], [hardLink("etc/passwd", "x"), file("x", "two")])).toBe("one");
  expect(await passwd([file("x", "one"), hardLink("y", "x"), hardLink("z", "y"), hardLink("etc/passwd", "z")])).toBe("one");
  expect(await passwd([link("x", "y"), file("y", "one")], [hardLink("etc/passwd", "x")])).toBeUndefined();
  expect(await passwd([link("x", "/y"), file("y", "one")], [hardLink("etc/passwd", "x")])).toBe("one");
});

test("peek: what takes a directory's or a link's place hides what was there", async () => {
  expect(await passwd([file("etc/passwd", "one")], [file("etc", "a file")])).toBeUndefined();
  expect(await passwd([file("etc/passwd", "one")], [file("etc", "a file")], [{ path: "etc/" }])).toBeUndefined();
  expect(await passwd([link("etc", "usr"), file("usr/passwd", "one")], [{ path: "etc/" }, file("etc/passwd", "two")])).toBe("two");
  expect(await passwd([link("etc", "usr"), file("usr/passwd", "one")], [{ path: "etc/" }])).toBeUndefined();
  expect(await passwd([file("etc/passwd", "one")], [{ path: "etc/passwd", type: "6" }])).toBeUndefined();
  expect(await passwd([file("etc/passwd", "one")], [{ path: "etc/passwd/" }])).toBeUndefined();
});

test("peek: a layer that is not what the config says is refused", async () => {
  const layout = await Layout.open(makeLayout(at("layout"), { layers: [{ members: [file("etc/passwd")], diffId: `sha256:${"0".repeat(64)}` }], name: "a" }));
  await expect(peek(await openImage(layout, "a", undefined), ["etc/passwd"])).rejects.toThrow(/unpacks to/);
});
