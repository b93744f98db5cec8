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

const ALGORITHM = "sha256";
const DIGEST = 32;
/** Their paths are in memory. */
const ROUND = 1 << 18;

/** Hears of each piece of a layer's blob that was read. */
export type OnRead = (bytes: number) => void;

/** For each path, in order: whether the file has the image's content. `digest` is that of the file now; undefined: there is none. */
export async function* compareContent(
  image: Image,
  paths: Iterable<Raw>,
  digest: (path: Raw) => Promise<Buffer | undefined>,
  onRead: OnRead,
): AsyncGenerator<boolean> {
  let round: Raw[] = [];
  for (const path of paths) {
    round.push(path);
    if (round.length < ROUND) continue;
    yield* compareRound(image, round, digest, onRead);
    round = [];
  }
  if (round.length > 0) yield* compareRound(image, round, digest, onRead);
}

async function* compareRound(image: Image, paths: readonly Raw[], digest: (path: Raw) => Promise<Buffer | undefined>, onRead: OnRead): AsyncGenerator<boolean> {
  let contents = await readContents(image, paths, onRead);
  // Names of one inode: the one that has the content in the archive was removed or changed since, and is none of the paths.
  if (contents.linkTargets.size > 0) contents = await readContents(image, [...paths, ...contents.linkTargets], onRead);
  for (const path of paths) {
    const before = contents.get(path);
    const now = before === undefined ? undefined : await digest(path);
    yield before !== undefined && now !== undefined && before.equals(now);
  }
}

async function readContents(image: Image, paths: readonly Raw[], onRead: OnRead): Promise<ImageContents> {
  const contents = new ImageContents(paths);
  for (const [i, layer] of image.manifest.layers.entries()) {
    const archive = new ArchiveReader(openLayer(image.layout, layer, image.config.rootfs.diff_ids[i], { onRead }), layer.digest);
    try {
      for (let entry = await archive.next(); entry !== undefined; entry = await archive.next()) await contents.take(entry, i + 1, archive);
      await archive.drain();
    } finally {
      await archive.close();
    }
  }
  return contents;
}

/** What the image has at some paths, after the layers that were taken. */
class ImageContents {
  /** Where the paths are links to and nothing was looked at. */
  readonly linkTargets = new Set<Raw>();
  readonly #index: Map<Raw, number>;
  readonly #digests: Buffer;
  readonly #isKnown: Uint8Array;
  readonly #links = new ImageLinks();

  constructor(paths: readonly Raw[]) {
    this.#index = new Map(paths.map((path, i) => [path, i]));
    this.#digests = Buffer.allocUnsafe(paths.length * DIGEST);
    this.#isKnown = new Uint8Array(paths.length);
  }

  /** Undefined: there is no file, or it is a link to one whose content was not looked at. */
  get(path: Raw): Buffer | undefined {
    const i = this.#index.get(path);
    return i === undefined || this.#isKnown[i] === 0 ? undefined : this.#digests.subarray(i * DIGEST, (i + 1) * DIGEST);
  }

  async take(entry: Entry, layer: number, archive: ArchiveReader): Promise<void> {
    const place = this.#links.resolve(entry.path);
    if (place === undefined) return;
    const slash = place.lastIndexOf("/") + 1;
    const name = place.slice(slash);
    if (name === OPAQUE) return this.#links.remove(place.slice(0, slash) as Raw, layer, true);
    if (name.startsWith(WHITEOUT)) return this.#links.remove((place.slice(0, slash) + name.slice(WHITEOUT.length)) as Raw, layer, false);
    const target = entry.kind === "hardlink" ? this.#links.resolve(entry.link) : undefined;
    const link = entry.kind === "symlink" ? entry.link : target === undefined ? undefined : this.#links.linkAt(target);
    this.#links.put(place, entry.kind === "directory", link, layer);
    const i = this.#index.get(place);
    if (i === undefined) return;
    if (target !== undefined && !this.#index.has(target)) this.linkTargets.add(target);
    const digest = target === undefined ? await digestOf(entry, archive) : this.get(target);
    digest?.copy(this.#digests, i * DIGEST);
    this.#isKnown[i] = digest === undefined ? 0 : 1;
  }
}

/** Undefined: it is no file. */
async function digestOf(entry: Entry, archive: ArchiveReader): Promise<Buffer | undefined> {
  if (entry.kind !== "file") return undefined;
  const hash = createHash(ALGORITHM);
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
