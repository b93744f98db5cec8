// Bounds against images that unpack to more than anybody wants: one budget for all layers of an image.
import { ImageError } from "../errors.ts";
import type { Raw } from "../raw.ts";
import type { Descriptor } from "../spec/schema.ts";

export interface Limits {
  /** Bytes of all layers' archives. */
  readonly size: number;
  /** Entries of all layers. */
  readonly entries: number;
  /** How many times the size of its blob a layer's archive may have, beyond its first 4 GiB. */
  readonly ratio: number;
}

/** Larger than any image that people have made for use; a disk of this size would be full before. */
export const DEFAULT_LIMITS: Limits = { size: 2 ** 40, entries: 20_000_000, ratio: 200 };

/** However small the blob: so much is no bomb. Files of zeros have a ratio of 1000. */
export const FREE_OF_RATIO = 4 * 2 ** 30;

export class Budget {
  readonly #limits: Limits;
  #size = 0;
  #entries = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** A layer's archive has so many bytes more, and `total` in all. */
  addBytes(count: number, total: number, { digest, size }: Descriptor): void {
    this.#size += count;
    if (this.#size > this.#limits.size)
      throw new ImageError("TS7005", `the layers unpack to more than ${this.#limits.size} bytes`, { blob: digest, hint: "--max-size allows more" });
    if (total > FREE_OF_RATIO && total > size * this.#limits.ratio)
      throw new ImageError("TS7005", `its ${size} bytes unpack to more than ${this.#limits.ratio} times as many`, {
        blob: digest,
        hint: "--max-ratio allows more",
      });
  }

  addEntry(blob: string, entry: Raw): void {
    if (++this.#entries > this.#limits.entries)
      throw new ImageError("TS7005", `the layers have more than ${this.#limits.entries} entries`, { blob, entry, hint: "--max-entries allows more" });
  }
}
