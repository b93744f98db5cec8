// tsrun image repack: what has changed in a bundle becomes a new layer of the image that it was unpacked from.
import { posix, resolve } from "node:path";
import { type Command, createOption } from "commander";
import { check } from "../../errors.ts";
import { type BundleRecord, readRecord, writeRecord } from "../bundle/record.ts";
import { addHistoryOptions, type HistoryOptions, withHistory } from "../config/history.ts";
import { timestamp } from "../config/timestamp.ts";
import { ImageError } from "../errors.ts";
import { interruptibly } from "../interrupt.ts";
import type { NewLayer } from "../layer/compress.ts";
import { packDifference } from "../layer/difference.ts";
import { commitImage } from "../layout/commit.ts";
import { type Found, findManifest, type Image, readImage } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import { parseName, type Reference } from "../layout/reference.ts";
import { withReference } from "../layout/references.ts";
import { type LayoutWriter, withWriter } from "../layout/writer.ts";
import { native } from "../native.ts";
import { printLine } from "../output.ts";
import { bytesText } from "../progress.ts";
import { type Raw, rawOf } from "../raw.ts";
import type { Compression } from "../spec/media-types.ts";
import type { Descriptor } from "../spec/schema.ts";
import { TreeRecordWriter } from "../tree/record.ts";
import { imageOption, manyOption, withExamples } from "./options.ts";

/** umoci's. */
const DEFAULT_NAME = "latest";
const COMPRESSIONS: readonly Compression[] = ["gzip", "zstd", "none"];

interface Options extends HistoryOptions {
  readonly image: Reference;
  readonly compress: Compression;
  readonly maskPath?: readonly string[];
  /** False with --no-mask-volumes. */
  readonly maskVolumes: boolean;
  readonly refreshBundle?: boolean;
}

export function addRepack(program: Command): void {
  const command = program
    .command("repack")
    .description("add what has changed in a bundle to its image, as a new layer")
    .addOption(imageOption(`the layout that the bundle was unpacked from, and the name of the new image (default ${DEFAULT_NAME})`))
    .addOption(createOption("--compress <kind>", "compression of the layer").choices(COMPRESSIONS).default("gzip"))
    .addOption(manyOption("--mask-path <path>", "leave out what has changed there and below"))
    .addOption(createOption("--no-mask-volumes", "take in what has changed in the image's volumes"))
    .addOption(createOption("--refresh-bundle", "from now on the bundle is one of the new image"));
  addHistoryOptions(command);
  command.argument("<bundle>", "directory of the bundle").action(async (bundle: string, options: Options) => {
    const record = await readRecord(resolve(bundle));
    const layout = await Layout.open(resolve(options.image.layout));
    await interruptibly((signal) =>
      withWriter(
        layout,
        async (writer) => {
          const image = await findBase(layout, record);
          await repack(image, resolve(bundle), record, writer, { ...options, signal });
        },
        signal,
      ),
    );
  });
  withExamples(
    command,
    "tsrun image repack --image ./layout:web-2 bundle",
    "tsrun image repack --image ./layout:web-2 --compress zstd --mask-path /tmp --history.comment 'more fonts' bundle",
  );
}

/** A signal that comes after the index was written waits: a bundle of an image that has lost its name could not be repacked after a gc. */
async function repack(
  image: Image,
  bundle: string,
  record: BundleRecord,
  writer: LayoutWriter,
  options: Options & { readonly signal: AbortSignal },
): Promise<void> {
  const tree = `${bundle}/rootfs`;
  const name = options.image.name ?? DEFAULT_NAME;
  parseName(name);
  const rootFd = check(native.open_root(rawOf(tree)), "open", tree, "open");
  const refreshed = options.refreshBundle ? new TreeRecordWriter(bundle) : undefined;
  try {
    const masks = masksOf(image, options);
    const layer = await packDifference(image, writer, {
      bundle,
      tree,
      rootFd,
      isRootless: record.rootless,
      compression: options.compress,
      record: refreshed,
      signal: options.signal,
      isMasked: (path) => masks.has(path),
    });
    const manifest = await commit(image, layer, name, writer, options);
    // The tree's record last: with the old one the same changes would only be packed again.
    if (refreshed !== undefined) await writeRecord(bundle, { ...record, layout: image.layout.path, name, manifest });
    refreshed?.commit();
    printLine(layer === undefined ? "nothing has changed: no layer was made" : `layer ${layer.descriptor.digest}, ${bytesText(layer.descriptor.size)}`);
  } finally {
    refreshed?.discard();
    native.close(rootFd);
  }
}

/** The image that the bundle was unpacked from, whatever its name has become since. */
async function findBase(layout: Layout, record: BundleRecord): Promise<Image> {
  const alone: Found = { entry: record.manifest, indexes: [], manifestDescriptor: record.manifest };
  // Where its name still leads to it, the indexes on the way are kept for the new image.
  const named = await findManifest(layout, record.name, record.platform).catch((error) => {
    if (error instanceof ImageError) return alone;
    throw error;
  });
  try {
    return await readImage(layout, named.manifestDescriptor.digest === record.manifest.digest ? named : alone);
  } catch (error) {
    if (!(error instanceof ImageError) || error.code !== "TS7001") throw error;
    throw new ImageError(error.code, error.message, { blob: error.blob, hint: `the bundle was unpacked from ${record.layout}`, cause: error });
  }
}

/** Paths from the root, without a "/" at either end. */
function masksOf(image: Image, { maskPath = [], maskVolumes }: Options): ReadonlySet<Raw> {
  const volumes = maskVolumes ? Object.keys(image.config.config?.Volumes ?? {}) : [];
  return new Set([...maskPath, ...volumes].map((path) => rawOf(posix.normalize(`/${path}/`).slice(1, -1))));
}

/** Answers with the manifest that the name has now. */
async function commit(image: Image, layer: NewLayer | undefined, name: string, writer: LayoutWriter, options: Options): Promise<Descriptor> {
  const { config, manifest } = image;
  if (layer === undefined && !hasHistory(options)) {
    const target = image.indexes[0] ?? image.manifestDescriptor;
    await writer.changeIndex((index) => withReference(index, name, target));
    return image.manifestDescriptor;
  }
  const created = options["history.created"] ?? timestamp();
  const added = layer === undefined ? [] : [layer];
  const rootfs = { ...config.rootfs, diff_ids: [...config.rootfs.diff_ids, ...added.map(({ diffId }) => diffId)] };
  const { subject, annotations } = manifest;
  return commitImage(
    writer,
    {
      config: withHistory({ ...config, created, rootfs }, { ...options, "history.created": created }, "tsrun image repack", layer === undefined),
      layers: [...manifest.layers, ...added.map(({ descriptor }) => descriptor)],
      ...(subject && { subject }),
      ...(annotations && { annotations }),
    },
    name,
    image,
  );
}

/** An entry of the history was asked for, so there is one, without a layer as well. */
function hasHistory(options: Options): boolean {
  return options.history && Object.keys(options).some((key) => key.startsWith("history."));
}
