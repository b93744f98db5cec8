// Images that are made, unpacked and looked at; and a directory beside each bundle that must stay as it is.
import { expect } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Member } from "./archive.ts";
import { type ImageSpec, makeLayout } from "./layout.ts";
import { image, type Ran } from "./tool.ts";
import { type Facts, treeOf } from "./tree.ts";

export interface Unpacked extends Ran {
  readonly bundle: string;
  readonly rootfs: string;
  readonly layout: string;
  /** A directory outside of the bundle, which hostile images try to reach: "../../canary" from the root filesystem. */
  readonly canary: string;
}

export type Layers = readonly (readonly (Member | Uint8Array)[])[];

/** Unpacks an image; whatever comes of it. */
export async function unpackSpec(folder: string, spec: ImageSpec, ...flags: readonly string[]): Promise<Unpacked> {
  mkdirSync(folder);
  const canary = `${folder}/canary`;
  mkdirSync(canary);
  writeFileSync(`${canary}/file`, "untouched");
  const layout = makeLayout(`${folder}/layout`, spec);
  const bundle = `${folder}/bundle`;
  const ran = await image("unpack", "--image", layout, "--quiet", ...flags, bundle);
  expect(readdirSync(folder).filter((name) => !["canary", "layout", "bundle"].includes(name))).toEqual([]);
  expect(readdirSync(canary)).toEqual(["file"]);
  expect(readFileSync(`${canary}/file`, "utf8")).toBe("untouched");
  expect(lstatSync(`${canary}/file`).nlink).toBe(1);
  return { ...ran, bundle, rootfs: `${bundle}/rootfs`, layout, canary };
}

/** Unpacks layers, which must succeed. */
export async function unpack(folder: string, ...layers: Layers): Promise<Unpacked> {
  const unpacked = await unpackSpec(folder, { layers });
  expect(unpacked.err).toBe("");
  expect(unpacked.code).toBe(0);
  return unpacked;
}

/** The tree of layers that must unpack, without its root. */
export async function treeOfLayers(folder: string, ...layers: Layers): Promise<Record<string, Facts>> {
  const { ".": _, ...tree } = treeOf((await unpack(folder, ...layers)).rootfs);
  return tree;
}

/** Unpacks layers, which must be refused: the error, and nothing is left. */
export async function refuse(folder: string, layers: Layers | ImageSpec, ...flags: readonly string[]): Promise<string> {
  const { code, err, bundle } = await unpackSpec(folder, "length" in layers ? { layers: layers as Layers } : (layers as ImageSpec), ...flags);
  expect(err).toMatch(/^tsrun: /);
  expect(code).toBe(1);
  expect(existsSync(bundle)).toBe(false);
  return err;
}
