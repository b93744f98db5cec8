// The recorded tree and the present one, two sorted streams -> what has changed, in the order of a layer's archive.
import type { Raw } from "../raw.ts";
import type { LinkGroups } from "./links.ts";
import type { Records } from "./packed.ts";

export interface Change {
  /**
   * "touched": kind, mode, owner, size, times, link and extended attributes are the recorded ones, but somebody has had it in his hands,
   * or it is a copy: its content decides, where it has any, and whether its other names are in the layer.
   */
  readonly kind: "added" | "modified" | "deleted" | "touched";
  /** From the root, without a "/" at either end; "" for the root. */
  readonly path: Raw;
  /** Of files that are there: bytes of content. */
  readonly size?: number;
  /** Of touched ones with several names: names the inode (LinkGroups). */
  readonly inode?: number;
}

export interface CompareOptions {
  /** The entry and all below it are taken as unchanged. */
  readonly isMasked: (path: Raw) => boolean;
  /** Hears of what is left out: no image can have a socket, and what is below a mount point is not the bundle's. */
  readonly onLeftOut: (path: Raw, what: "socket" | "mount") => void;
}

/** `links` knows after the last change which inodes the layer has; until then no touched entry with several names is decided. */
export function* compareTrees(old: Records, now: Records, links: LinkGroups, { isMasked, onLeftOut }: CompareOptions): Generator<Change> {
  let hasOld = old.next();
  let hasNow = now.next();
  while (hasOld || hasNow) {
    const order = !hasOld ? 1 : !hasNow ? -1 : orderOf(old, now);
    const path = order < 0 ? old.path : now.path;
    if (isMasked(path)) {
      if (order <= 0) hasOld = old.leave();
      if (order >= 0) hasNow = now.leave();
    } else if (order <= 0 && old.isSocket) {
      // Scanned once, but in no image.
      hasOld = old.next();
    } else if (order >= 0 && now.isSocket) {
      onLeftOut(path, "socket");
      hasNow = now.next();
    } else if (order >= 0 && now.isMount) {
      onLeftOut(path, "mount");
      if (order === 0) hasOld = old.leave();
      hasNow = now.next();
    } else if (order < 0) {
      yield { kind: "deleted", path };
      hasOld = old.leave();
    } else {
      const change = order > 0 ? added(now, path, links) : changeOf(old, now, path, links);
      if (change !== undefined) yield change;
      // What was in a directory goes with it.
      if (order === 0) hasOld = now.isDirectory ? old.next() : old.leave();
      hasNow = now.next();
    }
  }
}

/**
 * Both streams are in the same directory, or one of them has left it for a higher one: it is the other one's turn then.
 * Negative: the old entry is gone. Positive: the new one was not there.
 */
function orderOf(old: Records, now: Records): number {
  if (old.depth !== now.depth) return now.depth - old.depth;
  return old.name === now.name ? 0 : old.name < now.name ? -1 : 1;
}

function added(now: Records, path: Raw, links: LinkGroups): Change {
  links.want(now);
  return { kind: "added", path, ...sizeOf(now) };
}

function changeOf(old: Records, now: Records, path: Raw, links: LinkGroups): Change | undefined {
  if (old.isSameState(now)) {
    if (old.isSameInode(now)) return undefined;
    const isApart = links.isApart(old, now);
    if (!isApart && !now.isFile && !now.isLinked) return undefined;
    if (!isApart) return { kind: "touched", path, ...sizeOf(now), ...(now.isLinked ? { inode: links.inode(now) } : {}) };
  }
  links.want(now);
  return { kind: "modified", path, ...sizeOf(now) };
}

function sizeOf(now: Records): Pick<Change, "size"> {
  return now.isFile ? { size: now.size } : {};
}
