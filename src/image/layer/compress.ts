// The bytes of an archive -> the blob of a layer: hashed before and after compression while they stream.
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { gzip as gzipWithCallback, type ZlibOptions } from "node:zlib";
import { ImageError } from "../errors.ts";
import type { BlobWriter } from "../layout/blob-writer.ts";
import { digestOf } from "../layout/digest.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import { native } from "../native.ts";
import { type Compression, LAYER } from "../spec/media-types.ts";
import type { Descriptor } from "../spec/schema.ts";

const ALGORITHM = "sha256";
/** On the files of a system 0.3 % larger than by the default, 6, in 5/6 of the time. */
const GZIP_LEVEL = 5;
/** Bytes of the archive in one member of a gzip stream. */
const MEMBER = 1 << 20;
/** libuv's pool has four threads. */
const MOST_MEMBERS = Math.min(4, availableParallelism() + 1);
/** Bytes of an archive that is not compressed. */
const PIECE = 256 << 10;
/** libzstd's own default. */
const ZSTD_LEVEL = 3;
const NOTHING = new Uint8Array(0);

export interface NewLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

/** Takes bytes and hands compressed ones to the blob. What it is given may change when it has been taken. */
interface Compressor {
  write(bytes: Uint8Array): Promise<void> | void;
  end(): Promise<void> | void;
  /** After a failure; may follow `end`. */
  destroy(): void;
}

/** What it is given must not change until the next bytes have been taken: it is written meanwhile. */
type Sink = (bytes: Uint8Array) => Promise<void>;

/** The suffix of the layer's media type with its compressor. */
const COMPRESSORS: Readonly<Record<Compression, readonly [suffix: string, make: (sink: Sink) => Compressor]>> = {
  none: ["", plain],
  gzip: ["+gzip", gzip],
  zstd: ["+zstd", zstd],
};

export class LayerBlob {
  readonly #blob: BlobWriter;
  readonly #mediaType: string;
  readonly #compressor: Compressor;
  readonly #hash = createHash(ALGORITHM);

  private constructor(blob: BlobWriter, compression: Compression) {
    const [suffix, make] = COMPRESSORS[compression];
    this.#blob = blob;
    this.#mediaType = `${LAYER}${suffix}`;
    this.#compressor = make((bytes) => blob.write(bytes));
  }

  /** To be finished, or discarded. */
  static async open(writer: LayoutWriter, compression: Compression): Promise<LayerBlob> {
    return new LayerBlob(await writer.openBlob(ALGORITHM), compression);
  }

  /** The bytes may change when it is done. */
  async write(bytes: Uint8Array): Promise<void> {
    // Compressed in another thread while it is hashed in this one.
    const written = this.#compressor.write(bytes);
    this.#hash.update(bytes);
    await written;
  }

  async finish(): Promise<NewLayer> {
    await this.#compressor.end();
    return { descriptor: await this.#blob.finish(this.#mediaType), diffId: digestOf(ALGORITHM, this.#hash) };
  }

  async discard(): Promise<void> {
    this.#compressor.destroy();
    await this.#blob.discard();
  }
}

/** In pieces of its own, of which one is filled while the other one is written. */
function plain(sink: Sink): Compressor {
  let piece = Buffer.allocUnsafeSlow(PIECE);
  let other = Buffer.allocUnsafeSlow(PIECE);
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const part = bytes.subarray(done, done + PIECE);
        piece.set(part);
        done += part.length;
        await sink(piece.subarray(0, part.length));
        [piece, other] = [other, piece];
      }
    },
    end() {},
    destroy() {},
  };
}

const gzipMember = promisify<Uint8Array, ZlibOptions, Buffer>(gzipWithCallback);

/**
 * Members of one megabyte, deflated in several threads at once: many members are one stream (RFC 1952, 2.2), which every reader of layers
 * knows from eStargz. No name and no time go into their headers: the same archive gives the same blob.
 */
function gzip(sink: Sink): Compressor {
  const underWay: { readonly source: Buffer; readonly member: Promise<Buffer> }[] = [];
  /** The garbage collector would leave tens of them behind. */
  const free: Buffer[] = [];
  let source: Buffer | undefined;
  let length = 0;
  const takeFirst = async () => {
    const first = underWay.shift();
    if (first === undefined) return;
    const member = await first.member;
    free.push(first.source);
    await sink(member);
  };
  const deflate = (full: Buffer) => {
    const member = gzipMember(full.subarray(0, length), { level: GZIP_LEVEL });
    // Looked at when its turn comes; until then it is not "unhandled".
    member.catch(() => {});
    underWay.push({ source: full, member });
    source = undefined;
    length = 0;
  };
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        source ??= free.pop() ?? Buffer.allocUnsafeSlow(MEMBER);
        const part = bytes.subarray(done, done + MEMBER - length);
        source.set(part, length);
        length += part.length;
        done += part.length;
        if (length < MEMBER) return;
        deflate(source);
        if (underWay.length >= MOST_MEMBERS) await takeFirst();
      }
    },
    async end() {
      if (source !== undefined) deflate(source);
      while (underWay.length > 0) await takeFirst();
    },
    destroy() {},
  };
}

function zstd(sink: Sink): Compressor {
  let stream = native.zstd_compress_open(ZSTD_LEVEL);
  const compress = async (bytes: Uint8Array, isEnd: 0 | 1) => {
    const compressed = native.zstd_compress(stream, bytes, isEnd);
    if (typeof compressed === "number") throw new ImageError("TS7030", "libzstd has no memory");
    if (compressed.length > 0) await sink(compressed);
  };
  const destroy = () => {
    if (stream >= 0) native.zstd_compress_close(stream);
    stream = -1;
  };
  return {
    write: (bytes) => compress(bytes, 0),
    async end() {
      await compress(NOTHING, 1);
      destroy();
    },
    destroy,
  };
}
