// Removes from the store the layers that no container has, and the images made of them.
import { rename, rm } from "node:fs/promises";
import type { ImageStore } from "./store.ts";

export interface StoreGarbage {
  readonly images: readonly string[];
  readonly layers: readonly string[];
}

/** Those that would be removed, or were. */
export async function collectLayers(store: ImageStore, options: { readonly dryRun: boolean }): Promise<StoreGarbage> {
  const preparing = await store.lockPreparing();
  try {
    const runs = await store.lockRuns();
    let garbage: StoreGarbage;
    try {
      garbage = await findGarbage(store);
      if (options.dryRun) return garbage;
      // Images first: without its layers none must be found.
      for (const key of garbage.images) await rm(`${store.path}/images/${key}`);
      for (const name of garbage.layers) await rename(store.layer(name), `${store.path}/half-done/${name}`);
    } finally {
      await runs.release();
    }
    await store.sweep();
    return garbage;
  } finally {
    await preparing.release();
  }
}

async function findGarbage(store: ImageStore): Promise<StoreGarbage> {
  const used = new Set((await store.containers()).flatMap(({ layers }) => layers));
  const layers = (await store.names("layers")).filter((name) => !used.has(name));
  const images: string[] = [];
  for (const key of await store.names("images")) {
    const image = await store.image(key);
    if (image === undefined || image.layers.some((name) => !used.has(name))) images.push(key);
  }
  return { images, layers };
}
