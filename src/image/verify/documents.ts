// The rules for index, manifest and config that go beyond their schema. Pure.
import { createHash } from "node:crypto";
import { digestOf, isDigest, parseDigest } from "../layout/digest.ts";
import { isConfig } from "../spec/media-types.ts";
import type { Descriptor, ImageConfig, Index, Manifest } from "../spec/schema.ts";

export type Problem = readonly [message: string, rule: string];

const EMPTY = "application/vnd.oci.empty.v1+json";
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

export function indexProblems(index: Index, mediaType: string): Problem[] {
  const problems = typeProblems(index.mediaType, mediaType, "image-index.md");
  if ("layers" in index || "config" in index) problems.push(["it has members of a manifest as well: tools may take it for one", 'manifest.md, "mediaType"']);
  return problems;
}

export function manifestProblems(manifest: Manifest, mediaType: string): Problem[] {
  const problems = typeProblems(manifest.mediaType, mediaType, "manifest.md");
  if ("manifests" in manifest) problems.push(["it has members of an index as well: tools may take it for one", 'manifest.md, "mediaType"']);
  if (manifest.config.mediaType === EMPTY && manifest.artifactType === undefined)
    problems.push(["an artifact without a config needs an artifactType", 'manifest.md, "artifactType"']);
  return problems;
}

export function configProblems(config: ImageConfig, { layers }: Manifest): Problem[] {
  const problems: Problem[] = [];
  const { diff_ids } = config.rootfs;
  if (diff_ids.length !== layers.length) problems.push([`there are ${diff_ids.length} diff_ids for ${layers.length} layers`, 'config.md, "rootfs"']);
  for (const one of diff_ids) if (!isDigest(one)) problems.push([`"${one}" is no digest of a known algorithm`, 'config.md, "Layer DiffID"']);
  for (const { created } of [config, ...(config.history ?? [])])
    if (created !== undefined && !(RFC3339.test(created) && !Number.isNaN(Date.parse(created))))
      problems.push([`"${created}" is no time of RFC 3339`, 'config.md, "created"']);
  return problems;
}

/** What a descriptor says of itself, before its blob is looked at. */
export function descriptorProblems(descriptor: Descriptor): Problem[] {
  const { data, digest, size } = descriptor;
  if (data === undefined || !isDigest(digest)) return [];
  const bytes = Buffer.from(data, "base64");
  if (bytes.toString("base64") !== data) return [["its data is not in base 64", 'descriptor.md, "Embedded Content"']];
  const [algorithm] = parseDigest(digest);
  if (bytes.length === size && digestOf(algorithm, createHash(algorithm).update(bytes)) === digest) return [];
  return [["its data is not what digest and size say", 'descriptor.md, "Embedded Content"']];
}

/** A document must be what its descriptor promised: else two tools may read two things from it. */
function typeProblems(found: string | undefined, promised: string, document: string): Problem[] {
  if (found === undefined || found === promised) return [];
  return [[`its mediaType is ${found}, its descriptor says ${promised}`, `${document}, "mediaType"`]];
}

/** Layers of an image are archives of files; those of an artifact are anything. */
export function isImage({ config }: Manifest): boolean {
  return isConfig(config.mediaType);
}
