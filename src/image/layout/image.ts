// A reference -> one image: through the index, nested indexes and the platform, down to manifest and config.
import { arch } from "node:process";
import { ImageError } from "../errors.ts";
import { isConfig, isIndex, isManifest } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import type { Layout } from "./layout.ts";
import { findEntry } from "./references.ts";

/** An index in an index in ...: deeper than anyone nests them, and a bound for one that holds itself. */
export const MAX_DEPTH = 8;
/** Node's names of architectures -> Go's, which images have. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/** Where a reference leads to. */
export interface Found {
  /** The index's entry that was asked for. */
  readonly entry: schema.Descriptor;
  /** From the entry down: the indexes that were gone through; none when the entry is the manifest. */
  readonly indexes: readonly schema.Descriptor[];
  readonly manifestDescriptor: schema.Descriptor;
}

export interface Image extends Found {
  readonly layout: Layout;
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
  return readImage(layout, await findManifest(layout, name, platform));
}

export async function readImage(layout: Layout, found: Found): Promise<Image> {
  const blob = found.manifestDescriptor.digest;
  const manifest = await layout.readJson(found.manifestDescriptor, schema.manifest);
  refuseBoth(manifest, ["manifests"], blob);
  if (!isConfig(manifest.config.mediaType))
    throw new ImageError("TS7007", `it is an artifact of type ${manifest.artifactType ?? manifest.config.mediaType}, not an image`, { blob });
  const config = await layout.readJson(manifest.config, schema.imageConfig);
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new ImageError("TS7002", `the config has ${config.rootfs.diff_ids.length} diff_ids for ${manifest.layers.length} layers`, {
      blob: manifest.config.digest,
    });
  }
  return { ...found, layout, manifest, config };
}

export async function findManifest(layout: Layout, name: string | undefined, platform: schema.Platform | undefined): Promise<Found> {
  return findManifestOf(layout, findEntry(await layout.index(), layout.path, name), platform);
}

/** Of an image with several platforms it is the one asked for, or this machine's. */
export async function findManifestOf(layout: Layout, entry: schema.Descriptor, platform: schema.Platform | undefined): Promise<Found> {
  const indexes: schema.Descriptor[] = [];
  const wanted = platform ?? hostPlatform();
  let present = entry;
  while (!isManifest(present.mediaType)) {
    if (!isIndex(present.mediaType)) throw new ImageError("TS7007", `it is neither a manifest nor an index: ${present.mediaType}`, { blob: present.digest });
    if (indexes.length >= MAX_DEPTH) throw new ImageError("TS7005", `indexes are nested more than ${MAX_DEPTH} deep`, { blob: present.digest });
    indexes.push(present);
    const index = await layout.readJson(present, schema.index);
    refuseBoth(index, ["config", "layers"], present.digest);
    present = chooseManifest(present, index, wanted);
  }
  return { entry, indexes, manifestDescriptor: present };
}

/** What is a manifest to one tool and an index to another is two images under one digest (CVE-2021-41190). */
function refuseBoth(document: object, others: readonly string[], blob: string): void {
  const other = others.find((name) => name in document);
  if (other !== undefined) throw new ImageError("TS7002", `it is manifest and index at once: it has "${other}" as well`, { blob });
}

function chooseManifest(descriptor: schema.Descriptor, { manifests }: schema.Index, wanted: schema.Platform): schema.Descriptor {
  const entry = manifests.find((one) => fits(one.platform, wanted)) ?? manifests.find((one) => isIndex(one.mediaType) && one.platform === undefined);
  if (entry !== undefined) return entry;
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
