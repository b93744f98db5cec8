// An image -> a bundle: BUNDLE/rootfs, BUNDLE/config.json, and what repack has to know (image.json, image.tree).
import { writeFile } from "node:fs/promises";
import { check } from "../../errors.ts";
import { type UnpackOptions, unpackLayers } from "../layer/unpack.ts";
import type { Image } from "../layout/image.ts";
import { nameOf } from "../layout/references.ts";
import { debug } from "../log.ts";
import { native } from "../native.ts";
import { rawOf } from "../raw.ts";
import { recordTree } from "../tree/record.ts";
import { bundleConfig, readUserFiles } from "./config.ts";
import { BundleDirectory } from "./directory.ts";
import { type BundleRecord, writeRecord } from "./record.ts";

/** `path` is absolute. When it fails, nothing is left of it. */
export async function unpackBundle(image: Image, path: string, options: UnpackOptions): Promise<void> {
  const name = nameOf(image.entry);
  const directory = await BundleDirectory.make(path);
  try {
    const record: BundleRecord = {
      version: 1,
      state: "unpacking",
      layout: image.layout.path,
      ...(name === undefined ? {} : { name }),
      manifest: image.manifestDescriptor,
      platform: {
        os: image.config.os,
        architecture: image.config.architecture,
        ...(image.config.variant === undefined ? {} : { variant: image.config.variant }),
      },
      rootless: options.isRootless,
      created: new Date().toISOString(),
    };
    await writeRecord(path, record);
    await fill(image, path, options);
    await writeRecord(path, { ...record, state: "complete" });
  } catch (error) {
    // When not even that can be done, what is left says in image.json that it is half done.
    await directory.discard().catch((trouble) => debug(() => `cannot remove the half-done bundle "${path}": ${trouble}`));
    throw error;
  }
}

async function fill(image: Image, path: string, options: UnpackOptions): Promise<void> {
  const root = check(native.open_root(rawOf(`${path}/rootfs`)), "open", `${path}/rootfs`, "open");
  try {
    await unpackLayers(image, root, options);
    const config = bundleConfig(image.config, options.isRootless, readUserFiles(root));
    await writeFile(`${path}/config.json`, `${JSON.stringify(config, null, "\t")}\n`, { flag: "wx" });
    options.signal?.throwIfAborted();
    await recordTree(path, root);
    options.signal?.throwIfAborted();
  } finally {
    native.close(root);
  }
}
