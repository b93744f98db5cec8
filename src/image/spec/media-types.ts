// Media types that the tool knows: the image-spec's own, and Docker's for the same things (image-spec, media-types.md).

export const INDEX = "application/vnd.oci.image.index.v1+json";
export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const CONFIG = "application/vnd.oci.image.config.v1+json";
export const LAYER = "application/vnd.oci.image.layer.v1.tar";
const NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar";
const DOCKER_LAYER = "application/vnd.docker.image.rootfs.";

const DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";

export type Compression = "none" | "gzip" | "zstd";

const LAYERS: Readonly<Record<string, Compression>> = {
  [LAYER]: "none",
  [`${LAYER}+gzip`]: "gzip",
  [`${LAYER}+zstd`]: "zstd",
  [NONDISTRIBUTABLE]: "none",
  [`${NONDISTRIBUTABLE}+gzip`]: "gzip",
  [`${NONDISTRIBUTABLE}+zstd`]: "zstd",
  [`${DOCKER_LAYER}diff.tar`]: "none",
  [`${DOCKER_LAYER}diff.tar.gzip`]: "gzip",
  [`${DOCKER_LAYER}diff.tar.zstd`]: "zstd",
  [`${DOCKER_LAYER}foreign.diff.tar.gzip`]: "gzip",
};

export function isIndex(mediaType: string): boolean {
  return mediaType === INDEX || mediaType === DOCKER_INDEX;
}

export function isManifest(mediaType: string): boolean {
  return mediaType === MANIFEST || mediaType === DOCKER_MANIFEST;
}

export function isConfig(mediaType: string): boolean {
  return mediaType === CONFIG || mediaType === DOCKER_CONFIG;
}

/** Undefined for what is no layer of a filesystem. */
export function compressionOf(mediaType: string): Compression | undefined {
  return Object.hasOwn(LAYERS, mediaType) ? LAYERS[mediaType] : undefined;
}

/** The image-spec's type for a layer of Docker's type, which a manifest of the image-spec must not mix in. */
export function ociLayerType(mediaType: string): string {
  const compression = compressionOf(mediaType);
  if (compression === undefined || !mediaType.startsWith(DOCKER_LAYER)) return mediaType;
  const base = isForeign(mediaType) ? NONDISTRIBUTABLE : LAYER;
  return compression === "none" ? base : `${base}+${compression}`;
}

/** A layer that may not be distributed: it need not be in the layout. */
export function isForeign(mediaType: string): boolean {
  return mediaType.startsWith(NONDISTRIBUTABLE) || mediaType.startsWith(`${DOCKER_LAYER}foreign.`);
}
