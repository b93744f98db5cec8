// Any thrown value -> one error record in the log, words on standard error, the exit code. Nobody else prints errors.
import * as words from "../cli/error-words.ts";
import { SystemError, TsrunError } from "../errors.ts";
import { ImageError } from "./errors.ts";
import { isDebug, logsToStderr, writeRecord } from "./log.ts";
import { printable } from "./output.ts";
import { stopProgress } from "./progress.ts";

interface Described {
  readonly message: string;
  readonly fields: Record<string, unknown>;
  /** Further lines for a person: place and hint. */
  readonly lines: readonly string[];
}

/** Node's names of calls -> what they do, to follow "cannot"; its errors are those of the files that a command names. */
const ACTIONS: Readonly<Record<string, string>> = {
  open: "open",
  scandir: "read the directory",
  mkdir: "make the directory",
  mkdtemp: "make a directory for temporary files",
  rename: "rename",
  unlink: "remove",
  rm: "remove",
  rmdir: "remove",
  write: "write",
  read: "read",
  fsync: "write",
  stat: "look at",
  lstat: "look at",
};

export function report(error: unknown): number {
  stopProgress();
  const { message, fields, lines } = describe(error);
  const stack = isDebug() && error instanceof TsrunError ? stackOf(error) : [];
  if (!logsToStderr()) writeRecord("error", message, fields);
  process.stderr.write(`tsrun: ${[message, ...lines, ...stack].map(printable).join("\n")}\n`);
  return 1;
}

function describe(error: unknown): Described {
  if (error instanceof TsrunError) return describeOwn(error);
  if (error instanceof Error && "syscall" in error && "errno" in error) return describeSystem(error as NodeJS.ErrnoException);
  return {
    message: `internal error: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`,
    fields: { code: "TS9999" },
    lines: [...stackOf(error), "  hint: this is a bug of tsrun; please report it with the lines above"],
  };
}

function describeOwn(error: TsrunError): Described {
  const fields: Record<string, unknown> = { code: error.code };
  const lines: string[] = [];
  let message = error.message;
  if (error instanceof SystemError) {
    message = words.systemMessage(error.message, error.object, error.syscall, error.errno);
    Object.assign(fields, { syscall: error.syscall, errno: words.errnoName(error.errno) });
  }
  if (error instanceof ImageError) {
    Object.assign(fields, { blob: error.blob, entry: error.entry });
    if (error.blob !== undefined) lines.push(`  at ${error.blob}`);
    if (error.entry !== undefined) lines.push(`  at entry "${error.entry}"`);
  }
  fields["hint"] = error.hint;
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  return { message, fields, lines };
}

/** A file operation of Node's: its own words would be "ENOENT: no such file or directory, open '/x'". */
function describeSystem(error: NodeJS.ErrnoException): Described {
  const syscall = error.syscall ?? "";
  // Bun has the number with either sign.
  const errno = Math.abs(error.errno ?? 0);
  return {
    message: words.systemMessage(ACTIONS[syscall] ?? "use", error.path ?? "", syscall, errno),
    fields: { code: "TS3001", syscall, errno: words.errnoName(errno) },
    lines: isDebug() ? stackOf(error) : [],
  };
}

function stackOf(error: unknown): string[] {
  const lines: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause) {
    const frames = (one.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    lines.push(...(one === error ? [] : [`  because of ${one.name}: ${one.message}`]), ...frames);
  }
  return lines;
}
