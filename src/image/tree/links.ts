// Hard links of two states of a tree: which groups of names have become others. A layer that has one name of an inode must have them
// all, for a link into a lower layer is no link any more once that layer is below an overlay.
import type { Records } from "./packed.ts";

export class LinkGroups {
  /** Inodes of which a name is in the layer: all their names are to be. */
  readonly #wanted = new Set<string>();
  readonly #newOf = new Map<string, string>();
  readonly #oldOf = new Map<string, string>();

  /** A name that the layer has. */
  want(now: Records): void {
    if (now.isLinked) this.#wanted.add(now.inode);
  }

  isWanted(inode: string): boolean {
    return this.#wanted.has(inode);
  }

  /** A name whose inode was touched or is another, but says the same. True: it does not belong any more to the names that it belonged to. */
  isApart(old: Records, now: Records): boolean {
    if (!old.isLinked && !now.isLinked) return false;
    const before = old.inode;
    const after = now.inode;
    const newInode = this.#newOf.get(before) ?? after;
    const oldInode = this.#oldOf.get(after) ?? before;
    this.#newOf.set(before, newInode);
    this.#oldOf.set(after, oldInode);
    // It has joined names of another inode.
    if (oldInode !== before) this.want(now);
    return newInode !== after;
  }
}
