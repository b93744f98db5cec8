// Removes the blobs of a layout that nothing refers to, and what writers that died have left.
import { open, readdir, rm, stat } from "node:fs/promises";
import { INDEX, MANIFEST } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import { TEMPORARY_PREFIX } from "./blob-writer.ts";
import { isDigest } from "./digest.ts";
import type { Layout } from "./layout.ts";
import { lockLayout } from "./lock.ts";
import { Reachable } from "./reachable.ts";

/** Larger ones are no manifests: registries take none over 4 MiB (distribution-spec). */
const MAX_MANIFEST = 4 << 20;

export interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** The blobs that are removed (`isDryRun`: would be). No writer of ours is at work meanwhile. */
export async function collectGarbage(layout: Layout, isDryRun: boolean): Promise<readonly Blob[]> {
  const held = await lockLayout(layout.path, "exclusive");
  try {
    const reachable = new Reachable(layout);
    await reachable.addIndex();
    const blobs = await allBlobs(layout);
    await addReferrers(layout, reachable, blobs);
    const garbage = blobs.filter(({ digest }) => !reachable.digests.has(digest));
    if (!isDryRun) for (const { digest } of garbage) await rm(layout.blobFile(digest), { force: true });
    if (!isDryRun) await removeTemporaries(layout);
    return garbage;
  } finally {
    await held.release();
  }
}

/** Whatever is in blobs/ under another name than a digest's is left alone. */
async function allBlobs(layout: Layout): Promise<Blob[]> {
  const blobs: Blob[] = [];
  const folder = `${layout.path}/blobs`;
  for (const algorithm of await readdir(folder)) {
    for (const hex of await readdir(`${folder}/${algorithm}`).catch(notADirectory)) {
      const digest = `${algorithm}:${hex}`;
      if (isDigest(digest)) blobs.push({ digest, size: (await stat(layout.blobFile(digest))).size });
    }
  }
  return blobs;
}

function notADirectory(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOTDIR") return [];
  throw error;
}

/**
 * Signatures and the like refer to an image by their `subject`, and need not be in the index: they stay as long as what they refer to. One
 * may refer to another, hence the rounds.
 */
async function addReferrers(layout: Layout, reachable: Reachable, blobs: readonly Blob[]): Promise<void> {
  const candidates = new Map<string, schema.Descriptor & { subject: string }>();
  for (const blob of blobs) {
    const subject = reachable.digests.has(blob.digest) ? undefined : await subjectOf(layout, blob);
    if (subject !== undefined) candidates.set(blob.digest, subject);
  }
  for (let isDone = false; !isDone; ) {
    isDone = true;
    for (const [digest, { subject, ...descriptor }] of candidates) {
      if (!reachable.digests.has(subject)) continue;
      candidates.delete(digest);
      await reachable.add(descriptor);
      isDone = false;
    }
  }
}

/** Of a blob that is a manifest or an index with a subject; undefined for everything else. */
async function subjectOf(layout: Layout, { digest, size }: Blob): Promise<(schema.Descriptor & { subject: string }) | undefined> {
  if (size > MAX_MANIFEST || !(await beginsWithBrace(layout.blobFile(digest)))) return undefined;
  for (const [type, mediaType] of [
    [schema.manifest, MANIFEST],
    [schema.index, INDEX],
  ] as const) {
    const document = await layout.readJson({ digest, size, mediaType }, type).catch(() => undefined);
    if (document?.subject !== undefined) return { digest, size, mediaType, subject: document.subject.digest };
  }
  return undefined;
}

/** Most blobs are layers: they need not be read. */
async function beginsWithBrace(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead === 1 && buffer[0] === "{".charCodeAt(0);
  } finally {
    await file.close();
  }
}

async function removeTemporaries(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.path)) if (name.startsWith(TEMPORARY_PREFIX)) await rm(`${layout.path}/${name}`, { force: true });
}
