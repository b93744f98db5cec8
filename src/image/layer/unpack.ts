// Layers of an image in their order, onto one directory or each onto its own; the next ones are read while one is applied.
import { check } from "../../errors.ts";
import type { Image } from "../layout/image.ts";
import { native } from "../native.ts";
import { rawOf } from "../raw.ts";
import { applyLayer } from "./apply.ts";
import { Budget, type Limits } from "./limits.ts";
import { ReadAhead } from "./read-ahead.ts";
import { openLayer } from "./source.ts";

/** Layers that are read at a time, and bytes that are kept of each: some 8 MB in all. */
const LAYERS_AHEAD = 4;
const BYTES_AHEAD = 2 << 20;

export interface ReadOptions {
  readonly limits: Limits;
  /** Hears of each piece of a blob that was read. */
  readonly onRead?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface UnpackOptions extends ReadOptions {
  readonly isRootless: boolean;
}

/** One layer of an image whose archive is being read. */
export interface OpenLayer {
  readonly index: number;
  readonly archive: AsyncIterable<Uint8Array>;
  readonly blob: string;
  readonly budget: Budget;
}

/** `root`: of native.open_root. When it fails, the directory is half done. */
export async function unpackLayers(image: Image, root: number, options: UnpackOptions): Promise<void> {
  setUpRoot(root);
  await readLayers(image, [...image.manifest.layers.keys()], options, ({ index, archive, blob, budget }) =>
    applyLayer(root, archive, { blob, hasLower: index > 0, isRootless: options.isRootless, budget }),
  );
}

/** Calls `use` for these layers, one after another. */
export async function readLayers(image: Image, indexes: readonly number[], options: ReadOptions, use: (layer: OpenLayer) => Promise<void>): Promise<void> {
  const { layout, manifest, config } = image;
  const budget = new Budget(options.limits);
  const ahead: ReadAhead[] = [];
  const open = (index: number | undefined) => {
    const descriptor = index === undefined ? undefined : manifest.layers[index];
    if (index === undefined || descriptor === undefined) return;
    const source = openLayer(layout, descriptor, config.rootfs.diff_ids[index], {
      budget,
      ...(options.onRead === undefined ? {} : { onRead: options.onRead }),
    });
    ahead.push(new ReadAhead(interruptible(source, options.signal), BYTES_AHEAD));
  };
  for (let i = 0; i < LAYERS_AHEAD; i++) open(indexes[i]);
  try {
    for (const [i, index] of indexes.entries()) {
      const archive = ahead.shift();
      const blob = manifest.layers[index]?.digest;
      if (archive === undefined || blob === undefined) break;
      await use({ index, archive, blob, budget });
      open(indexes[i + LAYERS_AHEAD]);
    }
  } finally {
    for (const archive of ahead) await archive[Symbol.asyncIterator]().return?.();
  }
}

/** Many images say nothing of the root. As in umoci its time is then the epoch's beginning, so that it is the same each time. */
export function setUpRoot(root: number): void {
  const fd = check(native.open_dir(root, rawOf(".")), "open", "the root filesystem", "openat2");
  try {
    check(native.set_mode(fd, 0o755), "set the mode of", "the root filesystem", "fchmod");
    check(native.set_times(fd, 0, 0), "set the times of", "the root filesystem", "utimensat");
  } finally {
    native.close(fd);
  }
}

async function* interruptible(source: AsyncGenerator<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield chunk;
  }
}
