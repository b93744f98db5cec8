// ChainIDs, which name the layers of the store.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { layerNames } from "../../../src/image/store/chain.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("ChainID: of the first layer its DiffID, of others the digest of the chain below and their own", () => {
  const [a, b, c] = [sha256("a"), sha256("b"), sha256("c")];
  const ab = sha256(`sha256:${a} sha256:${b}`);
  expect(layerNames([])).toEqual([]);
  expect(layerNames([`sha256:${a}`, `sha256:${b}`, `sha256:${c}`])).toEqual([a, ab, sha256(`sha256:${ab} sha256:${c}`)]);
});

test("ChainID: the same layer twice has two names; what is no digest has none", () => {
  const a = sha256("a");
  expect(new Set(layerNames([`sha256:${a}`, `sha256:${a}`])).size).toBe(2);
  for (const wrong of ["", "../../x", "sha256:../x", `md5:${a}`]) expect(() => layerNames([wrong])).toThrow(/digest/);
});
