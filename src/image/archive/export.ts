// Images of a layout -> an archive: of an image layout, with the manifest.json that `docker load` reads beside it, or of the plain form of
// `docker save`. The same images give the same bytes.
import { ImageError } from "../errors.ts";
import { openLayer, readBlob } from "../layer/source.ts";
import { blobsOf } from "../layout/complete.ts";
import { blobPath, parseDigest } from "../layout/digest.ts";
import { findManifestOf, type Image, readImage } from "../layout/image.ts";
import type { Layout } from "../layout/layout.ts";
import { findEntry, nameOf, REF_NAME } from "../layout/references.ts";
import { type Stage, startStage } from "../progress.ts";
import { type Raw, rawOf } from "../raw.ts";
import { type DockerImage, WHOLE_NAME } from "../spec/docker.ts";
import { compressionOf, INDEX } from "../spec/media-types.ts";
import type { Descriptor, Platform } from "../spec/schema.ts";
import { ArchiveWriter, type Content, type Sink, type WholeEntry } from "../tar/writer.ts";
import { repoTag, wholeName } from "./names.ts";

export const FORMATS = ["oci-archive", "docker-archive"] as const;
export type ExportFormat = (typeof FORMATS)[number];

export interface ExportOptions {
  /** Undefined: all images of the layout. */
  readonly name: string | undefined;
  /** Undefined: all platforms for an image layout, this machine's for Docker. */
  readonly platform: Platform | undefined;
  /** "repository:tag" for the only image. */
  readonly tag: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const LAYOUT_FILE = '{"imageLayoutVersion":"1.0.0"}';
const NO_XATTRS: ReadonlyMap<Raw, Uint8Array> = new Map();
/** Only an image of this machine's platform can be in manifest.json; that there is none is no error for an image layout. */
const NO_IMAGE = ["TS7006", "TS7007"];

export async function exportArchive(layout: Layout, format: ExportFormat, options: ExportOptions, sink: Sink): Promise<void> {
  const index = await layout.index();
  const entries = options.name === undefined ? index.manifests : [findEntry(index, layout.path, options.name)];
  if (entries.length === 0) throw new ImageError("TS7006", "the layout has no image", { blob: layout.path });
  if (options.tag !== undefined && entries.length > 1)
    throw new ImageError("TS7006", `the layout has ${entries.length} images, which cannot all be called "${options.tag}"`, { blob: layout.path });
  const archive = new Archive(sink);
  await (format === "oci-archive" ? exportOci(layout, entries, options, archive) : exportDocker(layout, entries, options, archive));
  await archive.end();
}

async function exportOci(layout: Layout, entries: readonly Descriptor[], options: ExportOptions, archive: Archive): Promise<void> {
  const manifests: Descriptor[] = [];
  const blobs = new Map<string, Descriptor>();
  const docker: DockerImage[] = [];
  for (const entry of entries) {
    const exported = options.platform === undefined ? entry : (await findManifestOf(layout, entry, options.platform)).manifestDescriptor;
    manifests.push({ ...exported, ...annotationsOf(layout, entry, options) });
    for (const blob of await blobsOf(layout, exported)) blobs.set(blob.digest, blob);
    const image = await imageOf(layout, entry, options.platform);
    if (image !== undefined) docker.push(dockerImage(layout, image, options, blobPath(image.manifest.config.digest), ({ digest }) => blobPath(digest)));
  }
  await archive.text("oci-layout", LAYOUT_FILE);
  await archive.text("index.json", JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
  if (docker.length > 0) await archive.text("manifest.json", JSON.stringify(docker));
  const sorted = [...blobs.values()].sort((one, other) => (one.digest < other.digest ? -1 : 1));
  const stage = startStage(
    "exporting",
    sorted.reduce((sum, { size }) => sum + size, 0),
  );
  await archive.directory("blobs");
  for (const algorithm of new Set(sorted.map(({ digest }) => digest.split(":")[0] ?? ""))) await archive.directory(`blobs/${algorithm}`);
  const onRead = counting(stage, options);
  for (const blob of sorted) await archive.file(blobPath(blob.digest), blob.size, readBlob(layout, blob, onRead));
  stage.end();
}

/** Config and layers as Docker has them: the layers are not compressed, and called by what they are then. */
async function exportDocker(layout: Layout, entries: readonly Descriptor[], options: ExportOptions, archive: Archive): Promise<void> {
  const images: Image[] = [];
  for (const entry of entries) images.push(await readImage(layout, await findManifestOf(layout, entry, options.platform)));
  const layers = new Map(images.flatMap(({ manifest, config }) => manifest.layers.map((layer, i) => [config.rootfs.diff_ids[i] ?? "", layer] as const)));
  const configs = new Map(images.map(({ manifest }) => [manifest.config.digest, manifest.config]));
  const stage = startStage(
    "exporting",
    [...layers.values()].reduce((sum, { size, mediaType }) => sum + size * (compressionOf(mediaType) === "none" ? 1 : 2), 0),
  );
  const onRead = counting(stage, options);
  for (const [diffId, layer] of [...layers].sort(([one], [other]) => (one < other ? -1 : 1))) {
    // The archive wants to know it before.
    const size = await unpackedSize(layout, layer, diffId, onRead);
    await archive.directory(hexOf(diffId));
    await archive.file(`${hexOf(diffId)}/layer.tar`, size, openLayer(layout, layer, diffId, { onRead }));
  }
  for (const config of configs.values()) await archive.file(`${hexOf(config.digest)}.json`, config.size, [await layout.readBlob(config)]);
  const docker = images.map((image) =>
    dockerImage(layout, image, options, `${hexOf(image.manifest.config.digest)}.json`, (_, i) => `${hexOf(image.config.rootfs.diff_ids[i] ?? "")}/layer.tar`),
  );
  await archive.text("manifest.json", JSON.stringify(docker));
  stage.end();
}

/** Hears of each piece that was read; where the signal has come, it is the last one. */
function counting(stage: Stage, { signal }: ExportOptions): (bytes: number) => void {
  return (bytes) => {
    signal?.throwIfAborted();
    stage.add(bytes);
  };
}

async function unpackedSize(layout: Layout, layer: Descriptor, diffId: string, onRead: (bytes: number) => void): Promise<number> {
  if (compressionOf(layer.mediaType) === "none") return layer.size;
  let size = 0;
  for await (const chunk of openLayer(layout, layer, diffId, { onRead })) size += chunk.length;
  return size;
}

async function imageOf(layout: Layout, entry: Descriptor, platform: Platform | undefined): Promise<Image | undefined> {
  try {
    return await readImage(layout, await findManifestOf(layout, entry, platform));
  } catch (error) {
    if (error instanceof ImageError && NO_IMAGE.includes(error.code)) return undefined;
    throw error;
  }
}

function dockerImage(layout: Layout, image: Image, options: ExportOptions, config: string, pathOf: (layer: Descriptor, i: number) => string): DockerImage {
  const tag = options.tag ?? repoTag(layout.path, nameOf(image.entry));
  return { Config: config, RepoTags: tag === undefined ? [] : [tag], Layers: image.manifest.layers.map(pathOf) };
}

/** The name in the layout, and the one that Docker and containerd look for. */
function annotationsOf(layout: Layout, entry: Descriptor, { tag }: ExportOptions): Pick<Descriptor, "annotations"> {
  const whole = tag ?? repoTag(layout.path, nameOf(entry));
  const annotations = {
    ...entry.annotations,
    ...(tag === undefined ? {} : { [REF_NAME]: tag }),
    ...(whole === undefined ? {} : { [WHOLE_NAME]: wholeName(whole) }),
  };
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

function hexOf(digest: string): string {
  return parseDigest(digest)[1];
}

/** Entries without owner and time. */
class Archive {
  readonly #writer: ArchiveWriter;

  constructor(sink: Sink) {
    this.#writer = new ArchiveWriter(sink);
  }

  async directory(path: string): Promise<void> {
    await this.#writer.writeEntry(entryOf("directory", `${path}/`, 0));
  }

  async file(path: string, size: number, content: Content): Promise<void> {
    await this.#writer.writeEntry(entryOf("file", path, size), content);
  }

  text(path: string, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    return this.file(path, bytes.length, bytes);
  }

  end(): Promise<void> {
    return this.#writer.end();
  }
}

function entryOf(kind: "file" | "directory", path: string, size: number): WholeEntry {
  const mode = kind === "file" ? 0o644 : 0o755;
  const mtime = { seconds: 0, nanoseconds: 0 };
  return { path: rawOf(path), kind, mode, uid: 0, gid: 0, mtime, size, link: rawOf(""), major: 0, minor: 0, xattrs: NO_XATTRS };
}
