// The members of an archive that holds images: blobs go into the layout as they come, layers of `docker save` as well, and the documents
// that say what belongs together are kept until the end. No name of the archive ever becomes a path on the host.
import { ImageError } from "../errors.ts";
import type { NewLayer } from "../layer/compress.ts";
import { joined, partsOf, placeOf } from "../layer/place.ts";
import { isDigest } from "../layout/digest.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import { type Raw, rawOf } from "../raw.ts";
import type { Compression } from "../spec/media-types.ts";
import type { Entry } from "../tar/entry.ts";
import type { ArchiveReader } from "../tar/reader.ts";
import { type Chunks, withCompression } from "./input.ts";
import { storeLayer } from "./layer-sink.ts";

const BLOB = /^blobs\/([^/]+)\/([^/]+)$/;
/** Anything smaller is no layer: an archive has at least one block. */
const BLOCK = 512;
/** Documents in all, and members: no image has as many. */
const MOST_DOCUMENTS = 64 << 20;
const MOST_MEMBERS = 100_000;
const MOST_LINKS = 8;

export class Members {
  readonly #writer: LayoutWriter;
  readonly #what: string;
  readonly #wanted: Compression;
  readonly #documents = new Map<string, Buffer>();
  /** Those of an image layout are blobs only. */
  readonly #layers = new Map<string, NewLayer>();
  readonly #links = new Map<string, string>();
  #documentBytes = 0;
  #count = 0;

  /** `what`: the archive, for errors. `wanted`: how layers that are not compressed are to be. */
  constructor(writer: LayoutWriter, what: string, wanted: Compression) {
    this.#writer = writer;
    this.#what = what;
    this.#wanted = wanted;
  }

  /** A document by its name, or by a link to it. */
  document(path: string): Buffer | undefined {
    return this.#documents.get(this.#target(path));
  }

  layer(path: string): NewLayer | undefined {
    return this.#layers.get(this.#target(path));
  }

  async readAll(reader: ArchiveReader): Promise<void> {
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) await this.#take(entry, reader);
    await reader.drain();
  }

  async #take(entry: Entry, reader: ArchiveReader): Promise<void> {
    if (++this.#count > MOST_MEMBERS) throw this.#error(entry, `the archive has more than ${MOST_MEMBERS} members`, "TS7005");
    const place = placeOf(entry.path);
    if (typeof place === "string") throw this.#error(entry, place);
    const path = joined(place);
    if (entry.kind === "directory") return;
    if (this.#documents.has(path) || this.#layers.has(path) || this.#links.has(path)) throw this.#error(entry, "it is in the archive twice");
    if (entry.kind === "symlink" || entry.kind === "hardlink") return this.#takeLink(entry, path);
    if (entry.kind !== "file") throw this.#error(entry, "no archive of images has a device or a FIFO");
    if (entry.sparse !== undefined) throw this.#error(entry, "it is a sparse file, which no archive of images has", "TS7011");
    const blob = BLOB.exec(path);
    if (blob !== null) return this.#takeBlob(entry, `${blob[1]}:${blob[2]}`, reader);
    await this.#takeOther(entry, path, reader);
  }

  /** Its name is its digest, and is held to it. */
  async #takeBlob(entry: Entry, digest: string, reader: ArchiveReader): Promise<void> {
    if (!isDigest(digest)) throw this.#error(entry, "its name is no digest of a known algorithm", "TS7003");
    await this.#writer.writeBlob(contentOf(reader), "", { digest, size: entry.size });
  }

  /** Names are no help: what is JSON, or too small to be anything else, is a document; the rest are layers. */
  async #takeOther(entry: Entry, path: string, reader: ArchiveReader): Promise<void> {
    const { compression: found, head, chunks } = await withCompression(contentOf(reader), this.#what);
    if (found === "none" && (entry.size < BLOCK || head === "{" || head === "[")) {
      this.#documentBytes += entry.size;
      if (this.#documentBytes > MOST_DOCUMENTS) throw this.#error(entry, `the archive has more than ${MOST_DOCUMENTS} bytes of documents`, "TS7005");
      const pieces: Uint8Array[] = [];
      for await (const piece of chunks) pieces.push(piece);
      this.#documents.set(path, Buffer.concat(pieces));
    } else this.#layers.set(path, await storeLayer(this.#writer, chunks, this.#what, { found, wanted: this.#wanted }));
  }

  /** Docker links a layer that two images have. */
  #takeLink({ kind, link, ...rest }: Entry, path: Raw): void {
    const parts = kind === "symlink" && !link.startsWith("/") ? partsOf(path).slice(0, -1) : [];
    for (const part of partsOf(link)) {
      if (part !== "..") parts.push(part);
      else if (parts.pop() === undefined) throw this.#error({ kind, link, ...rest }, "it is a link out of the archive");
    }
    this.#links.set(path, parts.join("/"));
  }

  #target(path: string): string {
    let present: string = partsOf(rawOf(path)).join("/");
    for (let i = 0; i < MOST_LINKS; i++) present = this.#links.get(present) ?? present;
    return present;
  }

  #error(entry: Entry, message: string, code = "TS7010"): ImageError {
    return new ImageError(code, message, { blob: this.#what, entry: entry.path });
  }
}

/** The current entry's content. */
async function* contentOf(reader: ArchiveReader): Chunks {
  for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) yield piece;
}
