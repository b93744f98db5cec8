// argv -> options, by tables: a command is a row with its flags. The same tables make the help text.
// Accepted: --name value, --name=value, -n value, and Go's -name; flags before or after positionals; "--" ends them.
import { UsageError } from "../errors.ts";

export interface FlagRow {
  readonly name: string;
  readonly short?: string;
  /** Placeholder of the value in the help text; a flag without one is a switch. */
  readonly value?: string;
  /** May be given more than once: all of them count (Parsed.lists), not the last. */
  readonly many?: true;
  readonly doc: string;
}

export interface Parsed {
  /** The values of flags with `many`, in their order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly values: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

export interface ParseRules {
  readonly flags: readonly FlagRow[];
  /** Stop at this many positionals; the rest is passed on unread (global flags stop at the command). */
  readonly stopAfter?: number;
  /** Whose help the hint names. */
  readonly command: string;
}

/** Parses argv from `start` on. Unknown flags are errors. */
export function parseFlags(argv: readonly string[], start: number, rules: ParseRules): Parsed & { readonly next: number } {
  const found: Found = { values: new Map(), lists: new Map() };
  const positionals: string[] = [];
  let i = start;
  while (i < argv.length) {
    if (rules.stopAfter !== undefined && positionals.length >= rules.stopAfter) break;
    const word = argv[i++] ?? "";
    if (word === "--") {
      positionals.push(...argv.slice(i));
      i = argv.length;
    } else if (word.length > 1 && word[0] === "-") {
      i = takeFlag(word, argv, i, rules, found);
    } else {
      positionals.push(word);
    }
  }
  return { ...found, positionals, next: i };
}

interface Found {
  readonly values: Map<string, string>;
  readonly lists: Map<string, string[]>;
}

function keep(found: Found, row: FlagRow, value: string): void {
  found.values.set(row.name, value);
  if (row.many) found.lists.set(row.name, [...(found.lists.get(row.name) ?? []), value]);
}

function takeFlag(word: string, argv: readonly string[], next: number, rules: ParseRules, found: Found): number {
  const equals = word.indexOf("=");
  const name = (equals < 0 ? word : word.slice(0, equals)).replace(/^--?/, "");
  const row = rules.flags.find((flag) => flag.name === name || flag.short === name);
  if (row === undefined) throw new UsageError(`unknown flag: ${word}`, `see "tsrun ${rules.command}--help"`);
  if (equals >= 0) {
    keep(found, row, switchValue(row, word.slice(equals + 1)));
    return next;
  }
  if (row.value === undefined) {
    keep(found, row, "true");
    return next;
  }
  const value = argv[next];
  if (value === undefined) throw new UsageError(`flag --${row.name} needs a value`, `--${row.name} ${row.value}: ${row.doc}`);
  keep(found, row, value);
  return next + 1;
}

function switchValue(row: FlagRow, value: string): string {
  if (row.value !== undefined || value === "true" || value === "false") return value;
  throw new UsageError(`flag --${row.name} is a switch: "${value}" is neither true nor false`);
}

/** All values of a flag with `many`. */
export function listValue(parsed: Parsed, name: string): readonly string[] {
  return parsed.lists.get(name) ?? [];
}

export function isSet(parsed: Parsed, name: string): boolean {
  return parsed.values.get(name) === "true";
}

/** A whole number in decimal digits; engines' flags know no other form. */
export function numberValue(parsed: Parsed, name: string, fallback: number): number {
  const text = parsed.values.get(name);
  if (text === undefined) return fallback;
  if (!/^[0-9]{1,9}$/.test(text)) throw new UsageError(`flag --${name}: "${text}" is not a whole number`);
  return Number(text);
}
