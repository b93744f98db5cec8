// What is in a layout, as a test looks at it: the documents as they are.
import { readdirSync, readFileSync } from "node:fs";
import type { Descriptor, Index } from "../../../src/image/spec/schema.ts";

export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const CONFIG = "application/vnd.oci.image.config.v1+json";
export const LAYER = "application/vnd.oci.image.layer.v1.tar";
export const REF_NAME = "org.opencontainers.image.ref.name";

export function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

export function blobFile(layout: string, digest: string): string {
  return `${layout}/blobs/${digest.replace(":", "/")}`;
}

export function readIndex(layout: string): Index {
  return readJson(`${layout}/index.json`);
}

export function namesOf(layout: string): (string | undefined)[] {
  return readIndex(layout).manifests.map(({ annotations }) => annotations?.[REF_NAME]);
}

/** A manifest and its config, by the descriptor. */
export function readImage(layout: string, descriptor: Pick<Descriptor, "digest">) {
  const manifest = readJson(blobFile(layout, descriptor.digest));
  return { manifest, config: readJson(blobFile(layout, manifest.config.digest)) };
}

/** The same by a name in the index. */
export function readNamed(layout: string, name: string) {
  const descriptor = readIndex(layout).manifests.find(({ annotations }) => annotations?.[REF_NAME] === name);
  if (descriptor === undefined) throw new Error(`${layout} has no ${name}`);
  return { descriptor, ...readImage(layout, descriptor) };
}

/** Digests of all blobs. */
export function blobsOf(layout: string): string[] {
  return readdirSync(`${layout}/blobs`).flatMap((algorithm) => readdirSync(`${layout}/blobs/${algorithm}`).map((hex) => `${algorithm}:${hex}`));
}

/** What a writer that died would leave. */
export function temporariesOf(layout: string): string[] {
  return readdirSync(layout).filter((name) => name.startsWith("."));
}
