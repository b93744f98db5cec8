// The error kinds. Errors carry data; cli/report.ts alone makes words of it. Throw, never log and throw.

/** The base: code for programs and docs/errors.md, and where it came from. */
export class TsrunError extends Error {
  /** Stable code, listed in docs/errors.md. */
  readonly code: string;
  /** JSON pointer into config.json, when one of its lines is the cause. */
  readonly pointer: string | undefined;
  readonly hint: string | undefined;
  /** The document that the pointer points into, set by whoever has it: for line and column. */
  document: { readonly path: string; readonly text: string } | undefined;
  constructor(code: string, message: string, more: { pointer?: string | undefined; hint?: string | undefined; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.pointer = more.pointer;
    this.hint = more.hint;
  }
}

/** Wrong use of the command line. */
export class UsageError extends TsrunError {
  constructor(message: string, hint?: string) {
    super("TS1001", message, { hint });
  }
}

/** One thing that is wrong in config.json. */
export interface Finding {
  /** JSON pointer, "" for the whole document. */
  readonly pointer: string;
  readonly message: string;
  readonly hint?: string;
  /** Line and column (from 1), when the finding comes from the parser; otherwise they are looked up by pointer. */
  readonly line?: number;
  readonly column?: number;
}

/** config.json (or another JSON document) is invalid or asks for what cannot be done: all findings at once. */
export class ConfigError extends TsrunError {
  readonly findings: readonly Finding[];
  readonly path: string;
  constructor(code: string, path: string, findings: readonly Finding[], text?: string) {
    super(code, findings[0]?.message ?? "invalid", { pointer: findings[0]?.pointer, hint: findings[0]?.hint });
    this.findings = findings;
    this.path = path;
    if (text !== undefined) this.document = { path, text };
  }
}

/** The container is not in the state that the command needs. */
export class StateError extends TsrunError {}

/** A system call of the runtime itself failed. */
export class SystemError extends TsrunError {
  readonly syscall: string;
  /** Positive errno. */
  readonly errno: number;
  readonly object: string;
  constructor(action: string, object: string, syscall: string, errno: number, more: { pointer?: string | undefined; hint?: string | undefined } = {}) {
    super("TS3001", action, more);
    this.syscall = syscall;
    this.errno = errno;
    this.object = object;
  }
}

/** An op of the plan failed in tsrun-init. */
export class StepError extends TsrunError {
  readonly op: string;
  readonly object: string;
  readonly syscall: string;
  /** Positive errno; 0 when init went away without a word. */
  readonly errno: number;
  constructor(message: string, step: { op: string; object: string; syscall: string; errno: number; pointer: string; hint?: string | undefined }) {
    super("TS2001", message, { pointer: step.pointer, hint: step.hint });
    this.op = step.op;
    this.object = step.object;
    this.syscall = step.syscall;
    this.errno = step.errno;
  }
}

/** Turns a negative result of the system port into a SystemError; passes every other result on. */
export function check(result: number, action: string, object: string, syscall: string): number {
  if (result < 0) throw new SystemError(action, object, syscall, -result);
  return result;
}

/** The same for results that are text. */
export function checkText(result: string | number, action: string, object: string, syscall: string): string {
  if (typeof result === "number") throw new SystemError(action, object, syscall, -result);
  return result;
}

/** A hook could not be run, took too long, or said no. */
export class HookError extends TsrunError {
  /** Positive errno when the hook could not be started at all, else 0. */
  readonly errno: number;
  constructor(kind: string, index: number, path: string, outcome: string | number, output: string, pointer: string) {
    const tail = output.trim();
    const what = typeof outcome === "number" ? "cannot be run" : outcome;
    super("TS5001", `error running ${kind} hook #${index} "${path}": ${what}${tail === "" ? "" : `, output: ${tail}`}`, { pointer });
    this.errno = typeof outcome === "number" ? outcome : 0;
  }
}
