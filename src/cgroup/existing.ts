// A container's cgroup as the later commands need it: freeze, signal, remove. What makes one is fs.ts; the hot commands do not load that.
import { check } from "../errors.ts";
import { removeDirectories } from "./directories.ts";
import type { CgroupPlaceRecord, CgroupRecord, ExistingCgroup } from "./driver.ts";
import { freeze, freezerOf, isFrozen, killAll, listProcesses, signalAll, thaw } from "./processes.ts";
import { stopUnit, type UnitRecord } from "./systemd-unit.ts";

export function openCgroup(record: CgroupRecord): ExistingCgroup {
  return new Existing(record.places, record.unit);
}

/** The hierarchy in which systemd itself keeps a unit's processes. */
export function isOfSystemd({ controllers }: CgroupPlaceRecord): boolean {
  return controllers.length === 0 || controllers.includes("name=systemd");
}

export class Existing implements ExistingCgroup {
  protected places: readonly CgroupPlaceRecord[];
  /** Ours: one of the same name that was there before is not. */
  protected unit: UnitRecord | undefined;

  constructor(places: readonly CgroupPlaceRecord[], unit?: UnitRecord) {
    this.places = places;
    this.unit = unit;
  }

  freeze(): void {
    check(freeze(this.places), "freeze the container", this.#freezer, "write");
  }

  thaw(): void {
    check(thaw(this.places), "thaw the container", this.#freezer, "write");
  }

  get #freezer(): string {
    return freezerOf(this.places)?.path ?? "";
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
    const own = this.places.find((place) => isOfSystemd(place));
    if (this.unit !== undefined && own !== undefined) stopUnit(this.unit, own.path);
    // One that cannot be removed does not keep the others: the first error is told when all have had their turn.
    let problem: unknown;
    for (const place of this.places) {
      try {
        removeDirectories(place);
      } catch (error) {
        problem ??= error;
      }
    }
    if (problem !== undefined) throw problem;
  }
}
