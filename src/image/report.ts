// Any thrown value -> words on standard error, the exit code.
import { CommanderError } from "commander";
import { TsrunError } from "../errors.ts";
import { ImageError } from "./errors.ts";

export function report(error: unknown): number {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode;
  const lines = error instanceof TsrunError ? describe(error) : [`${error instanceof Error ? (error.stack ?? error.message) : error}`];
  process.stderr.write(`tsrun: ${lines.join("\n")}\n`);
  return 1;
}

function describe(error: TsrunError): string[] {
  const lines = [error.message];
  if (error instanceof ImageError) {
    if (error.blob !== undefined) lines.push(`  at ${error.blob}`);
    if (error.entry !== undefined) lines.push(`  at entry "${error.entry}"`);
  }
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  return lines;
}
