// Paths and a digest for each, outside of the JavaScript heap: a million take some 60 MB. A path is kept as 128 bits of its hash.
import { createHash } from "node:crypto";
import type { Raw } from "../raw.ts";

const DIGEST = 32;
const KEY_WORDS = 4;
const EMPTY = -1;

export class PathTable {
  #count = 0;
  /** Numbers of paths, by their keys. */
  #slots = new Int32Array(1 << 11).fill(EMPTY);
  #keys = new Int32Array(KEY_WORDS << 10);
  #digests = new Uint8Array(DIGEST << 10);
  #hasDigest = new Uint8Array(1 << 10);

  has(path: Raw): boolean {
    const key = keyOf(path);
    return this.#slots[this.#slotOf(key, 0)] !== EMPTY;
  }

  add(path: Raw): void {
    const key = keyOf(path);
    const slot = this.#slotOf(key, 0);
    if (this.#slots[slot] !== EMPTY) return;
    const at = this.#count++;
    if (at >= this.#hasDigest.length) this.#grow();
    this.#keys.set(key, at * KEY_WORDS);
    this.#slots[this.#slotOf(key, 0)] = at;
  }

  /** Undefined: the path has none, or was not added. */
  digest(path: Raw): Uint8Array | undefined {
    const at = this.#slots[this.#slotOf(keyOf(path), 0)] ?? EMPTY;
    return at === EMPTY || this.#hasDigest[at] === 0 ? undefined : this.#digests.subarray(at * DIGEST, (at + 1) * DIGEST);
  }

  setDigest(path: Raw, digest: Uint8Array | undefined): void {
    const at = this.#slots[this.#slotOf(keyOf(path), 0)] ?? EMPTY;
    if (at === EMPTY) return;
    this.#hasDigest[at] = digest === undefined ? 0 : 1;
    if (digest !== undefined) this.#digests.set(digest, at * DIGEST);
  }

  /** The paths stay, without digests. */
  clearDigests(): void {
    this.#hasDigest.fill(0);
  }

  /** Where this key is, or would be. */
  #slotOf(key: Int32Array, offset: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = (key[offset] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const at = this.#slots[slot] ?? EMPTY;
      if (at === EMPTY || this.#isKey(at, key, offset)) return slot;
    }
  }

  #isKey(at: number, key: Int32Array, offset: number): boolean {
    for (let i = 0; i < KEY_WORDS; i++) if (this.#keys[at * KEY_WORDS + i] !== key[offset + i]) return false;
    return true;
  }

  #grow(): void {
    const longer = <T extends Int32Array | Uint8Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    this.#keys = longer(this.#keys, new Int32Array(this.#keys.length * 2));
    this.#digests = longer(this.#digests, new Uint8Array(this.#digests.length * 2));
    this.#hasDigest = longer(this.#hasDigest, new Uint8Array(this.#hasDigest.length * 2));
    this.#slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    for (let at = 0; at < this.#count - 1; at++) this.#slots[this.#slotOf(this.#keys, at * KEY_WORDS)] = at;
  }
}

function keyOf(path: Raw): Int32Array {
  const { buffer, byteOffset } = createHash("sha256").update(path, "latin1").digest();
  return new Int32Array(buffer.slice(byteOffset, byteOffset + KEY_WORDS * 4));
}
