// Sparse files (GNU tar's manual, "Storing Sparse Files"): four ways to say where the pieces of content belong -> one list.
import { Broken, inRange, parseDecimal, parseSize } from "./header.ts";

export interface Piece {
  readonly offset: number;
  readonly size: number;
}

/** A bound on memory: GNU tar has none. */
const MAX_PIECES = 1 << 18;

export class SparseMap {
  readonly pieces: Piece[] = [];
  #end = 0;
  #content = 0;

  add(offset: number, size: number): void {
    if (this.pieces.length >= MAX_PIECES) throw new Broken(`its sparse map has more than ${MAX_PIECES} pieces`);
    if (offset < this.#end) throw new Broken("the pieces of its sparse map overlap");
    this.#end = inRange(offset + size, "sparse map");
    this.#content += size;
    this.pieces.push({ offset, size });
  }

  /** The map is complete. */
  check(realSize: number, contentSize: number): void {
    if (this.#end > realSize) throw new Broken("its sparse map goes beyond its size");
    if (this.#content !== contentSize) throw new Broken(`its sparse map has ${this.#content} bytes of content, the archive ${contentSize}`);
  }
}

/** Pairs of a header block of the old GNU format: `count` of them at a place. An empty one ends them. */
export function addOldPieces(map: SparseMap, block: Buffer, at: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const place = at + i * 24;
    if (block[place] === 0 || block[place + 12] === 0) return;
    map.add(parseSize(block, place), parseSize(block, place + 12));
  }
}

/** PAX format 0.1: "offset,size,offset,size...". */
export function addPaxPieces(map: SparseMap, text: string): void {
  const numbers = text === "" ? [] : text.split(",");
  if (numbers.length % 2 !== 0) throw new Broken("its sparse map has an odd count of numbers");
  for (let i = 0; i < numbers.length; i += 2) map.add(parseDecimal(numbers[i] ?? "", "sparse map"), parseDecimal(numbers[i + 1] ?? "", "sparse map"));
}

/** PAX format 1.0: the map is in front of the content, one number per line, filled up to whole blocks. */
export class MapInContent {
  readonly map = new SparseMap();
  #line = "";
  #count: number | undefined;
  #offset: number | undefined;

  /** Takes the next block; true when the map is complete. */
  take(block: Buffer): boolean {
    const lines = (this.#line + block.toString("latin1")).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) {
      const value = parseDecimal(line, "sparse map");
      if (this.#count === undefined) this.#count = value;
      else if (this.#offset === undefined) this.#offset = value;
      else {
        this.map.add(this.#offset, value);
        this.#offset = undefined;
      }
      if (this.#count === this.map.pieces.length) return true;
    }
    if (this.#line.length > 20) throw new Broken("its sparse map is no list of numbers");
    return false;
  }
}
