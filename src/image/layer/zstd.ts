// Zstandard frames -> their content, by libzstd in our addon: Node 20 has none.
import { ImageError } from "../errors.ts";
import { native } from "../native.ts";

const EFBIG = 27;

/** Several frames in a row, and frames to be skipped (RFC 8878, 3.1), are one stream. */
export async function* unzstd(source: AsyncIterable<Uint8Array>, blob: string): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = native.zstd_open();
  if (stream < 0) throw new ImageError("TS7030", "libzstd has no memory", { blob });
  let isFrameOpen = false;
  try {
    for await (const chunk of source) {
      for (let at = 0, isFull = false; at < chunk.length || isFull; ) {
        const content = native.zstd_read(stream, chunk, at);
        if (typeof content === "number") throw content === -EFBIG ? tooWide(blob) : new ImageError("TS7010", "it is no Zstandard stream", { blob });
        at += native.out(0);
        isFrameOpen = native.out(1) !== 0;
        isFull = native.out(2) !== 0;
        if (content.length > 0) yield content;
      }
    }
  } finally {
    native.zstd_close(stream);
  }
  if (isFrameOpen) throw new ImageError("TS7010", "its Zstandard stream is cut off", { blob });
}

/** Its encoder was told to look further back than others do (zstd --long=28 and more). */
function tooWide(blob: string): ImageError {
  return new ImageError("TS7005", "its Zstandard stream needs a window of more than 128 MB of memory", { blob });
}
