// A transient scope of systemd around the container's processes: made, changed, joined, stopped. Every wait has a bound.
import { sys } from "../sys.ts";
import { callManager, systemdError, unitState } from "./systemd-bus.ts";
import type { UnitProperty } from "./systemd-properties.ts";

export interface UnitRecord {
  readonly unit: string;
  /** A user's own systemd. */
  readonly user: boolean;
}

const WAIT_MS = 30_000;
const POLL_MS = 2;
/** How often systemd is asked while nothing is to be seen in the cgroups. */
const ASK_MS = 250;
/** A unit of the same name may be on its way out. */
const GOING_MS = 5000;

const ENDED_HINT = "from outside of a user's cgroups systemd takes in processes of that user alone: the container's root must be mapped to the caller";

/** Has systemd make the unit; awaitUnit tells when it is there. */
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
    // One that has failed (out of memory, say) would keep its name until somebody resets it.
    ["CollectMode", "s", "inactive-or-failed"],
    ["PIDs", "au", "1", String(pid)],
    ...properties,
  ];
  const problem = startWhenFree(record, [record.unit, "replace", String(all.length), ...all.flat(), "0"]);
  if (problem !== "") throw systemdError(`start the unit "${record.unit}"`, problem, record.user);
}

/** Returns when the process is in the unit's cgroup. */
export function awaitUnit(record: UnitRecord, pid: number): void {
  waitUntil(
    record,
    `the process in "${record.unit}"`,
    () => {
      const text = sys.read_lossy(`/proc/${pid}/cgroup`);
      return typeof text === "number" || text.includes(`/${record.unit}\n`);
    },
    () => hasEnded(record),
  );
}

function hasEnded({ unit, user }: UnitRecord): boolean {
  const found = unitState(user, unit);
  return found !== undefined && !found.hasJob && (found.state === "failed" || found.state === "inactive");
}

/** One of that name may have failed, and nobody has looked at it yet, or be about to end. */
function startWhenFree({ unit, user }: UnitRecord, words: readonly string[]): string {
  for (let waited = 0; ; waited += ASK_MS) {
    const problem = callManager(user, "StartTransientUnit", "ssa(sv)a(sa(sv))", words);
    if (!problem.includes("already") || waited >= GOING_MS) return problem;
    const found = unitState(user, unit);
    if (found !== undefined && found.state === "active" && !found.hasJob) return problem;
    callManager(user, "ResetFailedUnit", "s", [unit]);
    if (waited > 0) sys.sleep_ms(ASK_MS);
  }
}

/** Puts a process into the unit's cgroup, or `below` it: where the caller has no right to the cgroups in between, systemd has. */
export function attachToUnit(record: UnitRecord, below: string, pid: number): void {
  const problem = callManager(record.user, "AttachProcessesToUnit", "ssau", [record.unit, below, "1", String(pid)]);
  if (problem !== "") throw systemdError(`put a process in the unit "${record.unit}"`, problem, record.user);
}

/** Returns when the unit's cgroup is gone. A unit that is gone already is fine. */
export function stopUnit(record: UnitRecord, directory: string): void {
  if (sys.stat_mode(directory) < 0) return;
  const problem = callManager(record.user, "StopUnit", "ss", [record.unit, "replace"]);
  if (problem !== "" && !problem.includes("not loaded")) throw systemdError(`stop the unit "${record.unit}"`, problem, record.user);
  waitUntil(record, `the end of "${record.unit}"`, () => sys.stat_mode(directory) < 0);
}

/** Returns when systemd has written them. */
export function setUnitProperties(record: UnitRecord, properties: readonly UnitProperty[]): void {
  if (properties.length === 0) return;
  const problem = callManager(record.user, "SetUnitProperties", "sba(sv)", [record.unit, "true", String(properties.length), ...properties.flat()]);
  if (problem !== "") throw systemdError(`change the unit "${record.unit}"`, problem, record.user);
  // It writes before it looks at the next message.
  unitState(record.user, record.unit);
}

/** `cannot`: is asked now and then whether it cannot come to be any more. */
function waitUntil({ user, unit }: UnitRecord, what: string, isDone: () => boolean, cannot: () => boolean = () => false): void {
  const journal = `its journal says why: journalctl ${user ? "--user-unit" : "--unit"} ${unit}`;
  for (let waited = 0; !isDone(); waited += POLL_MS) {
    if (waited > 0 && waited % ASK_MS === 0 && cannot() && !isDone())
      throw systemdError(`wait for ${what}`, "the unit has ended", user, user ? `${ENDED_HINT}; ${journal}` : journal);
    if (waited > WAIT_MS) throw systemdError(`wait for ${what}`, `nothing happened in ${WAIT_MS / 1000} s`, user);
    sys.sleep_ms(POLL_MS);
  }
}
