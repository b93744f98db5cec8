// A record + the kernel's view -> the status of runtime-spec, "State". Reads as few /proc files as the answer needs.
import { sys } from "../sys.ts";
import type { StateRecord } from "./record.ts";

/** `paused` is not in the specification; engines know it from runc. */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

const O_PATH = 0o10000000;

/** Start time of a process in clock ticks, or undefined when it is gone or a zombie. */
export function processStart(pid: number): string | undefined {
  const text = sys.read_text(`/proc/${pid}/stat`);
  if (typeof text === "number") return undefined;
  // The name, field 2, may hold spaces and parentheses: count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", 20);
  const state = fields[0];
  return state === "Z" || state === "X" ? undefined : fields[19];
}

export function isAlive(record: StateRecord): boolean {
  return processStart(record.pid) === record.pidStart;
}

/** `isFrozen` is asked last, and only of a live container. */
export function statusOf(record: StateRecord, directory: string, isFrozen: () => boolean): Status {
  if (!isAlive(record)) return "stopped";
  if (record.creating) return "creating";
  if (isFrozen()) return "paused";
  return hasStartSocket(directory) ? "created" : "running";
}

/** The start socket is there from create until the program was executed. */
function hasStartSocket(directory: string): boolean {
  const fd = sys.open(startSocketPath(directory), O_PATH, 0);
  if (fd < 0) return false;
  sys.close(fd);
  return true;
}

export function startSocketPath(directory: string): string {
  return `${directory}/start.sock`;
}

/** Output of the hooks that run inside the container: start, another process, has to read it as well. */
export function hookLogPath(directory: string): string {
  return `${directory}/hooks.log`;
}
