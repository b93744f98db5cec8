// Files of which only time of change or inode are not the recorded ones: is their content the image's? The layers tell, streamed once
// for up to so many files; a copied bundle has nothing but such files.
import { createHash } from "node:crypto";
import { OPAQUE, WHITEOUT } from "../layer/place.ts";
import { openLayer } from "../layer/source.ts";
import type { Image } from "../layout/image.ts";
import type { Raw } from "../raw.ts";
import type { Entry } from "../tar/entry.ts";
import { ArchiveReader } from "../tar/reader.ts";
import { ImageLinks } from "./image-links.ts";
import { PathTable } from "./path-table.ts";

/** Files up to this size are hashed in one. */
const SMALL = 64 << 10;
/** More are looked at in rounds, for each of which the layers are read. */
const ROUND = 1 << 18;

/** Looks at the event loop after so many files: there may be a signal. */
const TURN = 1 << 12;

export interface Suspects {
  /** A directory for what has no place in memory. */
  readonly folder: string;
  /** All of them, in order; asked more than once. */
  readonly paths: () => Iterator<Raw>;
  /** SHA-256 of the file as it is now, one byte per character; undefined: it is none any more. */
  readonly digest: (path: Raw) => Raw | undefined | Promise<Raw>;
  /** Hears of each piece of a layer's blob that was read, and of 0 bytes in between. */
  readonly onRead: (bytes: number) => void;
  /** For each path, in order: whether the file has the image's content. */
  readonly onCompared: (isSame: boolean) => void;
}

export async function compareContent(image: Image, { folder, paths, digest, onRead, onCompared }: Suspects): Promise<void> {
  const ahead = paths();
  const behind = paths();
  const contents = new ImageContents(folder);
  try {
    for (;;) {
      contents.clear();
      let count = 0;
      for (; count < ROUND; count++) {
        const { value, done } = ahead.next();
        if (done) break;
        contents.want(value);
      }
      if (count === 0) return;
      await contents.read(image, onRead);
      // Names of one inode: the one that has the content in the archive was removed or changed since, and is none of the paths.
      if (contents.wantsMore) await contents.read(image, onRead);
      for (; count > 0; count--) {
        const path = behind.next().value;
        const before = contents.digest(path);
        const found = before === undefined ? undefined : digest(path);
        const now = found instanceof Promise ? await found : found;
        onCompared(before !== undefined && before === now);
        if (count % TURN > 0) continue;
        await new Promise<void>((resolve) => setImmediate(resolve));
        onRead(0);
      }
    }
  } finally {
    contents.close();
  }
}

/** What the image has at some paths. */
class ImageContents {
  readonly #table = new PathTable();
  readonly #links: ImageLinks;
  /** A wanted path is a link to one that was not wanted until then: what has gone by is to be read again. */
  wantsMore = false;

  constructor(folder: string) {
    this.#links = new ImageLinks(folder);
  }

  want(path: Raw): void {
    this.#table.add(path);
  }

  /** Undefined: there is no file, or it is a link to one whose content was not looked at. */
  digest(path: Raw): Raw | undefined {
    return this.#table.digest(path);
  }

  /** For the next round. */
  clear(): void {
    this.#table.clear();
    this.wantsMore = false;
  }

  close(): void {
    this.#links.close();
  }

  async read(image: Image, onRead: Suspects["onRead"]): Promise<void> {
    this.#links.clear();
    this.#table.clearDigests();
    for (const [i, layer] of image.manifest.layers.entries()) {
      const archive = new ArchiveReader(openLayer(image.layout, layer, image.config.rootfs.diff_ids[i], { onRead }), layer.digest);
      try {
        for (;;) {
          const next = archive.next();
          const entry = next instanceof Promise ? await next : next;
          if (entry === undefined) break;
          const later = this.#take(entry, i + 1, archive);
          if (later !== undefined) await later;
        }
        await archive.drain();
      } finally {
        await archive.close();
      }
    }
  }

  #take(entry: Entry, layer: number, archive: ArchiveReader): undefined | Promise<void> {
    const place = this.#links.resolve(entry.path);
    if (place === undefined) return undefined;
    const slash = place.lastIndexOf("/") + 1;
    const name = place.slice(slash);
    if (name === OPAQUE) this.#links.remove(place.slice(0, slash) as Raw, layer, true);
    else if (name.startsWith(WHITEOUT)) this.#links.remove((place.slice(0, slash) + name.slice(WHITEOUT.length)) as Raw, layer, false);
    else return this.#put(entry, place, layer, archive);
    return undefined;
  }

  #put(entry: Entry, place: Raw, layer: number, archive: ArchiveReader): undefined | Promise<void> {
    const target = entry.kind === "hardlink" ? this.#links.resolve(entry.link) : undefined;
    const link = entry.kind === "symlink" ? entry.link : target === undefined ? undefined : this.#links.linkAt(target);
    this.#links.put(place, entry.kind === "directory", link, layer);
    if (!this.#table.has(place)) return undefined;
    if (target !== undefined) {
      this.#table.setDigest(place, this.#table.digest(target));
      if (this.#table.has(target)) return undefined;
      this.#table.add(target);
      this.wantsMore = true;
    } else if (entry.kind !== "file") this.#table.setDigest(place, undefined);
    else return this.#read(entry, place, archive);
    return undefined;
  }

  #read(entry: Entry, place: Raw, archive: ArchiveReader): undefined | Promise<void> {
    const content = entry.sparse === undefined && entry.size <= SMALL ? archive.rest() : undefined;
    if (content === undefined || content instanceof Promise) return this.#readLater(entry, place, archive, content);
    this.#table.setDigest(place, createHash("sha256").update(content).digest("binary") as Raw);
    return undefined;
  }

  async #readLater(entry: Entry, place: Raw, archive: ArchiveReader, content: Promise<Uint8Array> | undefined): Promise<void> {
    const hash = createHash("sha256");
    if (content !== undefined) hash.update(await content);
    else for await (const piece of contentOf(entry, archive)) hash.update(piece);
    this.#table.setDigest(place, hash.digest("binary") as Raw);
  }
}

/** A file's bytes as they are on the disk: with its holes. */
async function* contentOf(entry: Entry, archive: ArchiveReader): AsyncGenerator<Uint8Array> {
  if (entry.sparse === undefined) {
    for (let piece = await archive.read(); piece !== undefined; piece = await archive.read()) yield piece;
    return;
  }
  let at = 0;
  let piece: Uint8Array = NOTHING;
  for (const { offset, size } of [...entry.sparse, { offset: entry.realSize ?? 0, size: 0 }]) {
    yield* zeros(offset - at);
    for (let left = size; left > 0; ) {
      if (piece.length === 0) piece = (await archive.read()) ?? NOTHING;
      const part = piece.subarray(0, left);
      yield part;
      piece = piece.subarray(part.length);
      left -= part.length;
    }
    at = offset + size;
  }
}

const NOTHING = new Uint8Array(0);
const ZEROS = new Uint8Array(256 << 10);

/** So many zeros: what a hole reads as. */
export function* zeros(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}
