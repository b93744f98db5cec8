// A layout made of documents as they are, right or wrong: for what no builder of good images would make.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";

export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const CONFIG = "application/vnd.oci.image.config.v1+json";
export const LAYER = "application/vnd.oci.image.layer.v1.tar";
export const REF_NAME = "org.opencontainers.image.ref.name";
/** A tar archive without entries. */
export const EMPTY_LAYER = Buffer.alloc(1024);

export interface Described {
  mediaType: string;
  digest: string;
  size: number;
  [more: string]: unknown;
}

export function digestOf(content: Uint8Array | string, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
}

export function blobFile(layout: string, digest: string): string {
  return `${layout}/blobs/${digest.replace(":", "/")}`;
}

export function putBlob(layout: string, mediaType: string, content: Uint8Array | string, algorithm = "sha256"): Described {
  const digest = digestOf(content, algorithm);
  mkdirSync(`${layout}/blobs/${algorithm}`, { recursive: true });
  writeFileSync(blobFile(layout, digest), content);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}

export function putJson(layout: string, mediaType: string, value: unknown): Described {
  return putBlob(layout, mediaType, JSON.stringify(value));
}

/** An image of plain layers. */
export function putImage(
  layout: string,
  options: { layers?: readonly Uint8Array[]; config?: object; manifest?: object; algorithm?: string } = {},
): Described & { layers: Described[]; config: Described } {
  const contents = options.layers ?? [EMPTY_LAYER];
  const layers = contents.map((content) => putBlob(layout, LAYER, content, options.algorithm));
  const rootfs = { type: "layers", diff_ids: contents.map((content) => digestOf(content)) };
  const config = putJson(layout, CONFIG, { architecture: "amd64", os: "linux", config: {}, rootfs, ...options.config });
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers, ...options.manifest };
  return { ...putJson(layout, MANIFEST, manifest), layers, config };
}

export function putLayout(layout: string, manifests: readonly object[], more: object = {}): void {
  mkdirSync(`${layout}/blobs/sha256`, { recursive: true });
  writeFileSync(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests, ...more }));
}

/** As the index has it: without what putImage adds for the tests. */
export function entry({ mediaType, digest, size }: Described, name?: string, more: object = {}): Described {
  return { mediaType, digest, size, ...(name === undefined ? {} : { annotations: { [REF_NAME]: name } }), ...more };
}
