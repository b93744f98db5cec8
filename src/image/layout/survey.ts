// What is in a layout: each manifest that its index leads to, with what config and layers say. For looking at: what is broken or not
// there is told in its row, and the others go on.
import { TsrunError } from "../../errors.ts";
import { isConfig, isIndex, isManifest } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import type { Layout } from "./layout.ts";
import { nameOf } from "./references.ts";

export interface Row {
  /** Of the index's entry that leads to it. */
  readonly name: string | undefined;
  readonly kind: "image" | "artifact" | "index" | "other";
  readonly descriptor: schema.Descriptor;
  readonly platform: schema.Platform | undefined;
  readonly artifactType: string | undefined;
  readonly created: string | undefined;
  /** Of a manifest: its layers, and the bytes of config and layers as they are stored. */
  readonly layers: number | undefined;
  readonly size: number | undefined;
  /** Why there is no more to say. */
  readonly problem: string | undefined;
}

/** The rows of one entry of the index: an index comes before what is in it. */
export function surveyEntry(layout: Layout, entry: schema.Descriptor): Promise<Row[]> {
  return survey(layout, entry, nameOf(entry), new Set());
}

/** `indexes`: those that have been looked into. One that is in many others is not looked into again: that would never end. */
async function survey(layout: Layout, descriptor: schema.Descriptor, name: string | undefined, indexes: Set<string>): Promise<Row[]> {
  const plain: Row = {
    name,
    kind: isIndex(descriptor.mediaType) ? "index" : isManifest(descriptor.mediaType) ? "image" : "other",
    descriptor,
    platform: descriptor.platform,
    artifactType: descriptor.artifactType,
    created: undefined,
    layers: undefined,
    size: undefined,
    problem: undefined,
  };
  try {
    if (plain.kind === "image") return [await manifestRow(layout, plain)];
    if (plain.kind === "other") return [plain];
    if (indexes.has(descriptor.digest)) return [plain];
    indexes.add(descriptor.digest);
    const { manifests, artifactType } = await layout.readJson(descriptor, schema.index);
    const rows: Row[] = [{ ...plain, artifactType: artifactType ?? plain.artifactType }];
    for (const one of manifests) rows.push(...(await survey(layout, one, name, indexes)));
    return rows;
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    return [{ ...plain, problem: error.message }];
  }
}

async function manifestRow(layout: Layout, row: Row): Promise<Row> {
  const { config, layers, artifactType } = await layout.readJson(row.descriptor, schema.manifest);
  const size = config.size + layers.reduce((sum, layer) => sum + layer.size, 0);
  const known = { ...row, layers: layers.length, size };
  if (!isConfig(config.mediaType)) return { ...known, kind: "artifact", artifactType: artifactType ?? config.mediaType };
  const { created, os, architecture, variant } = await layout.readJson(config, schema.imageConfig);
  return { ...known, created, platform: row.platform ?? { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}
