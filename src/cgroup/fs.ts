// The runtime makes the directories and writes the files (cgroupfs), or systemd makes a unit, and we write what it does not. Later commands need existing.ts alone.
import { check, SystemError } from "../errors.ts";
import type { CgroupLayout, CgroupView } from "../plan/plan.ts";
import type { Resources } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { domainControllers, giveAllControllers, giveControllers } from "./controllers.ts";
import { deviceFilter } from "./device-filter.ts";
import { deviceRules, deviceWritesV1 } from "./device-rules.ts";
import { fillCpuset, makeDirectories, refuseFrozen, refuseOccupied } from "./directories.ts";
import type { Cgroup, CgroupDriver, CgroupPlaceRecord, CgroupRecord, CgroupRequest } from "./driver.ts";
import { Existing, isOfSystemd } from "./existing.ts";
import { EACCES, ENOENT, EOPNOTSUPP, EPERM, EROFS, O_WRONLY, openDirectory, readFile, readWords, writeOrThrow } from "./files.ts";
import { compileLimits, controllersOf, type Limits } from "./limits.ts";
import { CGROUPS_PATH, placeCgroup } from "./place.ts";
import { managerCgroup, systemdError } from "./systemd-bus.ts";
import { unitName } from "./systemd-name.ts";
import { annotationProperties, resourceProperties } from "./systemd-properties.ts";
import { awaitUnit, startUnit, type UnitRecord } from "./systemd-unit.ts";
import { noController, writeLimits } from "./write-limits.ts";

const DELEGATE_LIST = "/sys/kernel/cgroup/delegate";
const DELEGATE_DEFAULT = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

export const cgroupfs: CgroupDriver = {
  create(request, layout) {
    if (!request.systemd) return new FsCgroup(request, placeRecords(request, layout), layout.layout);
    const user = request.rootless;
    const { slice, unit, path } = unitName(request.cgroupsPath, request.id, user);
    if (user && layout.layout !== "v2")
      throw systemdError(
        "make a unit for a user",
        "it can give a user no limits on cgroup v1",
        user,
        "with cgroupfs, which is without --systemd-cgroup, a container without limits works",
      );
    const root = user ? managerCgroup() : "";
    const places = layout.hierarchies.map(({ name, controllers, mountpoint }) => ({
      name,
      controllers,
      mountpoint,
      path: `${mountpoint}${root}${path}`,
      made: 0,
    }));
    return new FsCgroup(request, places, layout.layout, { record: { unit, user }, slice });
  },
};

/** Where the container's cgroup is systemd's: the rest, limits and the other v1 hierarchies, is ours in both cases. */
interface OfSystemd {
  readonly record: UnitRecord;
  readonly slice: string;
}

function placeRecords(request: CgroupRequest, layout: CgroupLayout): CgroupPlaceRecord[] {
  return placeCgroup(request.cgroupsPath, request.id, layout).map(({ hierarchy, path }) => {
    const { name, controllers, mountpoint } = hierarchy;
    return { name, controllers, mountpoint, path, made: 0 };
  });
}

class FsCgroup extends Existing implements Cgroup {
  readonly warnings: string[] = [];
  readonly #request: CgroupRequest;
  readonly #systemd: OfSystemd | undefined;
  #layout: CgroupLayout["layout"];
  #compiled: Limits | undefined;
  /** We may make none, and none were asked for. */
  #doesWithout = false;

  constructor(request: CgroupRequest, places: readonly CgroupPlaceRecord[], layout: CgroupLayout["layout"], systemd?: OfSystemd) {
    super(places);
    this.#systemd = systemd;
    this.#request = request;
    this.#layout = layout;
  }

