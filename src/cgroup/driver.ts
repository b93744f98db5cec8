// What the lifecycle asks of cgroups, whoever makes them: fs.ts now, systemd later.
import type { CgroupLayout, CgroupView } from "../plan/plan.ts";
import type { Resources } from "../spec/config.ts";
import type { UnitRecord } from "./systemd-unit.ts";

export interface CgroupRequest {
  readonly id: string;
  /** linux.cgroupsPath. */
  readonly cgroupsPath: string | undefined;
  readonly resources: Resources | undefined;
  /** Let systemd make the cgroup (--systemd-cgroup): cgroupsPath is slice:prefix:name. */
  readonly systemd: boolean;
  /** For org.systemd.property.*. */
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Without rights to cgroups, go on without them if the config asks for none. */
  readonly rootless: boolean;
  /** Not root of the machine: device filters are not ours to attach. */
  readonly unprivileged: boolean;
}

/** The container's directory in one hierarchy, as the state keeps it. */
export interface CgroupPlaceRecord {
  readonly name: string;
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  readonly path: string;
  /** How many directories of the path we made, counted from its end: the ones to remove. */
  made: number;
}

/** All that later commands need, for state.json. */
export interface CgroupRecord {
  readonly layout: CgroupLayout["layout"];
  readonly places: readonly CgroupPlaceRecord[];
  /** systemd's unit, when it has made the cgroup. */
  readonly unit?: UnitRecord;
}

/** A cgroup that is there. */
export interface ExistingCgroup {
  freeze(): void;
  thaw(): void;
  isFrozen(): boolean;
  /** Processes of the cgroup and those below. */
  processes(): number[];
  /** One signal to every process, none missed by a fork. */
  signalAll(signal: number): void;
  /** SIGKILL to all; false when some are still there after the time. */
  killAll(timeoutMs: number): boolean;
  /** Removes what we made. Also the undo of a create that failed at any point. */
  remove(): void;
}

/** One that is being made. The order of calls is: directory, view, (init is born), build, apply, joinFiles. */
export interface Cgroup extends ExistingCgroup {
  /** Settings that were accepted and have no effect. */
  readonly warnings: readonly string[];
  /** Makes what init is born into (v2, or the v2 side of a hybrid machine): an open directory for CLONE_INTO_CGROUP, or -1. */
  directory(): number;
  /** Nobody could be born there (EOPNOTSUPP): below a threaded cgroup it must be threaded as well. False: that was not it. */
  becomeThreaded(): boolean;
  /** For the plan; final after directory(). */
  view(): CgroupView;
  /** Makes the v1 directories, or has systemd make all. Init, the process `pid`, can be on its way meanwhile. */
  build(pid: number): void;
  /** Writes the limits of the request. */
  apply(): void;
  /** Open files in which init writes 0 to join (v1), in the order of the hierarchies; the caller closes them. */
  joinFiles(): number[];
  /** Gives a v2 cgroup to this user of the host (lifecycle/delegation.ts); nothing on v1. */
  delegate(uid: number): void;
  record(): CgroupRecord;
}

export interface CgroupDriver {
  /** Pure but for the errors of a config that cannot be fulfilled here. */
  create(request: CgroupRequest, layout: CgroupLayout): Cgroup;
}
