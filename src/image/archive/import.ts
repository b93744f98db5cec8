// An archive -> images in a layout: of an image layout, of `docker save`, or of a root filesystem. It is read once, as it comes.
import { ImageError } from "../errors.ts";
import { partsOf } from "../layer/place.ts";
import { isName } from "../layout/reference.ts";
import { nameOf, withReference } from "../layout/references.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import type { Compression } from "../spec/media-types.ts";
import type { Descriptor, Index } from "../spec/schema.ts";
import { ArchiveReader } from "../tar/reader.ts";
import { type Arrived, dockerImages } from "./docker.ts";
import { type Chunks, peek, withCompression } from "./input.ts";
import { decompressHead, inflate } from "./layer-sink.ts";
import { Members } from "./members.ts";
import { ociImages } from "./oci.ts";
import { importRootfs } from "./rootfs.ts";

export const FORMATS = ["auto", "image", "rootfs"] as const;

export interface ImportOptions {
  /** Undefined: what the archive says. */
  readonly name: string | undefined;
  readonly format: (typeof FORMATS)[number];
  /** Of layers that are not compressed in the archive. */
  readonly compression: Compression;
}

export interface Imported {
  readonly name: string | undefined;
  readonly descriptor: Descriptor;
}

/** So much of an archive tells what it is of. */
const HEAD = 1 << 16;
/** Members of image layouts, of `docker save`, and of what other tools write in its form. */
const OF_IMAGES = /^(?:blobs|oci-layout|index\.json|manifest\.json|repositories|(?:sha256:)?[0-9a-f]{64}(?:\.json|\.tar|\.tar\.gz)?)$/;
/** umoci's, for what has no name. */
const DEFAULT_NAME = "latest";

export async function importArchive(writer: LayoutWriter, source: Chunks, what: string, options: ImportOptions): Promise<Imported[]> {
  const { bytes, chunks: whole } = await peek(source, HEAD);
  const { compression: found, chunks } = await withCompression(whole, what);
  const isRootfs = options.format === "rootfs" || (options.format === "auto" && !(await isOfImages(bytes, found, what)));
  if (isRootfs) {
    const name = options.name ?? DEFAULT_NAME;
    return [{ name, descriptor: await importRootfs(writer, chunks, what, { found, wanted: options.compression }, name) }];
  }
  const members = new Members(writer, what, options.compression);
  await members.readAll(new ArchiveReader(inflate(chunks, found, what), what));
  return name(writer, await imagesOf(writer, members, what), options.name, what);
}

/** By the first member that has a name; a broken archive is told of when it is read. */
async function isOfImages(head: Buffer, found: Compression, what: string): Promise<boolean> {
  const reader = new ArchiveReader(decompressHead(head, found, what), what);
  try {
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
      const [first] = partsOf(entry.path);
      if (first !== undefined) return OF_IMAGES.test(first);
    }
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  } finally {
    await reader.close();
  }
  return false;
}

async function imagesOf(writer: LayoutWriter, members: Members, what: string): Promise<Arrived[]> {
  const layoutFile = members.document("oci-layout");
  const index = members.document("index.json");
  // Docker 25 and later write both forms into one archive.
  if (layoutFile !== undefined && index !== undefined) return ociImages(writer, layoutFile, index, what);
  const manifest = members.document("manifest.json");
  if (manifest !== undefined) return dockerImages(writer, members, manifest, what);
  const hint =
    members.document("repositories") === undefined
      ? "--format rootfs: it is of a root filesystem"
      : "it is of a Docker before 1.10: load and save it with a newer one";
  throw new ImageError("TS7011", "the archive has neither oci-layout and index.json, nor manifest.json", { blob: what, hint });
}

async function name(writer: LayoutWriter, images: readonly Arrived[], asked: string | undefined, what: string): Promise<Imported[]> {
  if (images.length === 0) throw new ImageError("TS7006", "the archive has no image", { blob: what });
  if (asked !== undefined && images.length > 1)
    throw new ImageError("TS7006", `the archive has ${images.length} images, which cannot all be called "${asked}"`, {
      blob: what,
      hint: `without a name they are called ${images.flatMap(({ names }) => names).join(", ") || "nothing"}`,
    });
  for (const wrong of images.flatMap(({ names }) => (asked === undefined ? names.filter((one) => !isName(one)) : [])))
    throw new ImageError("TS7006", `it calls an image "${wrong}", which is no valid name in a layout`, { blob: what, hint: "give it a name: LAYOUT:NAME" });
  const imported = images.flatMap(({ names, descriptor }): Imported[] => {
    const wanted = asked === undefined ? names : [asked];
    return wanted.length === 0 ? [{ name: undefined, descriptor }] : wanted.map((one) => ({ name: one, descriptor }));
  });
  await writer.changeIndex((index) => imported.reduce(withImported, index));
  return imported;
}

function withImported(index: Index, { name: wanted, descriptor }: Imported): Index {
  if (wanted !== undefined) return withReference(index, wanted, descriptor);
  const isThere = index.manifests.some((one) => nameOf(one) === undefined && one.digest === descriptor.digest);
  return isThere ? index : { ...index, manifests: [...index.manifests, descriptor] };
}
