// Any thrown value -> one error record in the log, the words on stderr, the exit code. Nobody else prints errors.
import { locate } from "../bundle/exact-json.ts";
import { ConfigError, type Finding, HookError, StepError, SystemError, TsrunError } from "../errors.ts";
import { logsToStderr, writeRecord } from "../log.ts";
import { sys } from "../sys.ts";
import * as words from "./error-words.ts";

let failureCode = 1;
const SHOWN_FINDINGS = 10;

interface Described {
  readonly message: string;
  readonly fields: Record<string, unknown>;
  /** Further lines for a person: place and hint. */
  readonly lines: readonly string[];
}

/** Exit code of the command at hand should it fail; exec has its own (255), which no program's is mistaken for. */
export function setFailureCode(code: number): void {
  failureCode = code;
}

export function report(error: unknown): number {
  const { message, fields, lines } = error instanceof TsrunError ? describeAll(error) : describeBug(error);
  const text = [message, ...lines].join("\n");
  if (!logsToStderr()) writeRecord("error", message, fields);
  sys.write_fd(2, `tsrun: ${text}\n`);
  return failureCode;
}

/** The error, and what could not be taken back after it. */
function describeAll(error: TsrunError): Described {
  const described = describe(error);
  const left = error.leftBehind.map(({ what, error: cause }) => `${what}: ${cause instanceof TsrunError ? describe(cause).message : String(cause)}`);
  if (left.length === 0) return described;
  return { ...described, fields: { ...described.fields, leftBehind: left }, lines: [...described.lines, ...left.map((text) => `  left behind: ${text}`)] };
}

function describe(error: TsrunError): Described {
  if (error instanceof ConfigError) return describeFindings(error, { code: error.code });
  const { message, fields, hint } = wordsOf(error);
  const place = placeOf(error, error.pointer, fields);
  if (hint !== undefined) fields["hint"] = hint;
  return { message, fields, lines: [...(place === undefined ? [] : [`  at ${place}`]), ...(hint === undefined ? [] : [`  hint: ${hint}`])] };
}

function wordsOf(error: TsrunError): { message: string; fields: Record<string, unknown>; hint: string | undefined } {
  const fields: Record<string, unknown> = { code: error.code };
  const { message, hint } = error;
  if (error instanceof StepError) {
    const { op, object, syscall, errno } = error;
    fields["step"] = op;
    // None when init went away without a word.
    if (errno !== 0) Object.assign(fields, { syscall, errno: words.errnoName(errno) });
    return { message: words.stepMessage(op, object, syscall, errno, message), fields, hint: hint ?? words.stepHint(op, syscall, errno) };
  }
  if (error instanceof SystemError) {
    const { object, syscall, errno } = error;
    Object.assign(fields, { syscall, errno: words.errnoName(errno) });
    return { message: words.systemMessage(message, object, syscall, errno), fields, hint: hint ?? words.systemHint(syscall, errno, object) };
  }
  if (error instanceof HookError && error.errno !== 0) {
    fields["errno"] = words.errnoName(error.errno);
    return { message: `${message}: ${words.cause("", error.errno)}`, fields, hint };
  }
  return { message, fields, hint };
}

/** All that is wrong in the document at once, so that it is mended in one go. */
function describeFindings(error: ConfigError, fields: Record<string, unknown>): Described {
  const lines: string[] = [];
  const [first, ...others] = error.findings;
  const place = first === undefined ? undefined : findingPlace(error, first);
  if (first?.hint !== undefined) fields["hint"] = first.hint;
  if (first !== undefined) {
    fields["pointer"] = first.pointer;
    if (place !== undefined) fields["place"] = place;
    if (first.hint !== undefined) lines.push(`  hint: ${first.hint}`);
  }
  for (const finding of others.slice(0, SHOWN_FINDINGS)) lines.push(`  ${findingPlace(error, finding) ?? ""}: ${finding.message}`);
  if (others.length > SHOWN_FINDINGS) lines.push(`  and ${others.length - SHOWN_FINDINGS} more`);
  return { message: `${place === undefined ? "" : `${place}: `}${first?.message ?? error.message}`, fields, lines };
}

function findingPlace(error: ConfigError, finding: Finding): string | undefined {
  if (finding.line !== undefined) return `${error.path}:${finding.line}:${finding.column ?? 1}`;
  return placeOf(error, finding.pointer, {});
}

/** "config.json:12:5 (#/mounts/4)". */
function placeOf(error: TsrunError, pointer: string | undefined, fields: Record<string, unknown>): string | undefined {
  if (pointer === undefined || error.document === undefined) return undefined;
  fields["pointer"] = pointer;
  const at = locate(error.document.text, pointer);
  if (at === undefined) return `${error.document.path} (#${pointer})`;
  fields["line"] = at.line;
  fields["column"] = at.column;
  return `${error.document.path}:${at.line}:${at.column} (#${pointer})`;
}

function describeBug(error: unknown): Described {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const stack = error instanceof Error && error.stack !== undefined ? error.stack.split("\n") : [];
  return {
    message: `internal error: ${text}`,
    fields: { code: "TS9999" },
    lines: [...stack, "  hint: this is a bug of tsrun; please report it with the lines above"],
  };
}
