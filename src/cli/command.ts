// What a command is: a row that the program and the help text read.
import { UsageError } from "../errors.ts";
import type { FlagRow, Parsed } from "./flags.ts";

/** The global flags, read. */
export interface Globals {
  /** State directory (--root), absolute. */
  readonly root: string;
  readonly systemdCgroup: boolean;
  readonly rootless: "auto" | "true" | "false";
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Positionals as the help shows them, e.g. "<container-id> [signal]". */
  readonly args: string;
  readonly flags: readonly FlagRow[];
  /** Least and greatest number of positionals. */
  readonly count: readonly [number, number];
  /** What follows the first positional is a command line of its own and goes to `run` unread. */
  readonly hasCommandLine?: true;
  /** Another program's command line: all that follows the name goes to `run` unread, with the global flags as `parsed`. */
  readonly isForwarded?: true;
  /** What the shell completes as its first word. */
  readonly words?: readonly string[];
  /** Exit code when the command fails (default 1). */
  readonly failureCode?: number;
  readonly run: (parsed: Parsed, globals: Globals, rest: readonly string[]) => number;
}

/** The id positional, which every caller has checked to be there by `count`. */
export function idOf(parsed: Parsed): string {
  const id = parsed.positionals[0];
  if (id === undefined || id === "") throw new UsageError("the container id is missing or empty");
  return id;
}
