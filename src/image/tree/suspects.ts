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

/** More are looked at in rounds, for each of which the layers are read. */
const ROUND = 1 << 18;

export interface Suspects {
  /** All of them, in order; asked more than once. */
  readonly paths: () => Iterator<Raw>;
  /** Of the file as it is now; undefined: it is none any more. */
  readonly digest: (path: Raw) => Promise<Uint8Array | undefined>;
  /** Hears of each piece of a layer's blob that was read. */
  readonly onRead: (bytes: number) => void;
}

/** For each path, in order: whether the file has the image's content. */
export async function* compareContent(image: Image, { paths, digest, onRead }: Suspects): AsyncGenerator<boolean> {
  const ahead = paths();
  const behind = paths();
  for (;;) {
    const contents = new ImageContents();
    let count = 0;
    for (; count < ROUND; count++) {
      const { value, done } = ahead.next();
      if (done) break;
      contents.want(value);
    }
    if (count === 0) return;
    await contents.read(image, onRead);
    // Names of one inode: the one that has the content in the archive was removed or changed since, and is none of the paths.
    if (contents.wantLinkTargets()) await contents.read(image, onRead);
    for (; count > 0; count--) {
      const path = behind.next().value;
      const before = contents.digest(path);
      const now = before === undefined ? undefined : await digest(path);
      yield before !== undefined && now !== undefined && Buffer.compare(before, now) === 0;
    }
  }
}

/** What the image has at some paths. */
class ImageContents {
  readonly #table = new PathTable();
  readonly #linkTargets = new Set<Raw>();
  #links = new ImageLinks();

  want(path: Raw): void {
    this.#table.add(path);
  }

  /** False: no wanted path is a link to one that is not wanted itself. */
  wantLinkTargets(): boolean {
    for (const path of this.#linkTargets) this.#table.add(path);
    return this.#linkTargets.size > 0;
  }

  /** Undefined: there is no file, or it is a link to one whose content was not looked at. */
  digest(path: Raw): Uint8Array | undefined {
    return this.#table.digest(path);
  }

  async read(image: Image, onRead: Suspects["onRead"]): Promise<void> {
    this.#links = new ImageLinks();
    this.#table.clearDigests();
    for (const [i, layer] of image.manifest.layers.entries()) {
      const archive = new ArchiveReader(openLayer(image.layout, layer, image.config.rootfs.diff_ids[i], { onRead }), layer.digest);
      try {
        for (let entry = await archive.next(); entry !== undefined; entry = await archive.next()) await this.#take(entry, i + 1, archive);
        await archive.drain();
      } finally {
        await archive.close();
      }
    }
  }

  async #take(entry: Entry, layer: number, archive: ArchiveReader): Promise<void> {
    const place = this.#links.resolve(entry.path);
    if (place === undefined) return;
    const slash = place.lastIndexOf("/") + 1;
    const name = place.slice(slash);
    if (name === OPAQUE) return this.#links.remove(place.slice(0, slash) as Raw, layer, true);
    if (name.startsWith(WHITEOUT)) return this.#links.remove((place.slice(0, slash) + name.slice(WHITEOUT.length)) as Raw, layer, false);
    const target = entry.kind === "hardlink" ? this.#links.resolve(entry.link) : undefined;
    const link = entry.kind === "symlink" ? entry.link : target === undefined ? undefined : this.#links.linkAt(target);
    this.#links.put(place, entry.kind === "directory", link, layer);
    if (!this.#table.has(place)) return;
    if (target !== undefined && !this.#table.has(target)) this.#linkTargets.add(target);
    this.#table.setDigest(place, target === undefined ? await digestOf(entry, archive) : this.#table.digest(target));
  }
}

/** Undefined: it is no file. */
async function digestOf(entry: Entry, archive: ArchiveReader): Promise<Buffer | undefined> {
  if (entry.kind !== "file") return undefined;
  const hash = createHash("sha256");
  for await (const piece of contentOf(entry, archive)) hash.update(piece);
  return hash.digest();
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
