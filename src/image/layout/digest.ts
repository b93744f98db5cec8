// Digests (image-spec, descriptor.md): which algorithms count, and where a blob of one is.
import { createHash, type Hash } from "node:crypto";
import { ImageError } from "../errors.ts";

/** Registered algorithms and the length of their hexadecimal form. */
const ALGORITHMS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

export function isDigest(text: string): boolean {
  const [algorithm = "", hex = "", ...rest] = text.split(":");
  return rest.length === 0 && Object.hasOwn(ALGORITHMS, algorithm) && hex.length === ALGORITHMS[algorithm] && /^[0-9a-f]+$/.test(hex);
}

/** Algorithm and hexadecimal part; refuses everything else before a path is made of it. */
export function parseDigest(digest: string): readonly [algorithm: string, hex: string] {
  const [algorithm = "", hex = ""] = digest.split(":");
  if (!Object.hasOwn(ALGORITHMS, algorithm))
    throw new ImageError("TS7003", `the digest "${digest}" has an unknown algorithm`, { hint: "sha256 and sha512 are known" });
  if (!isDigest(digest)) throw new ImageError("TS7003", `"${digest}" is no valid digest`);
  return [algorithm, hex];
}

/** "blobs/sha256/<hex>" (image-spec, image-layout.md). */
export function blobPath(digest: string): string {
  const [algorithm, hex] = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}

export function hashOf(digest: string): Hash {
  return createHash(parseDigest(digest)[0]);
}

/** The digest of a hash that has taken everything. */
export function digestOf(algorithm: string, hash: Hash): string {
  return `${algorithm}:${hash.digest("hex")}`;
}
