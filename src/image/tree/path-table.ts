// Paths and a digest for each, outside of the JavaScript heap: a million take some 60 MB. A path is kept as a hash of 128 bits with a key of this
// process.
import { randomInt } from "node:crypto";
import { mix } from "../layer/names.ts";
import type { Raw } from "../raw.ts";
import { Column } from "./numbers.ts";

const DIGEST = 32;
const KEY_WORDS = 4;
const EMPTY = -1;
/** Digests in one piece of memory. */
const PART = 1 << 12;

/** Paths counted as they are met. */
export class Paths {
  #count = 0;
  /** Numbers of paths, by their keys. */
  #slots = new Int32Array(1 << 11).fill(EMPTY);
  readonly #keys = [new Column(Uint32Array), new Column(Uint32Array), new Column(Uint32Array), new Column(Uint32Array)] as const;

  /** The number of a path, which is a new one where it was not met. */
  add(path: Raw): number {
    const slot = this.#slotOf(path);
    const found = this.#slots[slot] ?? EMPTY;
    if (found !== EMPTY) return found;
    const at = this.#count++;
    for (const [i, column] of this.#keys.entries()) column.set(at, key[i] ?? 0);
    this.#slots[slot] = at;
    if (this.#count * 2 > this.#slots.length) this.#grow();
    return at;
  }

  /** -1: it was not added. */
  find(path: Raw): number {
    return this.#count === 0 ? EMPTY : (this.#slots[this.#slotOf(path)] ?? EMPTY);
  }

  /** None was met. Memory is used again: the garbage collector would leave that of many rounds behind. */
  clear(): void {
    this.#count = 0;
    this.#slots.fill(EMPTY);
  }

  /** Where it is, or would be; its key is in `key`. */
  #slotOf(path: Raw): number {
    setKey(path);
    const [a = 0, b = 0, c = 0, d = 0] = key;
    const [first, second, third, fourth] = this.#keys;
    const mask = this.#slots.length - 1;
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const at = this.#slots[slot] ?? EMPTY;
      if (at === EMPTY || (first.get(at) === a && second.get(at) === b && third.get(at) === c && fourth.get(at) === d)) return slot;
    }
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    const mask = slots.length - 1;
    for (let at = 0; at < this.#count; at++) {
      let slot = this.#keys[0].get(at) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = at;
    }
    this.#slots = slots;
  }
}

export class PathTable {
  readonly #paths = new Paths();
  readonly #digests: Buffer[] = [];
  readonly #hasDigest = new Column(Uint8Array);

  has(path: Raw): boolean {
    return this.#paths.find(path) !== EMPTY;
  }

  add(path: Raw): void {
    this.#paths.add(path);
  }

  /** One byte per character. Undefined: the path has none, or was not added. */
  digest(path: Raw): Raw | undefined {
    const at = this.#paths.find(path);
    if (at === EMPTY || this.#hasDigest.get(at) === 0) return undefined;
    const start = (at % PART) * DIGEST;
    return this.#part(at).toString("latin1", start, start + DIGEST) as Raw;
  }

  setDigest(path: Raw, digest: Raw | undefined): void {
    const at = this.#paths.find(path);
    if (at === EMPTY) return;
    this.#hasDigest.set(at, digest === undefined ? 0 : 1);
    if (digest !== undefined) this.#part(at).write(digest, (at % PART) * DIGEST, DIGEST, "latin1");
  }

  /** The paths stay, without digests. */
  clearDigests(): void {
    this.#hasDigest.clear();
  }

  clear(): void {
    this.#paths.clear();
    this.#hasDigest.clear();
  }

  #part(at: number): Buffer {
    const which = Math.floor(at / PART);
    const part = this.#digests[which] ?? Buffer.allocUnsafeSlow(PART * DIGEST);
    this.#digests[which] = part;
    return part;
  }
}

const seeds = new Uint32Array(KEY_WORDS);
const key = new Uint32Array(KEY_WORDS);

/** Four hashes of 32 bits, the steps of MurmurHash3 with other constants for each. A cryptographic one would take most of the time. */
function setKey(path: Raw): void {
  while (seeds[0] === 0) for (let i = 0; i < KEY_WORDS; i++) seeds[i] = randomInt(2 ** 32);
  let [a = 0, b = 0, c = 0, d = 0] = seeds;
  for (let i = 0; i < path.length; i++) {
    const byte = path.charCodeAt(i);
    a = Math.imul(a ^ byte, 0xcc9e2d51);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ byte, 0x1b873593);
    b = (b << 15) | (b >>> 17);
    c = Math.imul(c ^ byte, 0x239b961b);
    c = (c << 11) | (c >>> 21);
    d = Math.imul(d ^ byte, 0x38b34ae5);
    d = (d << 17) | (d >>> 15);
  }
  key[0] = mix(a ^ path.length);
  key[1] = mix(b);
  key[2] = mix(c);
  key[3] = mix(d);
}
