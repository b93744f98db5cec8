// What goes to --log (or standard error): records in runc's shape, as the runtime's own src/log.ts writes them.
// A failed command writes exactly one error record: whoever reads the file may take the whole of it for one JSON object.
import { appendFileSync } from "node:fs";

export type Level = "debug" | "warning" | "error";

export interface LogOptions {
  /** Path of --log. */
  readonly log?: string;
  readonly logFormat?: "text" | "json";
  readonly debug?: boolean;
}

let target: LogOptions = {};
const warnings = new Set<string>();

export function setLog(options: LogOptions): void {
  target = options;
}

/** Something is not as asked, but the command goes on. Kept until the command has succeeded; the same words are told once. */
export function warn(message: string): void {
  warnings.add(message);
}

/** The message is only made when --debug is on. */
export function debug(message: () => string): void {
  if (target.debug) writeRecord("debug", message(), {});
}

export function isDebug(): boolean {
  return target.debug === true;
}

/** Called once when the command has succeeded. */
export function flushWarnings(): void {
  for (const message of warnings) writeRecord("warning", message, {});
  warnings.clear();
}

/** True when records go to standard error, so that the same words need not be printed there again. */
export function logsToStderr(): boolean {
  return target.log === undefined;
}

export function writeRecord(level: Level, msg: string, more: Readonly<Record<string, unknown>>): void {
  const time = new Date().toISOString().replace("Z", "000000Z");
  const fields = Object.entries(more).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const record =
    target.logFormat === "json"
      ? JSON.stringify({ level, msg, time, ...more })
      : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(msg)}${fields.join("")}`;
  if (target.log === undefined) return void process.stderr.write(`${record}\n`);
  try {
    appendFileSync(target.log, `${record}\n`, { mode: 0o644 });
  } catch {
    process.stderr.write(`${record}\n`);
  }
}
