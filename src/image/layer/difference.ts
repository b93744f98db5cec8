// A bundle's root filesystem, compared with what was unpacked into it -> a new layer of the image, or none.
import { createHash } from "node:crypto";
import type { Image } from "../layout/image.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import { native } from "../native.ts";
import { startStage } from "../progress.ts";
import type { Raw } from "../raw.ts";
import type { Compression } from "../spec/media-types.ts";
import { ArchiveWriter } from "../tar/writer.ts";
import { type Change, type CompareOptions, compareTrees } from "../tree/compare.ts";
import { LinkGroups } from "../tree/links.ts";
import { openTreeRecord, type TreeRecordWriter } from "../tree/record.ts";
import { HeldEntry, scanTree } from "../tree/scan.ts";
import { ChangeSpool } from "../tree/spool.ts";
import { compareContent } from "../tree/suspects.ts";
import { LayerBlob, type NewLayer } from "./compress.ts";
import { packChanges, readContent } from "./pack.ts";

export interface DifferenceOptions extends CompareOptions {
  readonly bundle: string;
  /** The root filesystem: its path and a descriptor of it. */
  readonly tree: string;
  readonly rootFd: number;
  readonly isRootless: boolean;
  readonly compression: Compression;
  /** Gets the tree as it is packed. */
  readonly record: TreeRecordWriter | undefined;
}

/** What the image has got by it; undefined: nothing has changed. `image`: what was unpacked. */
export async function packDifference(image: Image, writer: LayoutWriter, options: DifferenceOptions): Promise<NewLayer | undefined> {
  const spool = new ChangeSpool(options.bundle);
  try {
    const links = new LinkGroups();
    findChanges(spool, links, options);
    const changed = await findChangedContent(spool, links, image, options);
    const changes = () => decided(spool, links, changed);
    let bytes = 0;
    let isEmpty = true;
    for (const { size = 0 } of changes()) {
      isEmpty = false;
      bytes += size;
    }
    return isEmpty ? undefined : await pack(changes(), bytes, writer, options);
  } finally {
    spool.close();
  }
}

function findChanges(spool: ChangeSpool, links: LinkGroups, { bundle, tree, rootFd, record, ...options }: DifferenceOptions): void {
  const old = openTreeRecord(bundle);
  try {
    const now = scanTree(rootFd, tree, (bytes) => record?.write(bytes));
    try {
      for (const change of compareTrees(old.records, now.records, links, options)) spool.add(change);
    } finally {
      now.close();
    }
  } finally {
    old.close();
  }
  record?.finish();
}

/** A touched file that is in the layer whatever its content, because another name of its inode is. */
function isWanted(change: Change, links: LinkGroups): boolean {
  return change.inode !== undefined && links.isWanted(change.inode);
}

/** One bit for each touched file, in order, whose content has to be looked at: it is another one. */
async function findChangedContent(spool: ChangeSpool, links: LinkGroups, image: Image, { rootFd, tree }: DifferenceOptions): Promise<Bits> {
  const suspects = function* () {
    for (const change of spool.read()) if (isSuspect(change, links)) yield change.path;
  };
  const changed = new Bits();
  if (suspects().next().done) return changed;
  const stage = startStage(
    "comparing",
    image.manifest.layers.reduce((sum, { size }) => sum + size, 0),
  );
  try {
    for await (const isSame of compareContent(image, suspects(), (path) => digestOf(rootFd, tree, path), stage.add)) changed.add(!isSame);
  } finally {
    stage.end();
  }
  return changed;
}

function isSuspect(change: Change, links: LinkGroups): boolean {
  return change.kind === "touched" && change.size !== undefined && !isWanted(change, links);
}

/** Of a file's content; undefined: it is none any more. */
async function digestOf(rootFd: number, tree: string, path: Raw): Promise<Buffer | undefined> {
  const held = HeldEntry.open(rootFd, tree, path);
  try {
    const entry = held?.read()?.entry;
    if (held === undefined || entry?.kind !== "file") return undefined;
    const fd = held.openContent();
    try {
      const hash = createHash("sha256");
      for await (const bytes of readContent(fd, path, entry.size)) hash.update(bytes);
      return hash.digest();
    } finally {
      native.close(fd);
    }
  } finally {
    held?.close();
  }
}

/** The changes that are in the layer. */
function* decided(spool: ChangeSpool, links: LinkGroups, changed: Bits): Generator<Change> {
  let suspect = 0;
  for (const change of spool.read()) {
    if (change.kind !== "touched" || isWanted(change, links)) yield change;
    else if (isSuspect(change, links) && changed.has(suspect++)) yield change;
  }
}

async function pack(changes: Iterable<Change>, bytes: number, writer: LayoutWriter, options: DifferenceOptions): Promise<NewLayer> {
  const blob = await LayerBlob.open(writer, options.compression);
  const stage = startStage("packing", bytes);
  try {
    const archive = new ArchiveWriter((chunk) => blob.write(chunk));
    await packChanges(changes, { ...options, onContent: stage.add }, archive);
    await archive.end();
    return await blob.finish();
  } catch (error) {
    await blob.discard();
    throw error;
  } finally {
    stage.end();
  }
}

class Bits {
  #bytes = new Uint8Array(1 << 10);
  #length = 0;

  add(bit: boolean): void {
    const at = this.#length++;
    if (at >> 3 >= this.#bytes.length) {
      const longer = new Uint8Array(this.#bytes.length * 2);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    if (bit) this.#bytes[at >> 3] = (this.#bytes[at >> 3] ?? 0) | (1 << (at & 7));
  }

  has(at: number): boolean {
    return ((this.#bytes[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }
}
