// Writing to a layout: blobs, and references to them in index.json. Between open and close no gc of ours runs.
import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { atPath, ImageError } from "../errors.ts";
import { INDEX } from "../spec/media-types.ts";
import type { Descriptor, Index } from "../spec/schema.ts";
import { BlobWriter, temporaryName } from "./blob-writer.ts";
import { parseDigest } from "./digest.ts";
import { Layout } from "./layout.ts";
import { type Lock, lockLayout } from "./lock.ts";

const LAYOUT_FILE = '{"imageLayoutVersion":"1.0.0"}';

export class LayoutWriter {
  readonly layout: Layout;
  readonly #lock: Lock;
  readonly #signal: AbortSignal | undefined;
  /** Algorithms of the blobs written so far: their directories are to reach the disk before the index does. */
  readonly #algorithms = new Set<string>();

  private constructor(layout: Layout, held: Lock, signal: AbortSignal | undefined) {
    this.layout = layout;
    this.#lock = held;
    this.#signal = signal;
  }

  /** To be closed in every case. With the signal nobody is waited for any more, and the index stays as it is. */
  static async open(layout: Layout, signal?: AbortSignal): Promise<LayoutWriter> {
    return new LayoutWriter(layout, await lockLayout(layout.path, "shared", signal), signal);
  }

  async close(): Promise<void> {
    await this.#lock.release();
  }

  /** The caller finishes or discards it. */
  async openBlob(algorithm = "sha256"): Promise<BlobWriter> {
    if (!this.#algorithms.has(algorithm)) await mkdir(`${this.layout.path}/blobs/${algorithm}`, { recursive: true });
    this.#algorithms.add(algorithm);
    return BlobWriter.open(this.layout.path, algorithm);
  }

  async writeBlob(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor> {
    const blob = await this.openBlob(expected === undefined ? "sha256" : parseDigest(expected.digest)[0]);
    try {
      for await (const chunk of chunks) await blob.write(chunk);
    } catch (error) {
      await blob.discard();
      throw error;
    }
    return blob.finish(mediaType, expected);
  }

  writeJson(value: unknown, mediaType: string): Promise<Descriptor> {
    return this.writeBlob([Buffer.from(JSON.stringify(value))], mediaType);
  }

  /** index.json as `change` makes it of what is there; nobody of ours writes it in between. */
  async changeIndex(change: (index: Index) => Index): Promise<void> {
    const { path } = this.layout;
    for (const algorithm of this.#algorithms) await syncDirectory(`${path}/blobs/${algorithm}`);
    const held = await lockLayout(`${path}/oci-layout`, "exclusive", this.#signal);
    try {
      this.#signal?.throwIfAborted();
      await replaceFile(path, "index.json", JSON.stringify(change(await this.layout.index())));
    } finally {
      await held.release();
    }
  }
}

/** Opens the layout with a writer on it, closed when `body` is over. */
export async function withWriter<T>(layout: Layout, body: (writer: LayoutWriter) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const writer = await LayoutWriter.open(layout, signal);
  try {
    return await body(writer);
  } finally {
    await writer.close();
  }
}

/** The same in the layout of this directory, which is made when it is missing, and taken away again when `body` fails. */
export async function inLayout<T>(path: string, body: (writer: LayoutWriter) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const { layout, isNew } = await openOrMake(path, signal);
  try {
    return await withWriter(layout, body, signal);
  } catch (error) {
    if (isNew) await removeEmpty(layout);
    throw error;
  }
}

/** A directory that is missing or empty is made a layout. */
async function openOrMake(path: string, signal?: AbortSignal): Promise<{ readonly layout: Layout; readonly isNew: boolean }> {
  await mkdir(path, { recursive: true });
  const held = await lockLayout(path, "exclusive", signal);
  let isNew = false;
  try {
    const names = (await readdir(path)).filter((name) => !name.startsWith("."));
    isNew = !names.includes("oci-layout");
    if (isNew) await makeLayout(path, names);
  } finally {
    await held.release();
  }
  return { layout: await Layout.open(path), isNew };
}

/** Unless somebody else has put an image there meanwhile. */
async function removeEmpty(layout: Layout): Promise<void> {
  const { path } = layout;
  const held = await lockLayout(path, "exclusive");
  try {
    if ((await layout.index()).manifests.length > 0) return;
    for (const name of ["oci-layout", "index.json", "blobs"]) await rm(`${path}/${name}`, { recursive: true });
    // A directory that was there before, and is somebody's mount point, may stay.
    await rmdir(path).catch(() => {});
  } finally {
    await held.release();
  }
}

/** The file oci-layout comes last: a directory with it is a layout in whole, one without is none, or was not made to its end. */
async function makeLayout(path: string, names: readonly string[]): Promise<void> {
  if (names.some((name) => name !== "blobs" && name !== "index.json"))
    throw new ImageError("TS7001", "the directory has files, but is no image layout: it has no oci-layout", {
      blob: path,
      hint: "a layout is made in a directory that is missing or empty",
    });
  await mkdir(`${path}/blobs/sha256`, { recursive: true });
  if (!names.includes("index.json")) await replaceFile(path, "index.json", JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }));
  await replaceFile(path, "oci-layout", LAYOUT_FILE);
}

/** Either the old or the new content is there at any time, after a crash as well. */
async function replaceFile(folder: string, name: string, content: string): Promise<void> {
  const temporary = `${folder}/${temporaryName()}`;
  const file = await open(temporary, "wx", 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, `${folder}/${name}`);
    await syncDirectory(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw atPath(error, temporary);
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
