// argv -> options, by tables: a command is a row with its flags. The same tables make the help text.
// Accepted: --name value, --name=value, -n value, and Go's -name; flags before or after positionals; "--" ends them.
import { UsageError } from "../errors.ts";

export interface FlagRow {
  readonly name: string;
  readonly short?: string;
  /** Placeholder of the value in the help text; a flag without one is a switch. */
  readonly value?: string;
  readonly doc: string;
}

export interface Parsed {
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
  const values = new Map<string, string>();
  const positionals: string[] = [];
  let i = start;
  while (i < argv.length) {
    if (rules.stopAfter !== undefined && positionals.length >= rules.stopAfter) break;
    const word = argv[i++] ?? "";
    if (word === "--") {
      positionals.push(...argv.slice(i));
      i = argv.length;
    } else if (word.length > 1 && word[0] === "-") {
      i = takeFlag(word, argv, i, rules, values);
    } else {
      positionals.push(word);
    }
  }
  return { values, positionals, next: i };
}

function takeFlag(word: string, argv: readonly string[], next: number, rules: ParseRules, values: Map<string, string>): number {
  const equals = word.indexOf("=");
  const name = (equals < 0 ? word : word.slice(0, equals)).replace(/^--?/, "");
  const row = rules.flags.find((flag) => flag.name === name || flag.short === name);
  if (row === undefined) throw new UsageError(`unknown flag: ${word}`, `see "tsrun ${rules.command}--help"`);
  if (equals >= 0) {
    values.set(row.name, switchValue(row, word.slice(equals + 1)));
    return next;
  }
  if (row.value === undefined) {
    values.set(row.name, "true");
    return next;
  }
  const value = argv[next];
  if (value === undefined) throw new UsageError(`flag --${row.name} needs a value`, `--${row.name} ${row.value}: ${row.doc}`);
  values.set(row.name, value);
  return next + 1;
}

function switchValue(row: FlagRow, value: string): string {
  if (row.value !== undefined || value === "true" || value === "false") return value;
  throw new UsageError(`flag --${row.name} is a switch: "${value}" is neither true nor false`);
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
