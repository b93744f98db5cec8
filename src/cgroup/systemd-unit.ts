// A transient unit of systemd around the container's processes. systemd is spoken to by busctl(1), which is there wherever systemd is:
// the released tool stays static, and needs no D-Bus library of its own.
import { StateError, SystemError } from "../errors.ts";
import { sys } from "../sys.ts";
import type { UnitProperty } from "./systemd-properties.ts";

export interface UnitRecord {
  readonly unit: string;
  /** A user's own systemd. */
  readonly user: boolean;
}

const PROGRAMS = ["/usr/bin/busctl", "/bin/busctl"] as const;
const MANAGER = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"] as const;
const O_PATH = 0o10000000;
const CALL_TIMEOUT_S = 20;
const WAIT_MS = 30_000;
const POLL_MS = 2;
const OUTPUT_BYTES = 4096;

/** Returns when the process is in the unit's cgroup. */
export function startUnit(record: UnitRecord, slice: string, pid: number, properties: readonly UnitProperty[]): void {
  const all: UnitProperty[] = [
    ["Description", "s", `tsrun container ${record.unit}`],
    ["Slice", "s", slice],
    ["Delegate", "b", "true"],
    ["DefaultDependencies", "b", "false"],
    ["CPUAccounting", "b", "true"],
    ["MemoryAccounting", "b", "true"],
    ["IOAccounting", "b", "true"],
    ["TasksAccounting", "b", "true"],
    ["PIDs", "au", "1", String(pid)],
    ...properties,
  ];
  const start = () => call(record.user, "StartTransientUnit", "ssa(sv)a(sa(sv))", [record.unit, "replace", String(all.length), ...all.flat(), "0"]);
  let problem = start();
  if (problem.includes("already")) {
    // One of that name has failed before, and nobody has looked at it yet.
    call(record.user, "ResetFailedUnit", "s", [record.unit]);
    problem = start();
  }
  if (problem !== "") throw failed(`start the unit "${record.unit}"`, problem);
  waitUntil(`the process in "${record.unit}"`, () => {
    const text = sys.read_text(`/proc/${pid}/cgroup`);
    return typeof text === "number" || text.includes(`/${record.unit}`);
  });
}

/** Returns when the unit's cgroup is gone. A unit that is gone already is fine. */
export function stopUnit(record: UnitRecord, directory: string): void {
  if (sys.stat_mode(directory) < 0) return;
  const problem = call(record.user, "StopUnit", "ss", [record.unit, "replace"]);
  if (problem !== "" && !problem.includes("not loaded")) throw failed(`stop the unit "${record.unit}"`, problem);
  waitUntil(`the end of "${record.unit}"`, () => sys.stat_mode(directory) < 0);
  call(record.user, "ResetFailedUnit", "s", [record.unit]);
}

export function setUnitProperties(record: UnitRecord, properties: readonly UnitProperty[]): void {
  if (properties.length === 0) return;
  const problem = call(record.user, "SetUnitProperties", "sba(sv)", [record.unit, "true", String(properties.length), ...properties.flat()]);
  if (problem !== "") throw failed(`change the unit "${record.unit}"`, problem);
}

function waitUntil(what: string, isDone: () => boolean): void {
  for (let waited = 0; !isDone(); waited += POLL_MS) {
    if (waited > WAIT_MS) throw failed(`wait for ${what}`, `nothing happened in ${WAIT_MS / 1000} s`);
    sys.sleep_ms(POLL_MS);
  }
}

/** "" when it worked, else what busctl says. */
function call(user: boolean, method: string, signature: string, words: readonly string[]): string {
  const program = PROGRAMS.find((path) => isThere(path));
  if (program === undefined) throw failed("speak to systemd", "there is no busctl on this machine");
  const argv = ["busctl", user ? "--user" : "--system", `--timeout=${CALL_TIMEOUT_S}`, "--quiet", "call", ...MANAGER, method, signature, "--", ...words];
  const output = sys.run_program(program, `${argv.join("\0")}\0`, environment(user), "", (CALL_TIMEOUT_S + 5) * 1000, OUTPUT_BYTES);
  if (typeof output === "number") throw new SystemError("run", program, "execve", -output);
  return sys.out(0) === 0 ? "" : output.trim() || "busctl failed without a word";
}

/** A user's bus is found by its environment; the system's needs none. */
function environment(user: boolean): string {
  if (!user) return "";
  return ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"]
    .map((name) => [name, sys.getenv(name)] as const)
    .flatMap(([name, value]) => (typeof value === "string" ? [`${name}=${value}\0`] : []))
    .join("");
}

function isThere(path: string): boolean {
  const fd = sys.open(path, O_PATH, 0);
  if (fd >= 0) sys.close(fd);
  return fd >= 0;
}

function failed(action: string, problem: string): StateError {
  return new StateError("TS6101", `cannot ${action}: systemd: ${problem}`, { hint: "--systemd-cgroup needs systemd as process 1, and its bus" });
}
