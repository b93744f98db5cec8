// Which blobs of a layout can be reached from its index: through nested indexes, manifests and the subjects of both.
import { ImageError } from "../errors.ts";
import { isIndex, isManifest } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import type { Layout } from "./layout.ts";

/** Digests as they may occur anywhere in a document that is not known. */
const ANY_DIGEST = /\b(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\b/g;
/** Larger ones are no documents. */
const MAX_UNKNOWN = 4 << 20;

export class Reachable {
  readonly digests = new Set<string>();
  readonly #layout: Layout;
  /** A digest may be a layer at one place and a document at another. */
  readonly #walked = new Set<string>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async addIndex(): Promise<void> {
    const index = await this.#layout.index();
    await this.#addAll([...index.manifests, ...(index.subject ? [index.subject] : [])]);
  }

  /** The blob and all below it. What is broken stops the walk: nobody knows what it referred to. */
  async add(descriptor: schema.Descriptor): Promise<void> {
    await this.#addAll([descriptor]);
  }

  async #addAll(descriptors: readonly schema.Descriptor[]): Promise<void> {
    const queue = [...descriptors];
    for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
      this.digests.add(one.digest);
      const key = `${one.mediaType} ${one.digest}`;
      if (this.#walked.has(key)) continue;
      this.#walked.add(key);
      try {
        queue.push(...(await this.#childrenOf(one)));
      } catch (error) {
        // A layout need not have all blobs (image-layout.md); one that is not there leads nowhere.
        if (!(error instanceof ImageError) || error.code !== "TS7001") throw error;
      }
    }
  }

  async #childrenOf(descriptor: schema.Descriptor): Promise<readonly schema.Descriptor[]> {
    if (isIndex(descriptor.mediaType)) {
      const { manifests, subject } = await this.#layout.readJson(descriptor, schema.index);
      return subject === undefined ? manifests : [...manifests, subject];
    }
    if (isManifest(descriptor.mediaType)) {
      const { config, layers, subject } = await this.#layout.readJson(descriptor, schema.manifest);
      return [config, ...layers, ...(subject ? [subject] : [])];
    }
    // A document of a kind that is not known: what it names is kept.
    if (descriptor.mediaType.endsWith("+json") && descriptor.size <= MAX_UNKNOWN) {
      const text = (await this.#layout.readBlob(descriptor)).toString("latin1");
      for (const [digest] of text.matchAll(ANY_DIGEST)) this.digests.add(digest);
    }
    return [];
  }
}
