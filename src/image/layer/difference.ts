// A bundle's root filesystem, compared with what was unpacked into it -> a new layer of the image, or none.
import { createHash } from "node:crypto";
import { ImageError } from "../errors.ts";
import type { Image } from "../layout/image.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import { warn } from "../log.ts";
import { native } from "../native.ts";
import { startStage } from "../progress.ts";
import { type Raw, shown } from "../raw.ts";
import type { Compression } from "../spec/media-types.ts";
import { ArchiveWriter, type WholeEntry } from "../tar/writer.ts";
import { type Change, compareTrees } from "../tree/compare.ts";
import { LinkGroups } from "../tree/links.ts";
import { openTreeRecord, type TreeRecordWriter } from "../tree/record.ts";
import { HeldEntry, scanTree } from "../tree/scan.ts";
import { ChangeSpool } from "../tree/spool.ts";
import { compareContent } from "../tree/suspects.ts";
import { LayerBlob, type NewLayer } from "./compress.ts";
import { packChanges, readContent, readWhole, WHOLE } from "./pack.ts";

export interface DifferenceOptions {
  readonly bundle: string;
  /** The root filesystem: its path and a descriptor of it. */
  readonly tree: string;
  readonly rootFd: number;
  readonly isRootless: boolean;
  readonly compression: Compression;
  /** What has changed there and below is left out. */
  readonly isMasked: (path: Raw) => boolean;
  /** Gets the tree as it is packed. */
  readonly record?: TreeRecordWriter | undefined;
  readonly signal?: AbortSignal;
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

function findChanges(spool: ChangeSpool, links: LinkGroups, { bundle, tree, rootFd, record, isMasked }: DifferenceOptions): void {
  const onLeftOut = (path: Raw, what: "socket" | "mount") => {
    if (what === "socket") return warn(`"/${shown(path)}" is a socket, which no image can have: it is left out`);
    // What it covers could not be recorded.
    if (record !== undefined) throw new ImageError("TS7020", `"/${shown(path)}" is a mount point`, { hint: "unmount it, or do without --refresh-bundle" });
    warn(`"/${shown(path)}" is a mount point: the image keeps there what it has`);
  };
  const old = openTreeRecord(bundle);
  try {
    const now = scanTree(rootFd, tree, (bytes) => record?.write(bytes));
    try {
      for (const change of compareTrees(old.records, now.records, links, { isMasked, onLeftOut })) spool.add(change);
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
async function findChangedContent(spool: ChangeSpool, links: LinkGroups, image: Image, options: DifferenceOptions): Promise<Bits> {
  const { bundle, signal } = options;
  const suspects = function* () {
    for (const change of spool.read()) if (isSuspect(change, links)) yield change.path;
  };
  const changed = new Bits();
  if (suspects().next().done) return changed;
  const stage = startStage(
    "comparing",
    image.manifest.layers.reduce((sum, { size }) => sum + size, 0),
  );
  const onRead = (bytes: number) => {
    signal?.throwIfAborted();
    stage.add(bytes);
  };
  try {
    const digest = digestOf(options);
    await compareContent(image, { folder: bundle, paths: suspects, digest, onRead, onCompared: (isSame) => changed.add(!isSame) });
  } finally {
    stage.end();
  }
  return changed;
}

function isSuspect(change: Change, links: LinkGroups): boolean {
  return change.kind === "touched" && change.size !== undefined && !isWanted(change, links);
}

/** Of a file's content; undefined: it is none any more. A promise only for large files. */
function digestOf({ rootFd, tree, signal }: DifferenceOptions): (path: Raw) => Raw | undefined | Promise<Raw> {
  const room = Buffer.allocUnsafeSlow(WHOLE);
  return (path) => {
    const held = HeldEntry.open(rootFd, tree, path);
    try {
      const entry = held?.read()?.entry;
      if (held === undefined || entry?.kind !== "file") return undefined;
      const fd = held.openContent();
      if (entry.size > WHOLE) return digestOfLarge(fd, entry, signal);
      try {
        return createHash("sha256")
          .update(readWhole(fd, entry, room))
          .digest("binary") as Raw;
      } finally {
        native.close(fd);
      }
    } finally {
      held?.close();
    }
  };
}

/** Closes the descriptor. */
async function digestOfLarge(fd: number, { path, size }: WholeEntry, signal: AbortSignal | undefined): Promise<Raw> {
  try {
    const hash = createHash("sha256");
    for await (const bytes of readContent(fd, path, size)) {
      signal?.throwIfAborted();
      hash.update(bytes);
    }
    return hash.digest("binary") as Raw;
  } finally {
    native.close(fd);
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
    const archive = new ArchiveWriter((bytes) => {
      options.signal?.throwIfAborted();
      return blob.write(bytes);
    });
    await packChanges(changes, { ...options, onContent: (length) => stage.add(length) }, archive);
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
