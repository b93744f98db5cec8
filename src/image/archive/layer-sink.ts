// The bytes of a layer's archive, compressed or not -> a blob of the layout. What is compressed already is kept as it is.
import { createHash } from "node:crypto";
import { ImageError } from "../errors.ts";
import { LayerBlob, type NewLayer } from "../layer/compress.ts";
import { DEFAULT_LIMITS, FREE_OF_RATIO } from "../layer/limits.ts";
import { decompress } from "../layer/source.ts";
import { digestOf } from "../layout/digest.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import { type Compression, LAYER } from "../spec/media-types.ts";
import type { Chunks } from "./input.ts";

/**
 * Hands the archive's bytes to `look`, which takes them all, while the blob is written. `found`: how the source is compressed; `wanted`:
 * how the blob of a plain one is to be.
 */
export async function storeLayer(
  writer: LayoutWriter,
  source: Chunks,
  what: string,
  { found, wanted }: { readonly found: Compression; readonly wanted: Compression },
  look: (archive: Chunks) => Promise<void> = drain,
): Promise<NewLayer> {
  return found === "none" ? storePlain(writer, source, wanted, look) : storeCompressed(writer, source, what, found, look);
}

async function storePlain(writer: LayoutWriter, source: Chunks, wanted: Compression, look: (archive: Chunks) => Promise<void>): Promise<NewLayer> {
  const blob = await LayerBlob.open(writer, wanted);
  try {
    await look(tee(source, (bytes) => blob.write(bytes)));
    return await blob.finish();
  } catch (error) {
    await blob.discard();
    throw error;
  }
}

async function storeCompressed(
  writer: LayoutWriter,
  source: Chunks,
  what: string,
  found: Compression,
  look: (archive: Chunks) => Promise<void>,
): Promise<NewLayer> {
  const blob = await writer.openBlob();
  const hash = createHash("sha256");
  try {
    const raw = tee(source, (bytes) => blob.write(bytes));
    const archive = tee(inflate(raw, found, what), async (bytes) => void hash.update(bytes));
    await look(archive);
    return { descriptor: await blob.finish(`${LAYER}+${found}`), diffId: digestOf("sha256", hash) };
  } catch (error) {
    await blob.discard();
    throw error;
  }
}

/** Decompressed, as long as it is no bomb. */
export async function* inflate(source: Chunks, found: Compression, what: string): Chunks {
  let before = 0;
  let after = 0;
  const counted = tee(source, async ({ length }) => {
    before += length;
  });
  for await (const chunk of decompress(counted, found, what)) {
    after += chunk.length;
    if (after > FREE_OF_RATIO && after > before * DEFAULT_LIMITS.ratio) throw bomb(what, before);
    yield chunk;
  }
  // The decompressor may have stopped before the end.
  await drain(counted);
}

/** What the beginning of a source unpacks to, as far as it goes. */
export function decompressHead(head: Uint8Array, found: Compression, what: string): Chunks {
  const source = async function* (): Chunks {
    yield head;
  };
  return decompress(source(), found, what);
}

async function* tee(source: Chunks, sink: (bytes: Uint8Array) => Promise<void>): Chunks {
  for await (const chunk of source) {
    await sink(chunk);
    yield chunk;
  }
}

async function drain(chunks: Chunks): Promise<void> {
  for await (const _ of chunks);
}

function bomb(what: string, before: number): ImageError {
  return new ImageError("TS7005", `${before} bytes of it unpack to more than ${DEFAULT_LIMITS.ratio} times as many`, {
    blob: what,
    hint: "if that is right, unpack it first: gzip -dc FILE | tsrun image import - ...",
  });
}
