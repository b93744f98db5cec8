// The images of an archive of an image layout, whose blobs are in our layout now: the entries of its index.
import { ImageError } from "../errors.ts";
import { blobsOf } from "../layout/complete.ts";
import { Layout, parseDocument } from "../layout/layout.ts";
import { nameOf, REF_NAME } from "../layout/references.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import { WHOLE_NAME } from "../spec/docker.ts";
import * as schema from "../spec/schema.ts";
import type { Arrived } from "./docker.ts";

export async function ociImages(writer: LayoutWriter, layoutFile: Buffer, indexFile: Buffer, what: string): Promise<Arrived[]> {
  Layout.checkVersion(parseDocument(layoutFile, schema.layoutFile, `${what}: oci-layout`), `${what}: oci-layout`);
  const { manifests } = parseDocument(indexFile, schema.index, `${what}: index.json`);
  for (const one of manifests) {
    // The same blobs may have been in the layout before the archive came.
    await blobsOf(writer.layout, one).catch((error) => {
      throw error instanceof ImageError ? new ImageError(error.code, `the archive is not whole: ${error.message}`, { blob: error.blob, cause: error }) : error;
    });
  }
  return manifests.map((one) => ({ names: namesOf(one, manifests), descriptor: withoutName(one) }));
}

/** Docker's archives have only the tag in "ref.name": two repositories with a "latest" are told apart by their whole names. */
function namesOf(one: schema.Descriptor, all: readonly schema.Descriptor[]): string[] {
  const name = nameOf(one);
  if (name === undefined) return [];
  const isShared = all.some((other) => nameOf(other) === name && other.digest !== one.digest);
  return [(isShared ? one.annotations?.[WHOLE_NAME] : undefined) ?? name];
}

function withoutName({ annotations, ...one }: schema.Descriptor): schema.Descriptor {
  const { [REF_NAME]: _, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? one : { ...one, annotations: others };
}
