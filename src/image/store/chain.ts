// Layers by what they are made of and lie on: ChainID(L0) = DiffID(L0), ChainID(L0|...|Ln) = Digest(ChainID(L0|...|Ln-1) + " " + DiffID(Ln))
// (image-spec, config.md, "Layer ChainID").
import { createHash } from "node:crypto";
import { parseDigest } from "../layout/digest.ts";

/** Names of the store's directories of these layers: the hexadecimal part of their ChainIDs. */
export function layerNames(diffIds: readonly string[]): string[] {
  let chain: string | undefined;
  return diffIds.map((diffId) => {
    parseDigest(diffId);
    chain = chain === undefined ? diffId : `sha256:${createHash("sha256").update(`${chain} ${diffId}`).digest("hex")}`;
    return parseDigest(chain)[1];
  });
}
