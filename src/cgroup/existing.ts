// A container's cgroup as the later commands need it: freeze, signal, remove. What makes one is fs.ts; the hot commands do not load that.
import { SystemError } from "../errors.ts";
import { removeDirectories } from "./directories.ts";
import type { CgroupPlaceRecord, CgroupRecord, ExistingCgroup } from "./driver.ts";
import { freeze, isFrozen, killAll, listProcesses, signalAll, thaw } from "./processes.ts";

const ETIMEDOUT = 110;

export function openCgroup(record: CgroupRecord): ExistingCgroup {
  return new Existing(record.places);
}

export class Existing implements ExistingCgroup {
  protected places: readonly CgroupPlaceRecord[];

  constructor(places: readonly CgroupPlaceRecord[]) {
    this.places = places;
  }

  freeze(): void {
    if (!freeze(this.places)) throw new SystemError("freeze the container", this.places[0]?.path ?? "", "write", ETIMEDOUT);
  }

  thaw(): void {
    thaw(this.places);
  }

  isFrozen(): boolean {
    return isFrozen(this.places);
  }

  processes(): number[] {
    return listProcesses(this.places);
  }

  signalAll(signal: number): void {
    signalAll(this.places, signal);
  }

  killAll(timeoutMs: number): boolean {
    return killAll(this.places, timeoutMs);
  }

  remove(): void {
    for (const place of this.places) removeDirectories(place);
  }
}
