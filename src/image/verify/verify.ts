// Every descriptor that can be reached in a layout, against its blob: what is there, whole and of the form that it claims. All that is
// wrong is found at once; what is below a broken document cannot be.
import type { TSchema } from "typebox";
import { ImageError } from "../errors.ts";
import { openLayer, readBlob } from "../layer/source.ts";
import { MAX_DEPTH } from "../layout/image.ts";
import { Layout, parseJson, schemaProblems } from "../layout/layout.ts";
import { findEntry, nameOf } from "../layout/references.ts";
import { startStage } from "../progress.ts";
import { compressionOf, INDEX, isForeign, isIndex, isManifest } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import { configProblems, descriptorProblems, indexProblems, isImage, manifestProblems, type Problem } from "./documents.ts";
import { type Finding, findingOf } from "./finding.ts";

export interface Verified {
  readonly blobs: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
}

/** A blob that is no document of the walk: to be read once, and for a layer also unpacked once per diff_id. */
interface Content {
  readonly descriptor: schema.Descriptor;
  readonly diffId: string | undefined;
  readonly path: string;
}

/** Layers at a time: one inflates in a thread while another is hashed. */
const PARALLEL = 4;

/** `name`: this image alone. */
export async function verifyLayout(path: string, name: string | undefined): Promise<Verified> {
  return new Verifier(Layout.unchecked(path)).run(name);
}

class Verifier {
  readonly #layout: Layout;
  readonly #findings: Finding[] = [];
  /** Documents, by media type and digest: a digest may be used as two things. */
  readonly #walked = new Set<string>();
  readonly #contents = new Map<string, Content>();
  /** Digests and sizes of what was read. */
  readonly #blobs = new Map<string, number>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async run(name: string | undefined): Promise<Verified> {
    await this.#checkLayoutFile();
    const index = await this.#checkIndexFile();
    if (index !== undefined) {
      const all = index.manifests.map((one, i) => [one, `index.json > manifests/${i}${nameOf(one) === undefined ? "" : ` (${nameOf(one)})`}`] as const);
      const asked = name === undefined ? undefined : findEntry(index, this.#layout.path, name);
      for (const [one, path] of all) if (asked === undefined || one === asked) await this.#walk(one, path, 0);
      if (index.subject !== undefined && asked === undefined) await this.#walkSubject(index.subject, "index.json", 0);
    }
    await this.#checkContents();
    const bytes = [...this.#blobs.values()].reduce((sum, size) => sum + size, 0);
    return { blobs: this.#blobs.size, bytes, findings: this.#findings };
  }

  async #checkLayoutFile(): Promise<void> {
    const file = await this.#readFile("oci-layout", schema.layoutFile, 'image-layout.md, "oci-layout file"');
    if (file !== undefined && file.imageLayoutVersion !== "1.0.0")
      this.#add("TS7002", "oci-layout", `imageLayoutVersion is "${file.imageLayoutVersion}", not "1.0.0"`, 'image-layout.md, "oci-layout file"', "oci-layout");
  }

  async #checkIndexFile(): Promise<schema.Index | undefined> {
    const index = await this.#readFile("index.json", schema.index, 'image-layout.md, "index.json file"');
    if (index !== undefined) this.#addProblems(indexProblems(index, INDEX), "index.json", "index.json");
    return index;
  }

