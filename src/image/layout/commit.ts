// A changed image -> blobs, and the reference that names it. The manifest takes the place of the one that it was made from: in the
// index of several platforms as well, of which the others stay.
import { ImageError } from "../errors.ts";
import { CONFIG, INDEX, MANIFEST, ociLayerType } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import type { Found } from "./image.ts";
import { hasEntry, nameOf, withReference, withTarget } from "./references.ts";
import type { LayoutWriter } from "./writer.ts";

export interface NewImage {
  readonly config: schema.ImageConfig;
  readonly layers: readonly schema.Descriptor[];
  readonly annotations?: schema.Manifest["annotations"];
  readonly subject?: schema.Manifest["subject"];
}

/** Somebody else has changed or removed the image meanwhile. */
export class BaseMoved extends ImageError {}

/**
 * Writes config and manifest, and lets `name` point to them; undefined: the entry of `base`, which is what the image was made from, and
 * which must still be there, or what others have changed would be lost (BaseMoved). Answers with the manifest's descriptor.
 */
export async function commitImage(writer: LayoutWriter, image: NewImage, name: string | undefined, base?: Found): Promise<schema.Descriptor> {
  const manifest = await writeManifest(writer, await writer.writeJson(image.config, CONFIG), image);
  const target = base === undefined ? manifest : await withParents(writer, manifest, image.config, base);
  const known = name ?? (base === undefined ? undefined : nameOf(base.entry));
  await writer.changeIndex((index) => {
    if (name === undefined && base !== undefined && !hasEntry(index, base.entry))
      throw new BaseMoved("TS7006", "the image was changed or removed meanwhile", { blob: base.entry.digest });
    if (known !== undefined) return withReference(index, known, target);
    return base === undefined ? { ...index, manifests: [...index.manifests, target] } : withTarget(index, base.entry, target);
  });
  return manifest;
}

/** `config` is in the layout already. Answers with the manifest's descriptor. */
export function writeManifest(writer: LayoutWriter, config: schema.Descriptor, image: Omit<NewImage, "config">): Promise<schema.Descriptor> {
  const layers = image.layers.map((layer) => ({ ...layer, mediaType: ociLayerType(layer.mediaType) }));
  // JSON leaves out what is undefined.
  return writer.writeJson({ schemaVersion: 2, mediaType: MANIFEST, config, layers, subject: image.subject, annotations: image.annotations }, MANIFEST);
}

/** The indexes between the reference and the manifest, with the new manifest in them. */
async function withParents(writer: LayoutWriter, manifest: schema.Descriptor, config: schema.ImageConfig, base: Found): Promise<schema.Descriptor> {
  let old = base.manifestDescriptor;
  let entry = manifest;
  for (const parent of [...base.indexes].reverse()) {
    const index = await writer.layout.readJson(parent, schema.index);
    const replaced = entry;
    const manifests = index.manifests.map((one) => (one.digest === old.digest ? { ...replaced, ...platformFor(one, config) } : one));
    entry = await writer.writeJson({ ...index, mediaType: INDEX, manifests }, INDEX);
    old = parent;
  }
  return entry;
}

/** The entry's own words for the platform, as long as they are still true. */
function platformFor({ platform }: schema.Descriptor, config: schema.ImageConfig): Pick<schema.Descriptor, "platform"> {
  if (platform === undefined || (platform.os === config.os && platform.architecture === config.architecture)) return platform === undefined ? {} : { platform };
  return { platform: { os: config.os, architecture: config.architecture, ...(config.variant === undefined ? {} : { variant: config.variant }) } };
}
