// Hard links of two states of a tree: which groups of names have become others. A layer that has one name of an inode must have them
// all, for a link into a lower layer is no link any more once that layer is below an overlay.
import { Column, Inodes } from "./numbers.ts";
import type { Records } from "./packed.ts";

export class LinkGroups {
  /** Inodes of the present tree. */
  readonly #now = new Inodes();
  /** 1 for those of which a name is in the layer: all their names are to be. */
  readonly #wanted = new Column(Uint8Array);
  /** The first recorded inode that a name of this one belonged to; 0: none has been seen. Numbers of the other tree, and 1. */
  readonly #oldOf = new Column(Uint32Array);
  readonly #old = new Inodes();
  readonly #newOf = new Column(Uint32Array);

  /** Names the inode of a present entry. */
  inode(now: Records): number {
    return this.#now.number(now);
  }

  /** A name that the layer has. */
  want(now: Records): void {
    if (now.isLinked) this.#wanted.set(this.inode(now), 1);
  }

  isWanted(inode: number): boolean {
    return this.#wanted.get(inode) === 1;
  }

  /** A name whose inode was touched or is another, but says the same. True: it does not belong any more to the names that it belonged to. */
  isApart(old: Records, now: Records): boolean {
    if (!old.isLinked && !now.isLinked) return false;
    const before = this.#old.number(old);
    const after = this.#now.number(now);
    if (this.#newOf.get(before) === 0) this.#newOf.set(before, after + 1);
    if (this.#oldOf.get(after) === 0) this.#oldOf.set(after, before + 1);
    // It has joined names of another inode.
    if (this.#oldOf.get(after) !== before + 1) this.want(now);
    return this.#newOf.get(before) !== after + 1;
  }
}
