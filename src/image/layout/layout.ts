// An image layout (image-spec, image-layout.md): its index, and blobs by their descriptors, verified when they are read.
import { type FileHandle, open, readFile } from "node:fs/promises";
import type { TSchema } from "typebox";
import Value from "typebox/value";
import { ImageError } from "../errors.ts";
import * as schema from "../spec/schema.ts";
import { blobPath, digestOf, hashOf, parseDigest } from "./digest.ts";

/** Largest JSON document that is read into memory (distribution-spec advises registries of 4 MiB). */
const MAX_DOCUMENT = 16 << 20;

export class Layout {
  readonly path: string;
  private constructor(path: string) {
    this.path = path;
  }

  static async open(path: string): Promise<Layout> {
    const layout = new Layout(path);
    const file = await layout.readDocument("oci-layout", schema.layoutFile);
    if (!/^1\./.test(file.imageLayoutVersion))
      throw new ImageError("TS7002", `image layout version "${file.imageLayoutVersion}" is not known`, { blob: `${path}/oci-layout` });
    return layout;
  }

  index(): Promise<schema.Index> {
    return this.readDocument("index.json", schema.index);
  }

  /** Path of a blob on the host. */
  blobFile(digest: string): string {
    return `${this.path}/${blobPath(digest)}`;
  }

  /** A small blob, in whole: its size and digest hold. */
  async readBlob(descriptor: schema.Descriptor): Promise<Buffer> {
    const file = this.blobFile(descriptor.digest);
    if (descriptor.size > MAX_DOCUMENT)
      throw new ImageError("TS7005", `the document has ${descriptor.size} bytes, more than ${MAX_DOCUMENT}`, { blob: descriptor.digest });
    const bytes = await readWhole(file, descriptor.digest, descriptor.size);
    if (bytes.length !== descriptor.size)
      throw new ImageError("TS7004", `the blob has ${bytes.length} bytes, its descriptor says ${descriptor.size}`, { blob: descriptor.digest });
    const found = digestOf(parseDigest(descriptor.digest)[0], hashOf(descriptor.digest).update(bytes));
    if (found !== descriptor.digest) throw new ImageError("TS7004", `the blob's digest is ${found}`, { blob: descriptor.digest });
    return bytes;
  }

  /** A blob that is a JSON document of this schema. */
  async readJson<S extends TSchema>(descriptor: schema.Descriptor, type: S): Promise<schema.Static<S>> {
    return parseDocument(await this.readBlob(descriptor), type, descriptor.digest);
  }

  private async readDocument<S extends TSchema>(name: string, type: S): Promise<schema.Static<S>> {
    const path = `${this.path}/${name}`;
    return parseDocument(await readWhole(path, path, MAX_DOCUMENT), type, path);
  }
}

async function readWhole(path: string, what: string, limit: number): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const { size } = await file.stat();
    if (size > Math.max(limit, MAX_DOCUMENT)) throw new ImageError("TS7005", `the document has ${size} bytes, more than ${limit}`, { blob: what });
    return await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new ImageError("TS7001", "it is not there", { blob: what, cause });
  } finally {
    await file?.close();
  }
}

function parseDocument<S extends TSchema>(bytes: Buffer, type: S, what: string): schema.Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ImageError("TS7002", `it is no JSON document: ${cause instanceof Error ? cause.message : cause}`, { blob: what, cause });
  }
  const [problem] = Value.Errors(type, value);
  if (problem !== undefined)
    throw new ImageError("TS7002", `${problem.instancePath === "" ? "the document" : problem.instancePath}: ${problem.message}`, { blob: what });
  return value as schema.Static<S>;
}
