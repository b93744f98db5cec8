// Image layouts for tests: images from lists of members, with anything in them that should not be there.
/// <reference types="bun" />
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Descriptor, Platform } from "../../../src/image/spec/schema.ts";
import { archive, type Member } from "./archive.ts";

export type Compression = "none" | "gzip" | "zstd";

export interface LayerSpec {
  /** Members of the archive, or the archive itself. */
  readonly members?: readonly (Member | Uint8Array)[];
  readonly archive?: Buffer;
  readonly compression?: Compression;
  /** The compressed bytes, where they are not those of the archive. */
  readonly blob?: Buffer;
  /** What the config says where it is not the truth. */
  readonly diffId?: string;
  /** What the descriptor says where it is not the truth. */
  readonly descriptor?: Partial<Descriptor>;
}

export interface ImageSpec {
  readonly layers?: readonly (LayerSpec | readonly (Member | Uint8Array)[])[];
  /** `config` of the image's configuration. */
  readonly config?: object;
  /** Other members of the configuration. */
  readonly properties?: object;
  /** Other members of the manifest. */
  readonly manifest?: object;
  readonly name?: string;
  readonly platform?: Platform;
}

export const HOST: Platform = { os: "linux", architecture: { x64: "amd64", ia32: "386" }[process.arch as string] ?? process.arch };

const PREFIX = "application/vnd.oci.image.";
const SUFFIXES: Record<Compression, string> = { none: "", gzip: "+gzip", zstd: "+zstd" };

export function digestOf(bytes: Uint8Array, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

export function compress(bytes: Uint8Array, compression: Compression): Buffer {
  if (compression === "gzip") return gzipSync(bytes, { level: 1 });
  return compression === "zstd" ? Buffer.from(Bun.zstdCompressSync(bytes)) : Buffer.from(bytes);
}

export function writeBlob(layout: string, bytes: Uint8Array, mediaType: string, algorithm = "sha256"): Descriptor {
  const digest = digestOf(bytes, algorithm);
  const [, hex = ""] = digest.split(":");
  mkdirSync(`${layout}/blobs/${algorithm}`, { recursive: true });
  writeFileSync(`${layout}/blobs/${algorithm}/${hex}`, bytes);
  return { mediaType, digest, size: bytes.length };
}

export function writeJson(layout: string, value: object, mediaType: string): Descriptor {
  return writeBlob(layout, Buffer.from(JSON.stringify(value)), mediaType);
}

function writeLayer(layout: string, spec: LayerSpec): { readonly descriptor: Descriptor; readonly diffId: string } {
  const bytes = spec.archive ?? archive(spec.members ?? []);
  const compression = spec.compression ?? "gzip";
  const blob = spec.blob ?? compress(bytes, compression);
  return {
    descriptor: { ...writeBlob(layout, blob, `${PREFIX}layer.v1.tar${SUFFIXES[compression]}`), ...spec.descriptor },
    diffId: spec.diffId ?? digestOf(bytes),
  };
}

/** The manifest's descriptor, with the name of the image. */
export function writeImage(layout: string, spec: ImageSpec): Descriptor {
  const layers = (spec.layers ?? []).map((one) => writeLayer(layout, "length" in one ? { members: one } : one));
  const config = {
    ...(spec.platform ?? HOST),
    created: "2024-01-02T03:04:05.678Z",
    config: spec.config ?? {},
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map((_, i) => ({ created: "2024-01-02T03:04:05Z", created_by: `step ${i}` })),
    ...spec.properties,
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${PREFIX}manifest.v1+json`,
    config: writeJson(layout, config, `${PREFIX}config.v1+json`),
    layers: layers.map(({ descriptor }) => descriptor),
    ...spec.manifest,
  };
  const descriptor = writeJson(layout, manifest, `${PREFIX}manifest.v1+json`);
  return spec.name === undefined ? descriptor : { ...descriptor, annotations: { "org.opencontainers.image.ref.name": spec.name } };
}

/** The layout's index gets these descriptors, after what it has. */
export function addToIndex(layout: string, ...descriptors: readonly Descriptor[]): void {
  const path = `${layout}/index.json`;
  const before = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).manifests : [];
  writeFileSync(path, JSON.stringify({ schemaVersion: 2, mediaType: `${PREFIX}index.v1+json`, manifests: [...before, ...descriptors] }));
  writeFileSync(`${layout}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

/** A layout with these images in it. */
export function makeLayout(layout: string, ...images: readonly ImageSpec[]): string {
  mkdirSync(layout, { recursive: true });
  addToIndex(layout, ...images.map((one) => writeImage(layout, one)));
  return layout;
}
