// The changes of a tree, in order, in a file that has no name: there may be a million of them.
import { closeSync, readSync } from "node:fs";
import type { Raw } from "../raw.ts";
import type { Change } from "./compare.ts";
import { openNameless, writeAll } from "./nameless.ts";

const CHUNK = 64 << 10;
/** Of a change in the file: letter, size, inode, path; each with a 0 at its end, which no path has in it. */
const LETTERS = { added: "a", modified: "m", deleted: "d", touched: "t" } as const;
const KINDS: Readonly<Record<string, Change["kind"]>> = { a: "added", m: "modified", d: "deleted", t: "touched" };
const FIELDS = 4;

export class ChangeSpool {
  readonly #fd: number;
  #pending: string[] = [];
  #pendingLength = 0;

  /** In this directory: a million changes have no place in memory. */
  constructor(folder: string) {
    this.#fd = openNameless(folder);
  }

  add({ kind, size, inode, path }: Change): void {
    const text = `${LETTERS[kind]}\0${size ?? ""}\0${inode ?? ""}\0${path}\0`;
    this.#pending.push(text);
    this.#pendingLength += text.length;
    if (this.#pendingLength >= CHUNK) this.#write();
  }

  /** All of them, from the first; more than once. None may be added meanwhile. */
  *read(): Generator<Change> {
    this.#write();
    const buffer = Buffer.allocUnsafe(CHUNK);
    let rest = "";
    for (let at = 0; ; ) {
      const length = readSync(this.#fd, buffer, 0, CHUNK, at);
      if (length === 0) return;
      at += length;
      const fields = (rest + buffer.toString("latin1", 0, length)).split("\0");
      const whole = Math.floor((fields.length - 1) / FIELDS) * FIELDS;
      for (let i = 0; i < whole; i += FIELDS) yield changeOf(fields, i);
      rest = fields.slice(whole).join("\0");
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(): void {
    writeAll(this.#fd, Buffer.from(this.#pending.join(""), "latin1"));
    this.#pending = [];
    this.#pendingLength = 0;
  }
}

function changeOf(fields: readonly string[], at: number): Change {
  const [letter = "", size = "", inode = "", path = ""] = fields.slice(at, at + FIELDS);
  const kind = KINDS[letter] ?? "added";
  return { kind, path: path as Raw, ...(size === "" ? {} : { size: Number(size) }), ...(inode === "" ? {} : { inode: Number(inode) }) };
}
