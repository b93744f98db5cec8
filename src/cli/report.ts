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
  const { message, fields, lines } = error instanceof TsrunError ? describe(error) : describeBug(error);
  const text = [message, ...lines].join("\n");
  if (!logsToStderr()) writeRecord("error", message, fields);
  sys.write_fd(2, `tsrun: ${text}\n`);
  return failureCode;
}

function describe(error: TsrunError): Described {
  const fields: Record<string, unknown> = { code: error.code };
  let message = error.message;
  let hint = error.hint;
  if (error instanceof StepError) {
    message = words.stepMessage(error.op, error.object, error.syscall, error.errno, error.message);
    hint ??= words.stepHint(error.op, error.syscall, error.errno);
    Object.assign(fields, { step: error.op, syscall: error.syscall, errno: words.errnoName(error.errno) });
  } else if (error instanceof SystemError) {
    message = words.systemMessage(error.message, error.object, error.syscall, error.errno);
    hint ??= words.systemHint(error.syscall, error.errno, error.object);
    Object.assign(fields, { syscall: error.syscall, errno: words.errnoName(error.errno) });
  }
  if (error instanceof HookError && error.errno !== 0) {
    message = `${message}: ${words.errnoText(error.errno)}`;
    fields["errno"] = words.errnoName(error.errno);
  }
  if (error instanceof ConfigError) return describeFindings(error, fields);
  const place = placeOf(error, error.pointer, fields);
  if (hint !== undefined) fields["hint"] = hint;
  return { message, fields, lines: [...(place === undefined ? [] : [`  at ${place}`]), ...(hint === undefined ? [] : [`  hint: ${hint}`])] };
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
