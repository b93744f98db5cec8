// An image -> what `run --image` starts it from: its layers in the store and a record of them, or, where layers cannot be mounted on one
// another, a bundle with the whole of it. docs/architecture.md, "Running an image".
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { SystemError } from "../../errors.ts";
import type { Config } from "../../spec/config.ts";
import { imageKey, type PreparedImage, STORE_FORMAT } from "../../state/image-store.ts";
import { bundleConfig, readUserFiles } from "../bundle/config.ts";
import { unpackBundle } from "../bundle/unpack.ts";
import { applyLayer } from "../layer/apply.ts";
import { DEFAULT_LIMITS } from "../layer/limits.ts";
import { type ReadOptions, readLayers } from "../layer/unpack.ts";
import type { Image } from "../layout/image.ts";
import { debug } from "../log.ts";
import { type Stage, startStage } from "../progress.ts";
import { layerNames } from "./chain.ts";
import { LayerMounts, MOST_LAYERS } from "./overlay.ts";
import type { ImageStore } from "./store.ts";

const EPERM = 1;

export interface PrepareOptions {
  readonly store: ImageStore;
  /** In the store's containers/: gets image.json, and perhaps the bundle. */
  readonly container: string;
  readonly isRootless: boolean;
  /** As the command line has it. */
  readonly platform: string | undefined;
  /** For people: LAYOUT[:REF]. */
  readonly name: string;
  readonly signal: AbortSignal;
}

export async function prepare(image: Image, options: PrepareOptions): Promise<void> {
  if (!(await prepareLayers(image, options))) await prepareBundle(image, options);
}

/** False: it cannot be done so here. */
async function prepareLayers(image: Image, options: PrepareOptions): Promise<boolean> {
  const { store } = options;
  const count = image.manifest.layers.length;
  if (options.isRootless || count === 0 || count > MOST_LAYERS) return false;
  const preparing = await store.lockPreparing(options.signal);
  try {
    await store.sweep();
    const mounts = await LayerMounts.make(store);
    if (mounts === undefined) return false;
    const names = layerNames(image.config.rootfs.diff_ids);
    const paths = await unpackMissing(image, names, mounts, options).catch(undefinedIfMark);
    if (paths === undefined) return false;
    const config = await mounts.look(paths, (root) => bundleConfig(image.config, false, readUserFiles(root)));
    // A layer that has its name is on the disk.
    store.sync();
    for (const [i, name] of names.entries()) if (paths[i] !== store.layer(name)) await rename(paths[i] ?? "", store.layer(name));
    const record = await recordOf(image, options, config, names, store.layer(names.at(-1) ?? ""));
    await store.writeImage(imageKey(image.entry.digest, options.platform), record);
    // With the lock still held: from now on gc sees that the layers are in use.
    await writeRecord(options, record);
    return true;
  } finally {
    await store.sweep().finally(() => preparing.release());
  }
}

/** Paths of all layers, the lowest first: those that were there, and new ones in half-done/. */
async function unpackMissing(image: Image, names: readonly string[], mounts: LayerMounts, { store, signal }: PrepareOptions): Promise<string[]> {
  const present = new Set(await store.names("layers"));
  const missing = names.flatMap((name, index) => (present.has(name) ? [] : [index]));
  const paths = names.map((name) => store.layer(name));
  const { stage, limits } = reading(missing.map((index) => image.manifest.layers[index]?.size ?? 0));
  await readLayers(image, missing, { ...limits, signal }, async ({ index, archive, blob, budget }) => {
    paths[index] = await mounts.add(names[index] ?? "", paths.slice(0, index), (root) =>
      applyLayer(root, archive, { blob, hasLower: index > 0, isRootless: false, budget }),
    );
  });
  stage.end();
  return paths;
}

/** On an overlay nobody can make the character device 0:0: it is the mark of what is deleted. An image can have one. */
function undefinedIfMark(error: unknown): undefined {
  if (!(error instanceof SystemError) || error.syscall !== "mknodat" || error.errno !== EPERM) throw error;
  debug(() => "no layers: the image has a device that an overlay cannot have");
}

async function prepareBundle(image: Image, options: PrepareOptions): Promise<void> {
  const bundle = `${options.container}/bundle`;
  const { stage, limits } = reading(image.manifest.layers.map(({ size }) => size));
  await unpackBundle(image, bundle, { ...limits, isRootless: options.isRootless, signal: options.signal });
  stage.end();
  // The runtime writes it, with what is this run's.
  const config = JSON.parse(await readFile(`${bundle}/config.json`, "utf8")) as Config;
  await rm(`${bundle}/config.json`);
  await writeRecord(options, await recordOf(image, options, config, [], `${bundle}/rootfs`));
}

function reading(sizes: readonly number[]): { readonly stage: Stage; readonly limits: ReadOptions } {
  const stage = startStage(
    "unpacking",
    sizes.reduce((sum, size) => sum + size, 0),
  );
  return { stage, limits: { limits: DEFAULT_LIMITS, onRead: (bytes) => stage.add(bytes) } };
}

async function recordOf(image: Image, options: PrepareOptions, config: Config, layers: readonly string[], top: string): Promise<PreparedImage> {
  const { mode, uid, gid } = await stat(top);
  const { process, ...rest } = config;
  return {
    format: STORE_FORMAT,
    name: options.name,
    config: process === undefined ? rest : { ...rest, process: { ...process, terminal: false } },
    entrypoint: image.config.config?.Entrypoint?.length ?? 0,
    layers,
    root: { mode: mode & 0o7777, uid, gid },
  };
}

async function writeRecord({ container }: PrepareOptions, record: PreparedImage): Promise<void> {
  await writeFile(`${container}/image.json`, JSON.stringify(record), { mode: 0o600 });
}
