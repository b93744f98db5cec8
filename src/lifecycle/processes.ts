// ps: the processes of a container, as their pids or as the lines of the host's ps(1).
import { openCgroup } from "../cgroup/existing.ts";
import { StateError, SystemError } from "../errors.ts";
import { isAlive } from "../state/status.ts";
import { load } from "../state/store.ts";
import { O_PATH, sys } from "../sys.ts";

/** Fixed places: what PATH names could be anything. */
const PROGRAMS = ["/usr/bin/ps", "/bin/ps"] as const;
const TIMEOUT_MS = 10_000;
const OUTPUT_BYTES = 16 << 20;

/** Pids in the runtime's pid namespace. */
export function containerProcesses(root: string, id: string): number[] {
  const record = load(root, id);
  if (record.cgroup.places.length === 0) return isAlive(record) ? [record.pid] : [];
  return openCgroup(record.cgroup).processes();
}

/** The header of ps and the lines whose PID is one of the container's. */
export function processTable(pids: readonly number[], psArgs: readonly string[]): string {
  const [header = "", ...lines] = runPs(psArgs).trimEnd().split("\n");
  const column = fieldsOf(header).indexOf("PID");
  if (column < 0) throw new StateError("TS4011", "ps printed no column PID", { hint: 'with options of your own: "tsrun ps ID -o pid,args"' });
  const known = new Set(pids.map(String));
  return [header, ...lines.filter((line) => known.has(fieldsOf(line)[column] ?? ""))].join("\n");
}

function fieldsOf(line: string): string[] {
  return line.trim().split(/\s+/);
}

function runPs(psArgs: readonly string[]): string {
  const program = PROGRAMS.find((path) => isThere(path));
  if (program === undefined) throw new StateError("TS4011", "there is no ps on this machine", { hint: "install procps, or use --format json" });
  const output = sys.run_program(program, `${["ps", ...psArgs].join("\0")}\0`, "LC_ALL=C\0", "", TIMEOUT_MS, OUTPUT_BYTES);
  if (typeof output === "number") throw new SystemError("run", program, "execve", -output);
  if (sys.out(0) !== 0) throw new StateError("TS4011", `ps failed: ${output.trim()}`);
  return output;
}

function isThere(path: string): boolean {
  const fd = sys.open(path, O_PATH, 0);
  if (fd >= 0) sys.close(fd);
  return fd >= 0;
}
