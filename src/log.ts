// What goes to --log (or stderr): records in runc's shape, which containerd, Podman and CRI-O read.
// A failed command writes exactly one error record: Podman parses the whole file as one JSON object.
import { sys } from "./sys.ts";

export type Level = "debug" | "warning" | "error";

interface LogTarget {
  /** Path of --log, "" for stderr. */
  path: string;
  json: boolean;
  debug: boolean;
}

const O_CREAT_APPEND = 0o100 | 0o2000;
const target: LogTarget = { path: "", json: false, debug: false };
const warnings: string[] = [];

export function setLog(path: string, json: boolean, debug: boolean): void {
  target.path = path;
  target.json = json;
  target.debug = debug;
}

/** The global flags that make another program of ours log to the same place. */
export function logFlags(): string[] {
  return [...(target.path === "" ? [] : [`--log=${target.path}`]), ...(target.json ? ["--log-format=json"] : []), ...(target.debug ? ["--debug"] : [])];
}

/** Something is not as asked, but the command goes on (runtime-spec, Warnings). Kept until the command has succeeded. */
export function warn(message: string): void {
  warnings.push(message);
}

/** The message is only made when --debug is on. */
export function debug(message: () => string): void {
  if (target.debug) writeRecord("debug", message(), {});
}

/** Called once when the command has succeeded. */
export function flushWarnings(): void {
  for (const message of warnings.splice(0)) writeRecord("warning", message, {});
}

/** True when records go to stderr, so that the same words need not be printed there again. */
export function logsToStderr(): boolean {
  return target.path === "";
}

export function writeRecord(level: Level, msg: string, more: Readonly<Record<string, unknown>>): void {
  const time = sys.time_text();
  const record = target.json
    ? JSON.stringify({ level, msg, time, ...more })
    : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(msg)}${plainFields(more)}`;
  if (target.path === "") sys.write_fd(2, `${record}\n`);
  else if (sys.write_file(target.path, `${record}\n`, O_CREAT_APPEND, 0o644) < 0) sys.write_fd(2, `${record}\n`);
}

function plainFields(more: Readonly<Record<string, unknown>>): string {
  let text = "";
  for (const key of Object.keys(more)) text += ` ${key}=${JSON.stringify(more[key])}`;
  return text;
}
