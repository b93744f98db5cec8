// All layers of an image onto an empty directory, in their order; the next ones are read while one is applied.
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

export interface UnpackOptions {
  readonly limits: Limits;
  readonly isRootless: boolean;
  /** Hears of each piece of a blob that was read. */
  readonly onRead?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** `root`: of native.open_root. When it fails, the directory is half done. */
export async function unpackLayers(image: Image, root: number, options: UnpackOptions): Promise<void> {
  const { layout, manifest, config } = image;
  const budget = new Budget(options.limits);
  const ahead: ReadAhead[] = [];
  const open = (index: number) => {
    const descriptor = manifest.layers[index];
    if (descriptor === undefined) return;
    const source = openLayer(layout, descriptor, config.rootfs.diff_ids[index], {
      budget,
      ...(options.onRead === undefined ? {} : { onRead: options.onRead }),
    });
    ahead.push(new ReadAhead(interruptible(source, options.signal), BYTES_AHEAD));
  };
  setUpRoot(root);
  for (let i = 0; i < LAYERS_AHEAD; i++) open(i);
  try {
    for (const [index, { digest }] of manifest.layers.entries()) {
      const archive = ahead.shift();
      if (archive === undefined) break;
      await applyLayer(root, archive, { blob: digest, hasLower: index > 0, isRootless: options.isRootless, budget });
      open(index + LAYERS_AHEAD);
    }
  } finally {
    for (const archive of ahead) await archive[Symbol.asyncIterator]().return?.();
  }
}

/** Many images say nothing of the root. As in umoci its time is then the epoch's beginning, so that it is the same each time. */
function setUpRoot(root: number): void {
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
