// A record + the kernel's view -> the status of runtime-spec, "State". Reads as few /proc files as the answer needs.
import { check, checkText, SystemError } from "../errors.ts";
import { O_PATH, sys } from "../sys.ts";
import type { StateRecord } from "./record.ts";

/** `paused` is not in the specification; engines know it from runc. */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

const ENOENT = 2;
const ESRCH = 3;

interface ProcessStat {
  /** "Z" for a zombie. */
  readonly state: string;
  /** In clock ticks since boot. */
  readonly start: string;
}

/** Undefined when there is no such process. */
function readStat(pid: number): ProcessStat | undefined {
  const path = `/proc/${pid}/stat`;
  const read = sys.read_lossy(path);
  if (read === -ENOENT || read === -ESRCH) return undefined;
  // Anything else is no answer: a live process must not be taken for a dead one.
  const text = checkText(read, "look at the container's process", path, "read");
  // The name, field 2, may hold spaces and parentheses: count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", 20);
  return { state: fields[0] ?? "", start: fields[19] ?? "" };
}

/** Start time of our child, whether it lives or not: its program may have ended while we were busy. */
export function startTimeOf(pid: number): string {
  const stat = readStat(pid);
  if (stat === undefined) throw new SystemError("look at the container's process", `/proc/${pid}/stat`, "read", ESRCH);
  return stat.start;
}

export function isAlive(record: StateRecord): boolean {
  const stat = readStat(record.pid);
  return stat !== undefined && stat.state !== "Z" && stat.state !== "X" && stat.start === record.pidStart;
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
  const path = startSocketPath(directory);
  const fd = sys.open(path, O_PATH, 0);
  if (fd === -ENOENT) return false;
  sys.close(check(fd, "look for the start socket", path, "open"));
  return true;
}

export function startSocketPath(directory: string): string {
  return `${directory}/start.sock`;
}

/** Output of the hooks that run inside the container: start, another process, has to read it as well. */
export function hookLogPath(directory: string): string {
  return `${directory}/hooks.log`;
}
