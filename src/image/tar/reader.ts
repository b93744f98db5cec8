// The bytes of an archive as they come -> its entries and their content. What is buffered is parsed without a promise: most
// entries of a layer are small, and thousands of them are in one chunk.
import { ImageError } from "../errors.ts";
import type { Raw } from "../raw.ts";
import type { Entry } from "./entry.ts";
import { BLOCK, Broken, type Header, isZero, parseDecimal, parseHeader, parseLong, parseSize, Unsupported } from "./header.ts";
import { decimal, makeEntry, pathOf } from "./make-entry.ts";
import { parseRecords, type Records } from "./pax.ts";
import { addOldPieces, addPaxPieces, MapInContent, SparseMap } from "./sparse.ts";

/** Largest extended header or long name: as in Go's reader, which Docker, containerd and umoci use. */
const MAX_META = 1 << 20;
const key = (text: string) => text as Raw;
const NOTHING: Records = new Map();

/** More bytes are needed. */
const MORE = Symbol("more");
type More = typeof MORE;

/** Pairs of the PAX format 0.0, in place of a list in one record (0.1). */
interface LocalRecords {
  readonly records: Records;
  readonly pairs: readonly number[];
}

export class ArchiveReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #blob: string | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #isOver = false;
  /** Content of the current entry that was not read yet, and the zeros after it. */
  #left = 0;
  #padding = 0;
  /** Name of the last entry whose header was read; `#isAfter`: the one after it is being read. */
  #last: Raw | undefined;
  #isAfter = true;
  /** What is collected before an entry is complete. */
  #globals: Records = new Map();
  #locals: LocalRecords | undefined;
  #longName: Raw | undefined;
  #longLink: Raw | undefined;
  #meta: Header | undefined;
  #oldSparse: { readonly block: Buffer; readonly header: Header; readonly map: SparseMap } | undefined;
  #mapInContent: { readonly entry: Entry; readonly map: MapInContent } | undefined;
  #hadZeros = false;
  #isEnded = false;

  /** `blob`: what errors name. */
  constructor(source: AsyncIterable<Uint8Array>, blob?: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#blob = blob;
  }

  /**
   * The next entry, whatever was left of the last one's content; undefined at the end of the archive. A promise only when bytes
   * have to be waited for. The source must be read to its end by `drain`.
   */
  next(): Entry | undefined | Promise<Entry | undefined> {
    const entry = this.#step();
    return entry === MORE ? this.#nextLater() : entry;
  }

  /** The next piece of the current entry's content; undefined at its end. */
  read(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    return this.#available === 0 ? this.#readLater() : this.#piece();
  }

  /** The rest of the current entry's content in one: for small files. */
  rest(): Uint8Array | Promise<Uint8Array> {
    return this.#available < this.#left && !this.#isOver ? this.#restLater() : this.#takeRest();
  }

  /** Reads the source to its end: the bytes after an archive belong to its digest. */
  async drain(): Promise<void> {
    this.#buffer = Buffer.alloc(0);
    this.#at = 0;
    while (!this.#isOver) this.#isOver = (await this.#source.next()).done === true;
  }

  /** Ends the source before its end. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#source.return?.();
  }

  get #available(): number {
    return this.#buffer.length - this.#at;
  }

  async #nextLater(): Promise<Entry | undefined> {
    for (;;) {
      await this.#fill(this.#meta === undefined ? BLOCK : this.#meta.size + padding(this.#meta.size));
      const entry = this.#step();
      if (entry !== MORE) return entry;
    }
  }

  async #readLater(): Promise<Uint8Array | undefined> {
    await this.#fill(1);
    return this.#piece();
  }

  async #restLater(): Promise<Uint8Array> {
    await this.#fill(this.#left);
    return this.#takeRest();
  }

  #piece(): Uint8Array {
    if (this.#available === 0) throw this.#truncated();
    const piece = this.#buffer.subarray(this.#at, this.#at + Math.min(this.#left, this.#available));
    this.#at += piece.length;
    this.#left -= piece.length;
    return piece;
  }

  #takeRest(): Uint8Array {
    if (this.#available < this.#left) throw this.#truncated();
    const rest = this.#buffer.subarray(this.#at, this.#at + this.#left);
    this.#at += this.#left;
    this.#left = 0;
    return rest;
  }

  /** Until `length` bytes are there, or the source has ended. */
  async #fill(length: number): Promise<void> {
    const chunks: Uint8Array[] = [this.#buffer.subarray(this.#at)];
    let total = this.#available;
    // At least one chunk: whoever asks has used up what is there.
    do {
      const { value, done } = await this.#source.next();
      if (done) {
        this.#isOver = true;
        break;
      }
      chunks.push(value);
      total += value.length;
    } while (total < length);
    const [first, second, ...others] = chunks;
    if (first?.length === 0 && second !== undefined && others.length === 0) this.#buffer = Buffer.from(second.buffer, second.byteOffset, second.length);
    else this.#buffer = Buffer.concat(chunks, total);
    this.#at = 0;
  }

  #truncated(): ImageError {
    return this.#error("the archive ends in the middle of this entry");
  }

  #error(message: string, code = "TS7010"): ImageError {
    const which = this.#last === undefined ? "the first entry: " : "the entry after this one: ";
    return new ImageError(code, `${this.#isAfter ? which : ""}${message}`, { blob: this.#blob, entry: this.#last });
  }

  #step(): Entry | undefined | More {
    try {
      return this.#parse();
    } catch (error) {
      if (error instanceof Broken) throw this.#error(error.message, error instanceof Unsupported ? "TS7011" : "TS7010");
      throw error;
    }
  }

  #parse(): Entry | undefined | More {
    for (;;) {
      if (this.#isEnded) return undefined;
      if (this.#mapInContent === undefined && !this.#skip()) return MORE;
      const step = this.#meta !== undefined ? this.#takeMeta(this.#meta) : this.#takeBlock();
      if (step !== undefined) return step;
    }
  }

  /** Over what is left of the last entry; false when bytes are missing. */
  #skip(): boolean {
    const length = Math.min(this.#left + this.#padding, this.#available);
    const content = Math.min(length, this.#left);
    this.#at += length;
    this.#left -= content;
    this.#padding -= length - content;
    if (this.#left + this.#padding === 0) return true;
    if (!this.#isOver) return false;
    if (this.#left > 0) throw this.#truncated();
    // Archives of "umoci insert" end with the last byte of content.
    this.#padding = 0;
    return true;
  }

  /** One block at the place of a header, or of what continues one. `undefined`: go on. */
  #takeBlock(): Entry | undefined | More {
    if (this.#available < BLOCK) {
      if (!this.#isOver) return MORE;
      if (this.#available > 0 || this.#oldSparse !== undefined || this.#mapInContent !== undefined) throw this.#truncated();
      if (this.#locals !== undefined || this.#longName !== undefined || this.#longLink !== undefined)
        throw new Broken("the archive ends after the extended header of an entry");
      this.#isEnded = true;
      return undefined;
    }
    const block = this.#buffer.subarray(this.#at, this.#at + BLOCK);
    this.#at += BLOCK;
    if (this.#oldSparse !== undefined) return this.#takeOldSparse(block);
    if (this.#mapInContent !== undefined) return this.#takeMapInContent(block);
    if (block[0] === 0 && isZero(block)) {
      this.#isEnded = this.#hadZeros;
      this.#hadZeros = true;
      return undefined;
    }
    if (this.#hadZeros) throw new Broken("the archive goes on after its end");
    return this.#takeHeader(block);
  }

  #takeHeader(block: Buffer): Entry | undefined | More {
    this.#isAfter = true;
    const header = parseHeader(block);
    switch (header.type) {
      case "x":
      case "g":
      case "L":
      case "K":
        if (header.size < 0 || header.size > MAX_META) throw new Broken(`an extended header has ${header.size} bytes`);
        this.#meta = header;
        return undefined;
      case "S": {
        const map = new SparseMap();
        addOldPieces(map, block, 386, 4);
        this.#oldSparse = { block: Buffer.from(block), header, map };
        return block[482] === 0 || block[482] === undefined ? this.#endOldSparse() : undefined;
      }
      default:
        return this.#entry(block, header, undefined);
    }
  }

  /** An extended header or a long name, in whole. */
  #takeMeta(header: Header): undefined | More {
    const length = header.size + padding(header.size);
    if (this.#available < length) {
      if (this.#isOver) throw this.#truncated();
      return MORE;
    }
    const bytes = this.#buffer.subarray(this.#at, this.#at + header.size);
    this.#at += length;
    this.#meta = undefined;
    if (header.type === "L") this.#longName = parseLong(bytes);
    else if (header.type === "K") this.#longLink = parseLong(bytes);
    else if (header.type === "x") this.#locals = readLocals(bytes);
    else this.#setGlobals(bytes);
    return undefined;
  }

  #setGlobals(bytes: Buffer): void {
    for (const [name, value] of parseRecords(bytes)) this.#globals.set(name, value);
    let size = 0;
    for (const [name, value] of this.#globals) size += name.length + value.length;
    if (size > MAX_META) throw new Broken(`its global extended headers have more than ${MAX_META} bytes`);
  }

  #takeOldSparse(block: Buffer): Entry | undefined | More {
    if (this.#oldSparse === undefined) return undefined;
    addOldPieces(this.#oldSparse.map, block, 0, 21);
    return block[504] === 0 ? this.#endOldSparse() : undefined;
  }

  #endOldSparse(): Entry | undefined | More {
    if (this.#oldSparse === undefined) return undefined;
    const { block, header, map } = this.#oldSparse;
    this.#oldSparse = undefined;
    return this.#entry(block, header, { map, realSize: parseSize(block, 483) });
  }

  #takeMapInContent(block: Buffer): Entry | undefined | More {
    if (this.#mapInContent === undefined) return undefined;
    const { entry, map } = this.#mapInContent;
    if (this.#left < BLOCK) throw new Broken("its sparse map is longer than its content");
    this.#left -= BLOCK;
    if (!map.take(block)) return undefined;
    this.#mapInContent = undefined;
    map.map.check(entry.realSize ?? 0, this.#left);
    return { ...entry, size: this.#left, sparse: map.map.pieces };
  }

  /** Header, records and long names -> the entry. Global records count where there are no local ones. */
  #entry(block: Buffer, header: Header, oldSparse: { readonly map: SparseMap; readonly realSize: number } | undefined): Entry | undefined {
    const { pairs } = this.#locals ?? { pairs: [] };
    const records = merged(this.#globals, this.#locals?.records);
    const longName = this.#longName;
    const longLink = this.#longLink;
    this.#locals = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;

    const path = pathOf(header, records, longName);
    this.#last = path;
    this.#isAfter = false;
    const entry = makeEntry(path, block, header, records, longLink);
    this.#left = entry.size;
    this.#padding = padding(entry.size);
    return entry.kind === "file" ? this.#sparse(entry, records, pairs, oldSparse) : entry;
  }

  /** A file's entry with its sparse map, if it has one. */
  #sparse(
    entry: Entry,
    records: Records,
    pairs: readonly number[],
    old: { readonly map: SparseMap; readonly realSize: number } | undefined,
  ): Entry | undefined {
    if (old !== undefined) {
      old.map.check(old.realSize, entry.size);
      return { ...entry, sparse: old.map.pieces, realSize: old.realSize };
    }
    const realSize = decimal(records, "GNU.sparse.realsize") ?? decimal(records, "GNU.sparse.size");
    if (realSize === undefined) return entry;
    const major = records.get(key("GNU.sparse.major")) ?? "0";
    const minor = records.get(key("GNU.sparse.minor")) ?? "0";
    if (major === "1" && minor === "0") {
      // Its map is in whole blocks, so the content after it keeps its padding.
      this.#mapInContent = { entry: { ...entry, realSize }, map: new MapInContent() };
      this.#padding = padding(entry.size);
      return undefined;
    }
    if (major !== "0") throw new Unsupported(`it is sparse in the unknown format ${major}.${minor}`);
    const map = new SparseMap();
    const list = records.get(key("GNU.sparse.map"));
    if (list !== undefined) addPaxPieces(map, list);
    else for (let i = 0; i + 1 < pairs.length; i += 2) map.add(pairs[i] ?? 0, pairs[i + 1] ?? 0);
    map.check(realSize, entry.size);
    return { ...entry, sparse: map.pieces, realSize };
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function readLocals(bytes: Buffer): LocalRecords {
  const records: Records = new Map();
  const pairs: number[] = [];
  for (const [name, value] of parseRecords(bytes)) {
    records.set(name, value);
    if (name === "GNU.sparse.offset" || name === "GNU.sparse.numbytes") {
      if ((name === "GNU.sparse.offset") !== (pairs.length % 2 === 0)) throw new Broken("its sparse map has an odd count of numbers");
      pairs.push(parseDecimal(value, "sparse map"));
    }
  }
  return { records, pairs };
}

function merged(globals: Records, locals: Records | undefined): Records {
  if (globals.size === 0) return locals ?? NOTHING;
  return locals === undefined ? globals : new Map([...globals, ...locals]);
}
