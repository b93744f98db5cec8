// An image layout (image-spec, image-layout.md): its index, and blobs by their descriptors, verified when they are read.
import { constants } from "node:fs";
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
    const file = await layout.#readDocument("oci-layout", schema.layoutFile).catch((error) => {
      if (error instanceof ImageError && error.code === "TS7001")
        throw new ImageError("TS7001", "there is no image layout: the file oci-layout is not there", { blob: `${path}/oci-layout`, cause: error });
      throw error;
    });
    Layout.checkVersion(file, `${path}/oci-layout`);
    return layout;
  }

  static checkVersion({ imageLayoutVersion }: schema.Static<typeof schema.layoutFile>, what: string): void {
    if (!/^1\./.test(imageLayoutVersion)) throw new ImageError("TS7002", `image layout version "${imageLayoutVersion}" is not known`, { blob: what });
  }

  /** Whatever is there, for verify. */
  static unchecked(path: string): Layout {
    return new Layout(path);
  }

  index(): Promise<schema.Index> {
    return this.#readDocument("index.json", schema.index);
  }

  /** Path of a blob on the host. */
  blobFile(digest: string): string {
    return `${this.path}/${blobPath(digest)}`;
  }

  /** A small blob, in whole: its size and digest hold. */
  async readBlob(descriptor: schema.Descriptor): Promise<Buffer> {
    const file = this.blobFile(descriptor.digest);
    if (descriptor.size > MAX_DOCUMENT) throw tooLarge(descriptor.size, descriptor.digest);
    const bytes = await readWhole(file, descriptor.digest);
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

  /** oci-layout or index.json, as it is. */
  readFile(name: "oci-layout" | "index.json"): Promise<Buffer> {
    const path = `${this.path}/${name}`;
    return readWhole(path, path);
  }

  async #readDocument<S extends TSchema>(name: "oci-layout" | "index.json", type: S): Promise<schema.Static<S>> {
    return parseDocument(await this.readFile(name), type, `${this.path}/${name}`);
  }
}

async function readWhole(path: string, what: string): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    // O_NONBLOCK: a FIFO in its place must not be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw new ImageError("TS7002", "it is no regular file", { blob: what });
    if (stat.size > MAX_DOCUMENT) throw tooLarge(stat.size, what);
    return await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new ImageError("TS7001", "it is not there", { blob: what, cause });
  } finally {
    await file?.close();
  }
}

function tooLarge(size: number, what: string): ImageError {
  return new ImageError("TS7005", `the document has ${size} bytes, more than ${MAX_DOCUMENT}`, { blob: what });
}

/** JSON in UTF-8, or TS7002. */
export function parseJson(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), schema.withoutNulls);
  } catch (cause) {
    throw new ImageError("TS7002", `it is no JSON document: ${cause instanceof Error ? cause.message : cause}`, { blob: what, cause });
  }
}

/** Where a document is not of the schema, in words. */
export function schemaProblems(type: TSchema, value: unknown): string[] {
  return Value.Errors(type, value).map(({ instancePath, message }) => `${instancePath === "" ? "the document" : instancePath}: ${message}`);
}

/** A JSON document of this schema, or TS7002. */
export function parseDocument<S extends TSchema>(bytes: Buffer, type: S, what: string): schema.Static<S> {
  const value = parseJson(bytes, what);
  const [problem] = schemaProblems(type, value);
  if (problem !== undefined) throw new ImageError("TS7002", problem, { blob: what });
  return value as schema.Static<S>;
}
