// What a layer has put into directories that were there before it: its whiteouts must not hide that, wherever in the archive they
// are (image-spec, layer.md, "Whiteouts"). A million names take 16 MB: each is kept as a hash of 64 bits with a key of this process.
import { randomInt } from "node:crypto";
import type { Raw } from "../raw.ts";

/** A directory, by its inode. */
export interface DirectoryId {
  readonly inodeHigh: number;
  readonly inodeLow: number;
}

export class Names {
  readonly #seed = randomInt(2 ** 32);
  #high = new Uint32Array(1024);
  #low = new Uint32Array(1024);
  #size = 0;
  #hashHigh = 0;
  #hashLow = 0;

  get size(): number {
    return this.#size;
  }

  add(directory: DirectoryId, name: Raw): void {
    this.#hash(directory, name);
    if (this.#insert(this.#hashHigh, this.#hashLow)) this.#size++;
    if (this.#size * 2 > this.#low.length) this.#grow();
  }

  has(directory: DirectoryId, name: Raw): boolean {
    if (this.#size === 0) return false;
    this.#hash(directory, name);
    const place = this.#find(this.#hashHigh, this.#hashLow);
    return this.#low[place] !== 0;
  }

  /** Two hashes of 32 bits (the steps of MurmurHash3 with other constants for each). */
  #hash({ inodeHigh, inodeLow }: DirectoryId, name: Raw): void {
    let a = Math.imul(this.#seed ^ inodeLow, 0x85ebca6b);
    let b = Math.imul(~this.#seed ^ inodeLow ^ (inodeHigh << 7), 0xc2b2ae35);
    for (let i = 0; i < name.length; i++) {
      const byte = name.charCodeAt(i);
      a = Math.imul(a ^ byte, 0xcc9e2d51);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b ^ byte, 0x1b873593);
      b = (b << 15) | (b >>> 17);
    }
    this.#hashHigh = mix(a ^ name.length);
    // 0 marks an empty place.
    this.#hashLow = mix(b ^ inodeHigh) || 1;
  }

  #find(high: number, low: number): number {
    const mask = this.#low.length - 1;
    let place = (high ^ low) & mask;
    while (this.#low[place] !== 0 && (this.#low[place] !== low || this.#high[place] !== high)) place = (place + 1) & mask;
    return place;
  }

  #insert(high: number, low: number): boolean {
    const place = this.#find(high, low);
    if (this.#low[place] !== 0) return false;
    this.#high[place] = high;
    this.#low[place] = low;
    return true;
  }

  #grow(): void {
    const high = this.#high;
    const low = this.#low;
    this.#high = new Uint32Array(high.length * 2);
    this.#low = new Uint32Array(low.length * 2);
    for (let i = 0; i < low.length; i++) if (low[i] !== 0) this.#insert(high[i] ?? 0, low[i] ?? 0);
  }
}

/** The last step of MurmurHash3. */
export function mix(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
