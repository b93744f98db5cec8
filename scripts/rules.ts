// The rules of the specification (spec-fixtures/rules.json), and how names of tests refer to them.
/// <reference types="bun" />
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

export interface Rule {
  readonly id: string;
  /** "validation": a duty of the config's author, which 1.03 makes one of the runtime. */
  readonly level: "MUST" | "SHOULD" | "MAY" | "validation";
  /** File and heading of the specification, and the property. */
  readonly where: string;
  readonly rule: string;
}

export interface Rules {
  readonly chapters: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
}

export function loadRules(): Rules {
  return JSON.parse(readFileSync(resolve(import.meta.dir, "../spec-fixtures/rules.json"), "utf8")) as Rules;
}

/** Rules that no test can prove, and why. */
export const NOT_TESTABLE: Readonly<Record<string, string>> = {
  "1.07": "it is the sum of the other rules on this architecture: this document",
};

const ID = /^(\d{1,2})\.(\d\d)(?:-(?:\d{1,2}\.)?(\d\d))?:?$/;

/** Words of a name from its first id on; unit tests may say "spec 8.31: ..." . */
function wordsOf(name: string): string[] {
  return name.replace(/^spec /, "").split(" ");
}

/** The ids that a name begins with: "4.01 4.06-4.11 every kind runs" -> 4.01, 4.06, 4.07 ... */
export function idsOf(name: string): string[] {
  const ids: string[] = [];
  for (const word of wordsOf(name)) {
    const match = ID.exec(word);
    if (match === null) break;
    const [, chapter, first, last = first] = match;
    for (let number = Number(first); number <= Number(last); number++) ids.push(`${chapter}.${String(number).padStart(2, "0")}`);
  }
  return ids;
}

/** The name without its ids. */
export function titleOf(name: string): string {
  const words = wordsOf(name);
  return words.slice(words.findIndex((word) => !ID.test(word))).join(" ");
}
