// The processes of a cgroup: freeze, thaw, signal, kill. Every wait has a bound.
import { sys } from "../sys.ts";
import { listBelow } from "./directories.ts";
import type { CgroupPlaceRecord } from "./driver.ts";
import { readFile, readWords, writeFile } from "./files.ts";

const SIGKILL = 9;
const FREEZE_TRIES = 500;
const PAUSE_MS = 2;
const ROUNDS = 100;

/** The hierarchy that freezes: v1's freezer, or v2. */
export function freezerOf(places: readonly CgroupPlaceRecord[]): CgroupPlaceRecord | undefined {
  return places.find((place) => place.controllers.includes("freezer")) ?? places.find((place) => place.controllers.length === 0);
}

/** The hierarchy that knows all the container's processes. */
function processesOf(places: readonly CgroupPlaceRecord[]): CgroupPlaceRecord | undefined {
  return freezerOf(places) ?? places[0];
}

export function isFrozen(places: readonly CgroupPlaceRecord[]): boolean {
  const place = freezerOf(places);
  if (place === undefined) return false;
  if (place.controllers.length > 0) return readFile(`${place.path}/freezer.state`) === "FROZEN";
  return readFile(`${place.path}/cgroup.freeze`) === "1";
}

export function thaw(places: readonly CgroupPlaceRecord[]): void {
  const place = freezerOf(places);
  if (place === undefined) return;
  if (place.controllers.length > 0) writeFile(`${place.path}/freezer.state`, "THAWED");
  else writeFile(`${place.path}/cgroup.freeze`, "0");
}

/** True when every process stands still. On v1 a state of FREEZING is written again until it is FROZEN. */
export function freeze(places: readonly CgroupPlaceRecord[]): boolean {
  const place = freezerOf(places);
  if (place === undefined) return false;
  const v1 = place.controllers.length > 0;
  for (let tries = 0; tries < FREEZE_TRIES; tries++) {
    if (v1) writeFile(`${place.path}/freezer.state`, "FROZEN");
    else if (tries === 0) writeFile(`${place.path}/cgroup.freeze`, "1");
    const done = v1 ? readFile(`${place.path}/freezer.state`) === "FROZEN" : readWords(`${place.path}/cgroup.events`).join(" ").includes("frozen 1");
    if (done) return true;
    sys.sleep_ms(PAUSE_MS);
  }
  thaw(places);
  return false;
}

export function listProcesses(places: readonly CgroupPlaceRecord[]): number[] {
  const place = processesOf(places);
  return place === undefined ? [] : listBelow(place.path);
}

/** One signal to every process; frozen meanwhile, so that none is missed by a fork. */
export function signalAll(places: readonly CgroupPlaceRecord[], signal: number): void {
  const wasFrozen = isFrozen(places);
  const frozen = wasFrozen || freeze(places);
  for (const pid of listProcesses(places)) sys.kill(pid, signal);
  // SIGKILL of a frozen process takes effect when it is thawed.
  if (frozen && (!wasFrozen || signal === SIGKILL)) thaw(places);
}

/** False when some are still there after the time. */
export function killAll(places: readonly CgroupPlaceRecord[], timeoutMs: number): boolean {
  const v2 = places.find((place) => place.controllers.length === 0);
  for (let waited = 0, round = 0; round < ROUNDS && waited <= timeoutMs; round++) {
    if (listProcesses(places).length === 0) return true;
    // cgroup.kill (Linux 5.14) gets all at once; only a pure v2 machine has every process there.
    if (places.length > 1 || v2 === undefined || writeFile(`${v2.path}/cgroup.kill`, "1") < 0) signalAll(places, SIGKILL);
    const pause = Math.min(PAUSE_MS * 2 ** round, 100);
    sys.sleep_ms(pause);
    waited += pause;
  }
  return listProcesses(places).length === 0;
}
