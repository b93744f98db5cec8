// The images of a `docker save` archive: manifest.json says which config and which layers belong together.
import { ImageError } from "../errors.ts";
import { writeManifest } from "../layout/commit.ts";
import { parseDocument } from "../layout/layout.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import { rawOf } from "../raw.ts";
import { type DockerImage, dockerManifest } from "../spec/docker.ts";
import { CONFIG } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import type { Members } from "./members.ts";

/** An image whose blobs are in the layout, and what it was called. */
export interface Arrived {
  readonly names: readonly string[];
  readonly descriptor: schema.Descriptor;
}

export async function dockerImages(writer: LayoutWriter, members: Members, manifest: Buffer, what: string): Promise<Arrived[]> {
  const images: Arrived[] = [];
  for (const image of parseDocument(manifest, dockerManifest, `${what}: manifest.json`)) images.push(await arrive(writer, members, image, what));
  return images;
}

async function arrive(writer: LayoutWriter, members: Members, { Config, RepoTags, Layers }: DockerImage, what: string): Promise<Arrived> {
  const missing = (path: string) => new ImageError("TS7001", "manifest.json names it, and it is not in the archive", { blob: what, entry: rawOf(path) });
  const bytes = members.document(Config);
  if (bytes === undefined) throw missing(Config);
  const config = parseDocument(bytes, schema.imageConfig, `${what}: ${Config}`);
  const layers = (Layers ?? []).map((path) => {
    const layer = members.layer(path);
    if (layer === undefined) throw missing(path);
    return { path, ...layer };
  });
  const { diff_ids } = config.rootfs;
  if (diff_ids.length !== layers.length)
    throw new ImageError("TS7002", `the config has ${diff_ids.length} diff_ids for ${layers.length} layers`, { blob: what, entry: rawOf(Config) });
  for (const [i, { path, diffId }] of layers.entries()) {
    if (diffId === diff_ids[i]) continue;
    throw new ImageError("TS7004", `the layer is ${diffId}, the config says ${diff_ids[i]}`, { blob: what, entry: rawOf(path) });
  }
  // As it is: its digest is Docker's id of the image.
  const descriptor = await writer.writeBlob([bytes], CONFIG);
  return { names: RepoTags ?? [], descriptor: await writeManifest(writer, descriptor, { layers: layers.map((layer) => layer.descriptor) }) };
}
