// Documents that are nearly right: a good one with something changed, by chance (the same for the same seed) or as a schema suggests.
import type { SchemaPart } from "../../helpers/official.ts";

export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };
type Holder = Json[] | { [name: string]: Json };

/** Mulberry32: small, and good enough to choose by. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Values that a parser of config.json gives: integers beyond 2^53 are bigints. */
const VALUES: readonly Json[] = [
  null,
  ...[true, false],
  ...[0, 1, -1, 7, 8, 99, 100, 101, 511, 512, 1000, 1001, -1000, -1001, 65535, 65536, 999_999_999, 1_000_000_000],
  ...[2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296, Number.MAX_SAFE_INTEGER],
  ...[2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n - 1n, 2n ** 64n, 10n ** 30n],
  ...[0.5, -1.5, 1e21, 1e19, 1e18, 2 ** 53 + 2, -1e18, -0],
  ...["", "x", "0", "1", " ", "a\nb", "\u0000", "/", "../x", "é", "__proto__"],
  ...["0-3,7", "0-3\n", "0-x", "MB:0=20", "MB:0=20\n", "mb:0=20", "2MB", "2Mb", "02MB", "2M", "1.5GB", "RLIMIT_NOFILE", "RLIMIT_X", "RLIMIT_NOFILE2"],
  ...["SCMP_ACT_ALLOW", "SCMP_CMP_EQ", "SCMP_ARCH_X86", "MPOL_BIND", "SCHED_OTHER", "rshared", "a", "c", "p", "pid", "time", "rwm", "LINUX"],
  [],
  ["x"],
  [1],
  [null],
  [{}],
  [[]],
  {},
  { x: "y" },
  { x: 1 },
  { "": 1 },
  { "\n": 1 },
  { x: {} },
  { x: null },
];

function copyOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== "object" || value === null) return value;
  const copy = {};
  for (const name of Object.keys(value)) put(copy, name, copyOf(value[name] ?? null));
  return copy;
}

/** Every place of a document: what holds it, and its name there. */
function places(document: Json): (readonly [Holder, string])[] {
  const found: (readonly [Holder, string])[] = [];
  const visit = (holder: Json) => {
    if (typeof holder !== "object" || holder === null) return;
    for (const name of Object.keys(holder)) {
      found.push([holder, name]);
      visit((holder as Record<string, Json>)[name] ?? null);
    }
  };
  visit(document);
  return found;
}

/** Defined and not assigned: "__proto__" is a name like any other. */
function put(holder: Holder, name: string, value: Json): void {
  Object.defineProperty(holder, name, { value, writable: true, enumerable: true, configurable: true });
}

function take(holder: Holder, name: string): void {
  if (Array.isArray(holder)) holder.splice(Number(name), 1);
  else delete holder[name];
}

type Mutation = (random: (below: number) => number, at: readonly [Holder, string], all: readonly (readonly [Holder, string])[]) => void;

const valueAt = ([holder, name]: readonly [Holder, string]): Json => (holder as Record<string, Json>)[name] ?? null;

