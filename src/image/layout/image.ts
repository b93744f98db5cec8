// A reference -> one image: through the index, nested indexes and the platform, down to manifest and config.
import { arch } from "node:process";
import { ImageError } from "../errors.ts";
import { isConfig, isIndex, isManifest } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import type { Layout } from "./layout.ts";

export const REF_NAME = "org.opencontainers.image.ref.name";
/** An index in an index in ...: deeper than anyone nests them, and a bound for one that holds itself. */
const MAX_DEPTH = 8;
/** Node's names of architectures -> Go's, which images have. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

export interface Image {
  readonly layout: Layout;
  /** The index's entry that was asked for: what a new reference replaces. */
  readonly entry: schema.Descriptor;
  readonly manifestDescriptor: schema.Descriptor;
  readonly manifest: schema.Manifest;
  readonly config: schema.ImageConfig;
}

export function hostPlatform(): schema.Platform {
  return { os: "linux", architecture: ARCHITECTURES[arch] ?? arch };
}

/** "os/arch[/variant]". */
export function parsePlatform(text: string): schema.Platform {
  const [os, architecture, variant, ...rest] = text.split("/");
  if (!os || !architecture || variant === "" || rest.length > 0)
    throw new ImageError("TS7006", `"${text}" is no platform`, { hint: "os/arch[/variant], for example linux/arm64/v8" });
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

export async function openImage(layout: Layout, name: string | undefined, platform: schema.Platform | undefined): Promise<Image> {
  const entry = findEntry(layout, await layout.index(), name);
  const manifestDescriptor = await findManifest(layout, entry, platform, 0);
  const manifest = await layout.readJson(manifestDescriptor, schema.manifest);
  if (!isConfig(manifest.config.mediaType)) {
    throw new ImageError("TS7007", `it is an artifact of type ${manifest.artifactType ?? manifest.config.mediaType}, not an image`, {
      blob: manifestDescriptor.digest,
    });
  }
  const config = await layout.readJson(manifest.config, schema.imageConfig);
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new ImageError("TS7002", `the config has ${config.rootfs.diff_ids.length} diff_ids for ${manifest.layers.length} layers`, {
      blob: manifest.config.digest,
    });
  }
  return { layout, entry, manifestDescriptor, manifest, config };
}

function findEntry(layout: Layout, index: schema.Index, name: string | undefined): schema.Descriptor {
  const names = index.manifests.flatMap(({ annotations }) => annotations?.[REF_NAME] ?? []);
  const hint = names.length === 0 ? "the index has no names" : `it has: ${names.join(", ")}`;
  if (name === undefined) {
    const [only, ...others] = index.manifests;
    if (only !== undefined && others.length === 0) return only;
    throw new ImageError("TS7006", `${layout.path} has ${index.manifests.length} images: name one`, { hint });
  }
  const found = index.manifests.filter(({ annotations }) => annotations?.[REF_NAME] === name);
  const [entry, ...others] = found;
  if (entry === undefined) throw new ImageError("TS7006", `${layout.path} has no image "${name}"`, { hint });
  if (others.length > 0) throw new ImageError("TS7006", `${layout.path} has ${found.length} images of the name "${name}"`);
  return entry;
}

async function findManifest(layout: Layout, descriptor: schema.Descriptor, platform: schema.Platform | undefined, depth: number): Promise<schema.Descriptor> {
  if (isManifest(descriptor.mediaType)) return descriptor;
  if (!isIndex(descriptor.mediaType))
    throw new ImageError("TS7007", `it is neither a manifest nor an index: ${descriptor.mediaType}`, { blob: descriptor.digest });
  if (depth >= MAX_DEPTH) throw new ImageError("TS7005", `indexes are nested more than ${MAX_DEPTH} deep`, { blob: descriptor.digest });
  const wanted = platform ?? hostPlatform();
  const { manifests } = await layout.readJson(descriptor, schema.index);
  const entry = manifests.find((one) => fits(one.platform, wanted)) ?? manifests.find((one) => isIndex(one.mediaType) && one.platform === undefined);
  if (entry !== undefined) return findManifest(layout, entry, wanted, depth + 1);
  const has = manifests.flatMap((one) => (one.platform === undefined ? [] : platformText(one.platform)));
  throw new ImageError("TS7006", `the image is not there for ${platformText(wanted)}`, {
    blob: descriptor.digest,
    hint: `--platform: it has ${has.join(", ") || "no platforms"}`,
  });
}

function fits(has: schema.Platform | undefined, wanted: schema.Platform): boolean {
  return (
    has !== undefined && has.os === wanted.os && has.architecture === wanted.architecture && (wanted.variant === undefined || has.variant === wanted.variant)
  );
}

export function platformText({ os, architecture, variant }: schema.Platform): string {
  return variant === undefined || variant === "" ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}