  get #version(): "v1" | "v2" {
    return this.#layout === "v2" ? "v2" : "v1";
  }

  get #v1Places(): readonly CgroupPlaceRecord[] {
    return this.places.filter((place) => place.controllers.length > 0 && !(this.#systemd !== undefined && isOfSystemd(place)));
  }

  get #unified(): CgroupPlaceRecord | undefined {
    return this.places.find((place) => place.controllers.length === 0);
  }

  directory(): number {
    // systemd moves a process that is there.
    if (this.#systemd !== undefined) return -1;
    const place = this.#unified;
    if (place === undefined) return -1;
    if (!this.#make(place)) return -1;
    if (this.#version === "v2") {
      refuseFrozen(place);
      giveAllControllers(place, () => controllersOf(this.#limits));
    }
    return openDirectory(place.path, "open the cgroup");
  }

  view(): CgroupView {
    return {
      layout: this.#layout,
      mounts: this.places.map(({ name, controllers, path, mountpoint }) => ({ name, controllers, hostPath: path, mountpoint })),
      joinFiles: this.#v1Places.length,
    };
  }

  build(pid: number): void {
    if (this.#systemd !== undefined) {
      const { record, slice } = this.#systemd;
      const { annotations } = this.#request;
      startUnit(record, slice, pid, [...resourceProperties(this.#limits.writes), ...annotationProperties(annotations)]);
      this.unit = record;
      awaitUnit(record, pid);
    }
    for (const place of this.#v1Places) {
      if (!this.#make(place)) return;
      if (place.controllers.includes("cpuset")) fillCpuset(place);
      if (place.controllers.includes("freezer")) refuseFrozen(place);
    }
  }

  /** Compiled when they are first needed: on v1 that is while init is at work already. */
  get #limits(): Limits {
    this.#compiled ??= compileLimits(this.#request.resources, this.#version);
    return this.#compiled;
  }

  becomeThreaded(): boolean {
    const place = this.#unified;
    if (place === undefined || readFile(`${place.path}/cgroup.type`) !== "domain invalid") return false;
    const domain = domainControllers(controllersOf(this.#limits));
    if (domain.length > 0) {
      const action = `put the container in its cgroup, which must be threaded like the one above it, and then has no limits of ${domain.join(", ")}`;
      throw new SystemError(action, place.path, "clone3", EOPNOTSUPP, { pointer: CGROUPS_PATH });
    }
    writeOrThrow(`${place.path}/cgroup.type`, "threaded", CGROUPS_PATH);
    return true;
  }

  /** False: no cgroups, since we may not make any and none were asked for. */
  #make(place: CgroupPlaceRecord): boolean {
    const result = makeDirectories(place);
    if (result < 0) {
      if (!this.#mayDoWithout(result)) throw new SystemError("make the cgroup", place.path, "mkdir", -result, { pointer: CGROUPS_PATH });
      this.remove();
      this.places = [];
      this.#layout = "none";
      this.#doesWithout = true;
      return false;
    }
    // systemd has put the process into what it made.
    if (this.#systemd === undefined) refuseOccupied(place);
    return true;
  }

  #mayDoWithout(result: number): boolean {
    const { rootless, cgroupsPath, resources } = this.#request;
    const asked = (cgroupsPath ?? "") !== "" || Object.keys(resources ?? {}).some((key) => key !== "devices");
    return rootless && !asked && [-EACCES, -EPERM, -EROFS].includes(result);
  }

  apply(): void {
    if (this.#doesWithout) return;
    this.warnings.push(...this.#limits.warnings);
    if (this.#limits.writes.length > 0) {
      const unified = this.#version === "v2" ? this.#unified : undefined;
      if (unified !== undefined) giveControllers(unified, controllersOf(this.#limits));
      writeLimits(this.places, this.#version, this.#limits);
    }
    this.#restrictDevices(this.#request.resources);
  }

  #restrictDevices(resources: Resources | undefined): void {
    const rules = deviceRules(resources?.devices);
    if (this.#version === "v2") {
      const program = deviceFilter(rules);
      const directory = this.#unified?.path;
      if (program === undefined || directory === undefined) return;
      const attached = sys.attach_device_filter(directory, program);
      // Nobody but root can; in their user namespace they make no devices, and may use those of the host that are theirs anyway.
      if (attached === -EPERM && this.#request.rootless && this.#request.unprivileged) return;
      if (attached < 0) throw new SystemError("attach the device filter to the cgroup", directory, "bpf", -attached, { pointer: "/linux/resources/devices" });
      return;
    }
    const place = this.places.find((candidate) => candidate.controllers.includes("devices"));
    if (place === undefined) {
      // Of users the kernel itself keeps devices away.
      if (!this.#request.rootless && resources?.devices?.some(({ allow }) => !allow)) throw noController("devices", "/linux/resources/devices");
      return;
    }
    for (const { file, value, at } of deviceWritesV1(rules)) writeOrThrow(`${place.path}/${file}`, value, at);
  }

  joinFiles(): number[] {
    return this.#v1Places.map((place) => check(sys.open(`${place.path}/tasks`, O_WRONLY, 0), "open the cgroup's tasks", place.path, "open"));
  }

  delegate(uid: number): void {
    const place = this.#version === "v2" ? this.#unified : undefined;
    if (place === undefined) return;
    const listed = readWords(DELEGATE_LIST);
    for (const file of ["", ...(listed.length > 0 ? listed : DELEGATE_DEFAULT).map((name) => `/${name}`)]) {
      const result = sys.chown(`${place.path}${file}`, uid, -1);
      if (result < 0 && result !== -ENOENT) check(result, "give the cgroup to the container's root", `${place.path}${file}`, "chown");
    }
  }

  record(): CgroupRecord {
    return { layout: this.#layout, places: this.places, ...(this.#systemd === undefined ? {} : { unit: this.#systemd.record }) };
  }
}
