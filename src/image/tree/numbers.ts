// Numbers outside of the JavaScript heap: columns that grow without being copied, and inodes counted as they are met. A million inodes take 20 MB.

const PART = 1 << 14;
const EMPTY = -1;

/** A list of numbers, 0 where none was set. */
export class Column<T extends Uint8Array | Uint32Array | Float64Array> {
  readonly #make: new (
    length: number,
  ) => T;
  readonly #parts: T[] = [];

  constructor(make: new (length: number) => T) {
    this.#make = make;
  }

  get(at: number): number {
    return this.#parts[Math.floor(at / PART)]?.[at % PART] ?? 0;
  }

  set(at: number, value: number): void {
    const part = Math.floor(at / PART);
    const numbers = this.#parts[part] ?? new this.#make(PART);
    this.#parts[part] = numbers;
    numbers[at % PART] = value;
  }

  /** All are 0 again. */
  clear(): void {
    for (const part of this.#parts) part?.fill(0);
  }
}

/** What it is made of: halves of its number, and that of its device, which is any number that names one. */
export interface Inode {
  readonly device: number;
  readonly inodeHigh: number;
  readonly inodeLow: number;
}

export class Inodes {
  #count = 0;
  /** Numbers of inodes, by their hash. */
  #slots = new Int32Array(1 << 10).fill(EMPTY);
  readonly #high = new Column(Uint32Array);
  readonly #low = new Column(Uint32Array);
  readonly #device = new Column(Uint8Array);
  readonly #devices: number[] = [];

  /** The same number for the same inode: 0 for the first one, and so on. */
  number(inode: Inode): number {
    const slot = this.#slotOf(inode);
    const found = this.#slots[slot] ?? EMPTY;
    if (found !== EMPTY) return found;
    const number = this.#count++;
    this.#slots[slot] = number;
    this.#high.set(number, inode.inodeHigh);
    this.#low.set(number, inode.inodeLow);
    this.#device.set(number, this.#devices.indexOf(inode.device));
    if (this.#count * 2 > this.#slots.length) this.#grow();
    return number;
  }

  /** Where it is, or would be. */
  #slotOf({ device, inodeHigh, inodeLow }: Inode): number {
    let which = this.#devices.indexOf(device);
    // The walk of a tree fails at 255 devices.
    if (which < 0) which = this.#devices.push(device) - 1;
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(which, inodeHigh, inodeLow) & mask; ; slot = (slot + 1) & mask) {
      const at = this.#slots[slot] ?? EMPTY;
      if (at === EMPTY || (this.#low.get(at) === inodeLow && this.#high.get(at) === inodeHigh && this.#device.get(at) === which)) return slot;
    }
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    const mask = slots.length - 1;
    for (let at = 0; at < this.#count; at++) {
      let slot = hashOf(this.#device.get(at), this.#high.get(at), this.#low.get(at)) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = at;
    }
    this.#slots = slots;
  }
}

function hashOf(device: number, high: number, low: number): number {
  const hash = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ device, 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}
