// Single files of an image without unpacking it: the layers are streamed, and of each only the symbolic links and the wanted files are
// kept. Whiteouts, links and replaced directories count as when it is unpacked.
import { ImageError } from "../errors.ts";
import type { Image } from "../layout/image.ts";
import type { Entry } from "../tar/entry.ts";
import { ArchiveReader } from "../tar/reader.ts";
import { openLayer } from "./source.ts";

/** As the kernel's bound for symbolic links on one path. */
const MOST_LINKS = 40;
/** Each further pass is for a wanted file that turned out to be a link to elsewhere. */
const MOST_PASSES = 10;
const MOST_NODES = 1_000_000;
const MOST_BYTES = 4 << 20;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

type Node = Directory | Link | File;
class Directory {
  readonly children = new Map<string, Node>();
}
class Link {
  readonly target: string;
  readonly layer: number;
  constructor(target: string, layer: number) {
    this.target = target;
    this.layer = layer;
  }
}
class File {
  /** Undefined: it is a hard link to a file that was not wanted when it came by. */
  readonly content: Buffer | undefined;
  readonly layer: number;
  constructor(content: Buffer | undefined, layer: number) {
    this.content = content;
    this.layer = layer;
  }
}

/** Contents of the files at these paths in the image's root filesystem; undefined for what is not there or is no file. */
export async function peek(image: Image, paths: readonly string[]): Promise<(Buffer | undefined)[]> {
  const wanted = new Set<string>();
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const tree = new Tree(wanted);
    for (const path of paths) wanted.add(tree.resolve(path, true).join("/"));
    for (const [layer] of image.manifest.layers.entries()) await readLayer(image, layer, tree);
    const ends = paths.map((path) => tree.resolve(path, true).join("/"));
    if (ends.every((end) => wanted.has(end)) && !tree.hasGaps) return ends.map((end) => tree.contentOf(end));
    for (const end of ends) wanted.add(end);
  }
  throw new ImageError("TS7005", `links lead from file to file: ${paths.join(", ")} could not be found in ${MOST_PASSES} passes`);
}

async function readLayer({ layout, manifest, config }: Image, layer: number, tree: Tree): Promise<void> {
  const descriptor = manifest.layers[layer];
  if (descriptor === undefined) return;
  const archive = new ArchiveReader(openLayer(layout, descriptor, config.rootfs.diff_ids[layer]), descriptor.digest);
  for (let entry = await archive.next(); entry !== undefined; entry = await archive.next()) {
    const content = tree.wants(entry) ? await readContent(archive, entry, descriptor.digest) : undefined;
    tree.add(entry, content, layer);
  }
  await archive.drain();
}

async function readContent(archive: ArchiveReader, entry: Entry, blob: string): Promise<Buffer> {
  if (entry.size > MOST_BYTES) throw new ImageError("TS7005", `the file has ${entry.size} bytes, more than ${MOST_BYTES}`, { blob, entry: entry.path });
  const pieces: Uint8Array[] = [];
  for (let piece = await archive.read(); piece !== undefined; piece = await archive.read()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** What is known of the image's tree: symbolic links, wanted files and the directories on the way to them. */
class Tree {
  readonly #root = new Directory();
  readonly #wanted: Set<string>;
  #count = 0;
  /** A wanted file was a hard link to one that was not: it takes another pass. */
  hasGaps = false;

  constructor(wanted: Set<string>) {
    this.#wanted = wanted;
  }

  wants(entry: Entry): boolean {
    return entry.kind === "file" && this.#wanted.has(this.resolve(entry.path, false).join("/"));
  }

  add(entry: Entry, content: Buffer | undefined, layer: number): void {
    const path = this.resolve(entry.path, false);
    const name = path.at(-1);
    const parent = path.slice(0, -1);
    if (name === OPAQUE) this.#clear(this.#find(parent), layer);
    else if (name?.startsWith(WHITEOUT)) this.#removeOlder(parent, name.slice(WHITEOUT.length), layer);
    else if (entry.kind !== "directory") this.#replace(path, this.#nodeOf(entry, path.join("/"), content, layer));
    else if (!(this.#find(path) instanceof Directory)) this.#remove(path);
  }

  #replace(path: readonly string[], node: Node | undefined): void {
    this.#remove(path);
    if (node !== undefined) this.#put(path, node);
  }

  contentOf(path: string): Buffer | undefined {
    const node = this.#find(path.split("/"));
    return node instanceof File ? node.content : undefined;
  }

  /** Names from the root, links followed as if it were "/"; the last one's only when asked for. What is not known is a directory. */
  resolve(path: string, followsLast: boolean): string[] {
    const rest = path.split("/").reverse();
    const names: string[] = [];
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        names.pop();
        continue;
      }
      names.push(name);
      const isLast = rest.every((one) => one === "" || one === ".");
      const node = isLast && !followsLast ? undefined : this.#find(names);
      if (!(node instanceof Link)) continue;
      if (++links > MOST_LINKS) return names;
      names.pop();
      if (node.target.startsWith("/")) names.length = 0;
      rest.push(...node.target.split("/").reverse());
    }
    return names;
  }

  #nodeOf(entry: Entry, path: string, content: Buffer | undefined, layer: number): Node | undefined {
    if (entry.kind === "symlink") return new Link(entry.link, layer);
    if (entry.kind === "file") return content === undefined ? undefined : new File(content, layer);
    if (entry.kind !== "hardlink") return undefined;
    const target = this.resolve(entry.link, false);
    const node = this.#find(target);
    if (node instanceof Link) return new Link(node.target, layer);
    if (!this.#wanted.has(path)) return undefined;
    if (node instanceof File) return new File(node.content, layer);
    this.hasGaps ||= !this.#wanted.has(target.join("/"));
    this.#wanted.add(target.join("/"));
    return undefined;
  }

  #find(path: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path) node = node instanceof Directory ? node.children.get(name) : undefined;
    return node;
  }

  #put(path: readonly string[], node: Node): void {
    if (++this.#count > MOST_NODES) throw new ImageError("TS7005", `the image has more than ${MOST_NODES} symbolic links`);
    let at = this.#root;
    for (const name of path.slice(0, -1)) {
      const next = at.children.get(name);
      const directory = next instanceof Directory ? next : new Directory();
      if (directory !== next) at.children.set(name, directory);
      at = directory;
    }
    at.children.set(path.at(-1) ?? "", node);
  }

  #remove(path: readonly string[]): void {
    const parent = this.#find(path.slice(0, -1));
    if (parent instanceof Directory) parent.children.delete(path.at(-1) ?? "");
  }

  /** A whiteout hides what lower layers have, and nothing of its own. */
  #removeOlder(parent: readonly string[], name: string, layer: number): void {
    const directory = this.#find(parent);
    const node = directory instanceof Directory ? directory.children.get(name) : undefined;
    if (node instanceof Directory) this.#clear(node, layer);
    else if (node !== undefined && node.layer < layer) this.#remove([...parent, name]);
  }

  #clear(node: Node | undefined, layer: number): void {
    if (!(node instanceof Directory)) return;
    for (const [name, child] of node.children) {
      if (child instanceof Directory) this.#clear(child, layer);
      else if (child.layer < layer) node.children.delete(name);
    }
  }
}