  async #readFile<S extends TSchema>(name: "oci-layout" | "index.json", type: S, rule: string): Promise<schema.Static<S> | undefined> {
    try {
      return this.#parse(await this.#layout.readFile(name), type, name, rule, name);
    } catch (error) {
      this.#findings.push({ ...findingOf(error, name, rule, name), rule });
      return undefined;
    }
  }

  /** The document, unless it is broken. */
  #parse<S extends TSchema>(bytes: Buffer, type: S, blob: string, rule: string, path: string): schema.Static<S> | undefined {
    const value = parseJson(bytes, blob);
    const problems = schemaProblems(type, value);
    for (const message of problems) this.#add("TS7002", blob, message, rule, path);
    return problems.length === 0 ? (value as schema.Static<S>) : undefined;
  }

  async #walk(descriptor: schema.Descriptor, path: string, depth: number): Promise<void> {
    const { mediaType, digest } = descriptor;
    this.#addProblems(descriptorProblems(descriptor), digest, path);
    const isDocument = isIndex(mediaType) || isManifest(mediaType);
    // A type that is not known is no error (image-index.md, "manifests"), but its blob must be what the descriptor says.
    if (!isDocument) return this.#addContent(descriptor, undefined, path);
    if (this.#walked.has(`${mediaType} ${digest}`)) return;
    this.#walked.add(`${mediaType} ${digest}`);
    if (depth >= MAX_DEPTH) return this.#add("TS7005", digest, `indexes are nested more than ${MAX_DEPTH} deep`, "a limit of tsrun's", path);
    await (isIndex(mediaType) ? this.#walkIndex(descriptor, path, depth) : this.#walkManifest(descriptor, path, depth));
  }

  async #walkIndex(descriptor: schema.Descriptor, path: string, depth: number): Promise<void> {
    const index = await this.#readDocument(descriptor, schema.index, 'image-index.md, "Image Index Property Descriptions"', path);
    if (index === undefined) return;
    this.#addProblems(indexProblems(index, descriptor.mediaType), descriptor.digest, path);
    for (const [i, one] of index.manifests.entries()) await this.#walk(one, `${path} > manifests/${i}`, depth + 1);
    if (index.subject !== undefined) await this.#walkSubject(index.subject, path, depth);
  }

  async #walkManifest(descriptor: schema.Descriptor, path: string, depth: number): Promise<void> {
    const manifest = await this.#readDocument(descriptor, schema.manifest, 'manifest.md, "Image Manifest Property Descriptions"', path);
    if (manifest === undefined) return;
    this.#addProblems(manifestProblems(manifest, descriptor.mediaType), descriptor.digest, path);
    for (const [i, one] of [manifest.config, ...manifest.layers].entries())
      this.#addProblems(descriptorProblems(one), one.digest, `${path} > ${i === 0 ? "config" : `layers/${i - 1}`}`);
    if (manifest.subject !== undefined) await this.#walkSubject(manifest.subject, path, depth);
    if (!isImage(manifest)) this.#addContent(manifest.config, undefined, `${path} > config`);
    const config = isImage(manifest) ? await this.#readDocument(manifest.config, schema.imageConfig, 'config.md, "Properties"', `${path} > config`) : undefined;
    if (config !== undefined) this.#addProblems(configProblems(config, manifest), manifest.config.digest, `${path} > config`);
    for (const [i, layer] of manifest.layers.entries()) this.#addContent(layer, config?.rootfs.diff_ids[i], `${path} > layers/${i}`);
  }

  /** What a subject refers to need not be there (manifest.md, "subject"). */
  async #walkSubject(subject: schema.Descriptor, path: string, depth: number): Promise<void> {
    const before = this.#findings.length;
    await this.#walk(subject, `${path} > subject`, depth + 1);
    const added = this.#findings.splice(before);
    this.#findings.push(...added.filter(({ code, blob }) => code !== "TS7001" || blob !== subject.digest));
  }

  async #readDocument<S extends TSchema>(descriptor: schema.Descriptor, type: S, rule: string, path: string): Promise<schema.Static<S> | undefined> {
    const { digest, size } = descriptor;
    try {
      const bytes = await this.#layout.readBlob(descriptor);
      this.#blobs.set(digest, size);
      return this.#parse(bytes, type, digest, rule, path);
    } catch (error) {
      this.#findings.push(findingOf(error, digest, rule, path));
      return undefined;
    }
  }

  #addContent(descriptor: schema.Descriptor, diffId: string | undefined, path: string): void {
    const key = `${descriptor.mediaType} ${descriptor.digest} ${descriptor.size} ${diffId}`;
    if (!this.#contents.has(key)) this.#contents.set(key, { descriptor, diffId, path });
  }

  async #checkContents(): Promise<void> {
    const contents = [...this.#contents.values()];
    const queue = contents.entries();
    const found: (Finding | undefined)[] = [];
    const stage = startStage(
      "verifying",
      contents.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
    );
    const worker = async () => {
      for (const [i, content] of queue) found[i] = await this.#checkContent(content, (bytes) => stage.add(bytes));
    };
    try {
      await Promise.all(Array.from({ length: PARALLEL }, worker));
    } finally {
      stage.end();
    }
    for (const finding of found) if (finding !== undefined) this.#findings.push(finding);
  }

  async #checkContent({ descriptor, diffId, path }: Content, onRead: (bytes: number) => void): Promise<Finding | undefined> {
    const { digest, size, mediaType } = descriptor;
    // Layers that must not be distributed are fetched from elsewhere (layer.md).
    const mayBeAway = isForeign(mediaType) || (descriptor.urls?.length ?? 0) > 0;
    const isLayer = diffId !== undefined && compressionOf(mediaType) !== undefined;
    try {
      for await (const _ of isLayer ? openLayer(this.#layout, descriptor, diffId, { onRead }) : readBlob(this.#layout, descriptor, onRead));
      this.#blobs.set(digest, size);
      return undefined;
    } catch (error) {
      if (mayBeAway && error instanceof ImageError && error.code === "TS7001") return undefined;
      return await this.#contentFinding(error, descriptor, path);
    }
  }

  /** A layer's content is only to blame when its blob is the one that was meant. */
  async #contentFinding(error: unknown, descriptor: schema.Descriptor, path: string): Promise<Finding> {
    const { digest } = descriptor;
    try {
      if (error instanceof ImageError && ["TS7004", "TS7010"].includes(error.code)) for await (const _ of readBlob(this.#layout, descriptor));
    } catch (first) {
      return findingOf(first, digest, "", path);
    }
    const finding = findingOf(error, digest, 'descriptor.md, "Properties"', path);
    return finding.code === "TS7004" ? { ...finding, rule: 'config.md, "Layer DiffID"' } : finding;
  }

  #add(code: string, blob: string, message: string, rule: string, path: string): void {
    this.#findings.push({ code, blob, rule, message, path });
  }

  #addProblems(problems: readonly Problem[], blob: string, path: string): void {
    for (const [message, rule] of problems) this.#add("TS7002", blob, message, rule, path);
  }
}