const MUTATIONS: readonly Mutation[] = [
  (_, [holder, name]) => take(holder, name),
  (random, [holder, name], all) => {
    const value = valueAt([holder, name]);
    take(holder, name);
    const names = [`${name}x`, name.toUpperCase(), "", "__proto__", "\n", all[random(all.length)]?.[1] ?? ""];
    if (Array.isArray(holder)) holder.push(value);
    else put(holder, names[random(names.length)] ?? "", value);
  },
  // Another value, most of the time.
  ...Array.from(
    { length: 6 },
    (): Mutation =>
      (random, [holder, name]) =>
        put(holder, name, copyOf(VALUES[random(VALUES.length)] ?? null)),
  ),
  // A value of the same document, from somewhere else.
  (random, [holder, name], all) => put(holder, name, copyOf(valueAt(all[random(all.length)] ?? [holder, name]))),
  // A word that is nearly right; a number as a text, and the other way round.
  (random, [holder, name]) => {
    const value = valueAt([holder, name]);
    if (typeof value !== "string") put(holder, name, typeof value === "object" ? [copyOf(value)] : String(value));
    else
      put(holder, name, [value.toLowerCase(), value.toUpperCase(), `${value} `, `${value}\n`, value.slice(0, -1), `x${value}`, Number(value)][random(7)] ?? "");
  },
  // A neighbour of the number; a word of the same list again, or one more.
  (random, [holder, name]) => {
    const value = valueAt([holder, name]);
    if (typeof value === "number") put(holder, name, value + ([-1, 1, 0.5][random(3)] ?? 0));
    else if (typeof value === "bigint") put(holder, name, value + 1n);
    else if (Array.isArray(value)) value.push(copyOf(value[random(value.length)] ?? VALUES[random(VALUES.length)] ?? null));
    else if (typeof value === "object" && value !== null) put(value, ["unknown", "", "\n"][random(3)] ?? "", copyOf(VALUES[random(VALUES.length)] ?? null));
  },
];

/** A changed copy: one change most of the time, two or three in others. */
export function mutant(document: Json, random: (below: number) => number): Json {
  const copy = copyOf(document);
  for (let left = [1, 1, 1, 2, 3][random(5)] ?? 1; left > 0; left--) {
    const all = places(copy);
    const at = all[random(all.length)];
    if (at !== undefined) MUTATIONS[random(MUTATIONS.length)]?.(random, at, all);
  }
  return copy;
}

const LETTERS = "0 9 , - _ : B G K M P T a b k u x \n".split(" ");

/** At the edges of what this part of the schema takes: nothing (undefined), each word, each limit and the number beyond, texts with one letter changed. */
function edges({ schema }: SchemaPart, value: Json): (Json | undefined)[] {
  const edge: (Json | undefined)[] = [undefined, null];
  if (schema["type"] === "object") edge.push({}, { "": 1 }, { "\n": 1 });
  if (Array.isArray(schema["enum"])) for (const word of schema["enum"] as string[]) edge.push(word, `${word}_`);
  const range = schema["exactInteger"];
  for (const limit of Array.isArray(range) ? range : []) {
    if (typeof limit === "number") edge.push(limit - 1, limit, limit + 1);
    if (typeof limit === "bigint") edge.push(limit - 1n, limit, limit + 1n, Number(limit), Number(limit / 2n));
  }
  if (typeof schema["pattern"] === "string" && typeof value === "string") {
    const places = Array.from({ length: value.length + 1 }, (_, i) => i);
    for (const at of places) for (const letter of LETTERS) for (const rest of [at, at + 1]) edge.push(value.slice(0, at) + letter + value.slice(rest));
  }
  return edge;
}

/** The value at a path of names; * is the first entry. Undefined where there is none. */
function follow(document: Json, path: readonly string[]): readonly [Holder, string] | undefined {
  let at: readonly [Holder, string] | undefined;
  let part: Json | undefined = document;
  for (const name of path) {
    if (typeof part !== "object" || part === null) return undefined;
    const own: string | undefined = name === "*" ? Object.keys(part)[0] : name;
    if (own === undefined) return undefined;
    at = [part, own];
    part = (part as Record<string, Json>)[own];
  }
  return part === undefined ? undefined : at;
}

export function hasPart(document: Json, { path }: SchemaPart): boolean {
  return path.length === 0 || follow(document, path) !== undefined;
}

/** Copies with each edge of each part that the document has. */
export function edgeCases(document: Json, parts: readonly SchemaPart[]): Json[] {
  return parts.flatMap((part) => {
    const at = follow(document, part.path);
    const values = at === undefined ? [] : edges(part, valueAt(at));
    return values.map((value) => {
      const copy = copyOf(document);
      const [holder, name] = follow(copy, part.path) ?? [[], ""];
      if (value === undefined) take(holder, name);
      else put(holder, name, value);
      return copy;
    });
  });
}
