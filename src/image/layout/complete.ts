// Whether a layout has what an image needs, before a name is given to it or it is sent elsewhere.
import { stat } from "node:fs/promises";
import { ImageError } from "../errors.ts";
import { isForeign, isIndex, isManifest } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import type { Layout } from "./layout.ts";

/**
 * The blobs of this entry and of all below it, each once. Fails when one is not there; but an index may name manifests of other platforms
 * that are elsewhere, as long as one is here, and so may layers be that must not be distributed.
 */
export async function blobsOf(layout: Layout, entry: schema.Descriptor): Promise<schema.Descriptor[]> {
  const blobs = new Map<string, schema.Descriptor>();
  await collect(layout, entry, blobs, new Set());
  return [...blobs.values()];
}

async function collect(layout: Layout, one: schema.Descriptor, blobs: Map<string, schema.Descriptor>, walked: Set<string>): Promise<void> {
  const key = `${one.mediaType} ${one.digest}`;
  if (walked.has(key)) return;
  walked.add(key);
  await requireBlob(layout, one);
  blobs.set(one.digest, one);
  if (isIndex(one.mediaType)) return collectIndex(layout, one, blobs, walked);
  if (!isManifest(one.mediaType)) return;
  const { config, layers } = await layout.readJson(one, schema.manifest);
  for (const child of [config, ...layers]) {
    if (isForeign(child.mediaType) && !(await isThere(layout, child))) continue;
    await requireBlob(layout, child);
    blobs.set(child.digest, child);
  }
}

async function collectIndex(layout: Layout, one: schema.Descriptor, blobs: Map<string, schema.Descriptor>, walked: Set<string>): Promise<void> {
  const { manifests } = await layout.readJson(one, schema.index);
  const here: schema.Descriptor[] = [];
  for (const child of manifests) if (await isThere(layout, child)) here.push(child);
  if (here.length === 0 && manifests.length > 0) throw new ImageError("TS7001", "none of the manifests of this index is there", { blob: one.digest });
  for (const child of here) await collect(layout, child, blobs, walked);
}

async function isThere(layout: Layout, { digest }: schema.Descriptor): Promise<boolean> {
  return (await sizeOf(layout, digest)) !== undefined;
}

async function requireBlob(layout: Layout, { digest, size }: schema.Descriptor): Promise<void> {
  const found = await sizeOf(layout, digest);
  if (found === undefined) throw new ImageError("TS7001", "it is not there", { blob: digest });
  if (found !== size) throw new ImageError("TS7004", `the blob has ${found} bytes, its descriptor says ${size}`, { blob: digest });
}

async function sizeOf(layout: Layout, digest: string): Promise<number | undefined> {
  try {
    return (await stat(layout.blobFile(digest))).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
