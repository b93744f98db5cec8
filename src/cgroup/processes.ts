// The processes of a cgroup: freeze, thaw, signal, kill. Every wait has a bound.
import { check, checkText } from "../errors.ts";
import { sys } from "../sys.ts";
import { listBelow } from "./directories.ts";
import type { CgroupPlaceRecord } from "./driver.ts";
import { ENODEV, ENOENT, readFile, readWords, writeFile } from "./files.ts";

const SIGKILL = 9;
const ESRCH = 3;
const ETIMEDOUT = 110;
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
  const v1 = place.controllers.length > 0;
  const path = `${place.path}/${v1 ? "freezer.state" : "cgroup.freeze"}`;
  const state = readFile(path);
  // Without its cgroup, or where the kernel cannot freeze, nothing is frozen.
  if (state === -ENOENT || state === -ENODEV) return false;
  return checkText(state, "look whether the container is frozen", path, "read") === (v1 ? "FROZEN" : "1");
}

/** 0 or -errno. */
export function thaw(places: readonly CgroupPlaceRecord[]): number {
  const place = freezerOf(places);
  if (place === undefined) return 0;
  return place.controllers.length > 0 ? writeFile(`${place.path}/freezer.state`, "THAWED") : writeFile(`${place.path}/cgroup.freeze`, "0");
}

/** 0 when every process stands still, or -errno. On v1 a state of FREEZING is written again until it is FROZEN. */
export function freeze(places: readonly CgroupPlaceRecord[]): number {
  const place = freezerOf(places);
  if (place === undefined) return -ENOENT;
  const v1 = place.controllers.length > 0;
  for (let tries = 0; tries < FREEZE_TRIES; tries++) {
    const path = `${place.path}/${v1 ? "freezer.state" : "cgroup.freeze"}`;
    const written = v1 || tries === 0 ? writeFile(path, v1 ? "FROZEN" : "1") : 0;
    if (written < 0) return written;
    const done = v1 ? readFile(`${place.path}/freezer.state`) === "FROZEN" : readWords(`${place.path}/cgroup.events`).join(" ").includes("frozen 1");
    if (done) return 0;
    sys.sleep_ms(PAUSE_MS);
  }
  thaw(places);
  return -ETIMEDOUT;
}

export function listProcesses(places: readonly CgroupPlaceRecord[]): number[] {
  const place = processesOf(places);
  return place === undefined ? [] : listBelow(place.path);
}

/** One signal to every process; frozen meanwhile, so that none is missed by a fork. */
export function signalAll(places: readonly CgroupPlaceRecord[], signal: number): void {
  const wasFrozen = isFrozen(places);
  const frozen = wasFrozen || freeze(places) === 0;
  let refused = 0;
  let thawed = 0;
  try {
    for (const pid of listProcesses(places)) {
      const sent = sys.kill(pid, signal);
      if (sent < 0 && sent !== -ESRCH) refused = sent;
    }
  } finally {
    // SIGKILL of a frozen process takes effect when it is thawed.
    if (frozen && (!wasFrozen || signal === SIGKILL)) thawed = thaw(places);
  }
  const path = freezerOf(places)?.path ?? "";
  check(refused, "signal the container's processes", path, "kill");
  if (thawed !== -ENOENT && thawed !== -ENODEV) check(thawed, "thaw the container", path, "write");
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
