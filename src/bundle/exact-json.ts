// A JSON parser that loses nothing: integers beyond 2^53 become bigint, a name that occurs twice is refused, and every error and
// every JSON pointer has a line and a column. For when JSON.parse would not do, or when an error needs its place.

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface JsonFault extends Place {
  readonly code: "TS1100" | "TS1101";
  readonly message: string;
  readonly pointer: string;
}

/** The engine's stack of 1 MB holds some 210 on arm64, and more on x86-64. */
const MAX_DEPTH = 128;
const MAX_SAFE = 9007199254740991;

class Fault extends Error {
  readonly code: JsonFault["code"];
  readonly at: number;
  readonly pointer: string;
  constructor(code: JsonFault["code"], message: string, at: number, pointer: string) {
    super(message);
    this.code = code;
    this.at = at;
    this.pointer = pointer;
  }
}

export function parseExact(text: string): { value: unknown } | { fault: JsonFault } {
  try {
    return { value: new Parser(text, undefined).document() };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { fault: { code: error.code, message: error.message, pointer: error.pointer, ...placeAt(text, error.at) } };
  }
}

/** Where the value of a pointer begins; of the deepest part that is there, when the rest is missing. */
export function locate(text: string, pointer: string): Place | undefined {
  const found = new Map<string, number>();
  try {
    new Parser(text, found).document();
  } catch {
    // A document that is not JSON has places up to its fault.
  }
  for (let path = pointer; ; path = path.slice(0, path.lastIndexOf("/"))) {
    const at = found.get(path);
    if (at !== undefined) return placeAt(text, at);
    if (path === "") return undefined;
  }
}

function placeAt(text: string, at: number): Place {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before[before.length - 1]?.length ?? 0) + 1 };
}

class Parser {
  readonly #text: string;
  /** Pointer -> offset of its value; undefined when nobody asks. */
  readonly #places: Map<string, number> | undefined;
  #at = 0;
  #depth = 0;

  constructor(text: string, places: Map<string, number> | undefined) {
    this.#text = text;
    this.#places = places;
  }

  document(): unknown {
    if (this.#text.startsWith("\ufeff")) throw new Fault("TS1100", "the document begins with a byte order mark, which JSON has not", 0, "");
    const value = this.#value("");
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail("expected the end of the document", "");
    return value;
  }

  #fail(message: string, pointer: string): never {
    const seen = this.#at < this.#text.length ? `, not ${JSON.stringify(this.#text[this.#at])}` : ", not the end of the document";
    throw new Fault("TS1100", `${message}${seen}`, this.#at, pointer);
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && " \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #value(pointer: string): unknown {
    this.#skipSpace();
    this.#places?.set(pointer, this.#at);
    const char = this.#text[this.#at];
    if (char === "{") return this.#nested(pointer, () => this.#object(pointer));
    if (char === "[") return this.#nested(pointer, () => this.#array(pointer));
    if (char === '"') return this.#string(pointer);
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number(pointer);
  }

  #nested(pointer: string, parse: () => unknown): unknown {
    if (++this.#depth > MAX_DEPTH) throw new Fault("TS1100", `nested deeper than ${MAX_DEPTH} levels`, this.#at, pointer);
    this.#at++;
    const value = parse();
    this.#depth--;
    return value;
  }

  #object(pointer: string): unknown {
    const object: Record<string, unknown> = {};
    const names = new Set<string>();
    this.#skipSpace();
    if (this.#take("}")) return object;
    do {
      this.#skipSpace();
      const start = this.#at;
      if (this.#text[start] !== '"') this.#fail("expected a name in quotes", pointer);
      const name = this.#string(pointer);
      const path = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      if (names.has(name)) throw new Fault("TS1101", `the name "${name}" occurs twice in the same object`, start, path);
      names.add(name);
      this.#skipSpace();
      if (!this.#take(":")) this.#fail('expected ":" after a name', path);
      const value = this.#value(path);
      // Defined and not assigned: "__proto__" is a name like any other.
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      this.#skipSpace();
    } while (this.#take(","));
    if (!this.#take("}")) this.#fail('expected "," or "}" after a value', pointer);
    return object;
  }

  #array(pointer: string): unknown {
    const items: unknown[] = [];
    this.#skipSpace();
    if (this.#take("]")) return items;
    do {
      items.push(this.#value(`${pointer}/${items.length}`));
      this.#skipSpace();
    } while (this.#take(","));
    if (!this.#take("]")) this.#fail('expected "," or "]" after a value', pointer);
    return items;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #string(pointer: string): string {
    const start = this.#at;
    this.#at = this.#endOfString(pointer);
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      const control = this.#text.slice(start, this.#at).search(/\p{Cc}/u);
      if (control < 0 || (this.#text[start + control] ?? "") >= " ") throw new Fault("TS1100", "a string has an unknown escape", start, pointer);
      throw new Fault("TS1100", "a control character in a string must be written as an escape", start + control, pointer);
    }
  }

  /** Behind the next quote that no backslash escapes: one after an even number of them. */
  #endOfString(pointer: string): number {
    const start = this.#at;
    for (let quote = start; ; ) {
      quote = this.#text.indexOf('"', quote + 1);
      if (quote < 0) throw new Fault("TS1100", "a string has no end", start, pointer);
      let behind = quote;
      while (this.#text[behind - 1] === "\\") behind--;
      if ((quote - behind) % 2 === 0) return quote + 1;
    }
  }

  #number(pointer: string): number | bigint {
    const match = /^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/.exec(this.#text.slice(this.#at, this.#at + 400));
    if (match === null) this.#fail("expected a value", pointer);
    const [digits] = match;
    this.#at += digits.length;
    const value = Number(digits);
    const isInteger = match[1] === undefined && match[2] === undefined;
    return isInteger && Math.abs(value) > MAX_SAFE ? BigInt(digits) : value;
  }
}
