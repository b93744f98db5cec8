// An image -> a bundle: BUNDLE/rootfs, BUNDLE/config.json, and what repack has to know (image.json, image.tree).
import { mkdir, writeFile } from "node:fs/promises";
import { defaultSpec, rootlessSpec } from "../../cli/spec-template.ts";
import { check } from "../../errors.ts";
import { convertConfig } from "../config/convert.ts";
import type { UserFiles } from "../config/users.ts";
import { type UnpackOptions, unpackLayers } from "../layer/unpack.ts";
import type { Image } from "../layout/image.ts";
import { native } from "../native.ts";
import { rawOf } from "../raw.ts";
import { recordTree } from "../tree/record.ts";
import { BundleDirectory } from "./directory.ts";
import { type BundleRecord, writeRecord } from "./record.ts";

/** An /etc/passwd larger than this is none. */
const MAX_USER_FILE = 8 << 20;

/** `path` is absolute. When it fails, nothing is left of it. */
export async function unpackBundle(image: Image, name: string | undefined, path: string, options: UnpackOptions): Promise<void> {
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
    await directory.discard();
    throw error;
  }
}

async function fill(image: Image, path: string, options: UnpackOptions): Promise<void> {
  await mkdir(`${path}/rootfs`);
  const root = check(native.open_root(rawOf(`${path}/rootfs`)), "open", `${path}/rootfs`, "open");
  try {
    await unpackLayers(image, root, options);
    const base = options.isRootless ? rootlessSpec(process.geteuid?.() ?? 0, process.getegid?.() ?? 0) : defaultSpec();
    const config = convertConfig(image.config, base, readUserFiles(root));
    await writeFile(`${path}/config.json`, `${JSON.stringify(config, null, "\t")}\n`, { flag: "wx" });
    await recordTree(path, root);
  } finally {
    native.close(root);
  }
}

/** By descriptors under the root: the image may have links in their place. */
function readUserFiles(root: number): UserFiles {
  const read = (path: string) => {
    const content = native.read_file(root, rawOf(path), MAX_USER_FILE);
    return typeof content === "number" ? undefined : content;
  };
  return { passwd: read("etc/passwd"), group: read("etc/group") };
}
