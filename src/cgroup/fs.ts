// The cgroupfs driver: the runtime itself makes the directories and writes the files. Later commands need existing.ts alone.
import { check, SystemError } from "../errors.ts";
import type { CgroupLayout, CgroupView } from "../plan/plan.ts";
import type { Resources } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { deviceFilter } from "./device-filter.ts";
import { deviceRules, deviceWritesV1 } from "./device-rules.ts";
import { enableControllers, fillCpuset, makeDirectories, refuseOccupied } from "./directories.ts";
import type { Cgroup, CgroupDriver, CgroupPlaceRecord, CgroupRecord, CgroupRequest } from "./driver.ts";
import { Existing } from "./existing.ts";
import { EACCES, ENOENT, EPERM, EROFS, O_WRONLY, readWords, writeOrThrow } from "./files.ts";
import { compileLimits, type Limits } from "./limits.ts";
import { CGROUPS_PATH, placeCgroup } from "./place.ts";
import { writeLimits } from "./write-limits.ts";

const O_DIRECTORY_PATH = 0o10200000;
const DELEGATE_LIST = "/sys/kernel/cgroup/delegate";
const DELEGATE_DEFAULT = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

export const cgroupfs: CgroupDriver = {
  create(request, layout) {
    return new FsCgroup(request, placeRecords(request, layout), layout.layout);
  },
};

function placeRecords(request: CgroupRequest, layout: CgroupLayout): CgroupPlaceRecord[] {
  return placeCgroup(request.cgroupsPath, request.id, layout).map(({ hierarchy, path }) => {
    const { name, controllers, mountpoint } = hierarchy;
    return { name, controllers, mountpoint, path, made: 0 };
  });
}

class FsCgroup extends Existing implements Cgroup {
  readonly warnings: string[] = [];
  readonly #request: CgroupRequest;
  #layout: CgroupLayout["layout"];

  constructor(request: CgroupRequest, places: readonly CgroupPlaceRecord[], layout: CgroupLayout["layout"]) {
    super(places);
    this.#request = request;
    this.#layout = layout;
  }

  get #version(): "v1" | "v2" {
    return this.#layout === "v2" ? "v2" : "v1";
  }

  get #v1Places(): readonly CgroupPlaceRecord[] {
    return this.places.filter((place) => place.controllers.length > 0);
  }

  get #unified(): CgroupPlaceRecord | undefined {
    return this.places.find((place) => place.controllers.length === 0);
  }

  directory(): number {
    const place = this.#unified;
    if (place === undefined) return -1;
    if (!this.#make(place)) return -1;
    return check(sys.open(place.path, O_DIRECTORY_PATH, 0), "open the cgroup", place.path, "open");
  }

  view(): CgroupView {
    return {
      layout: this.#layout,
      mounts: this.places.map(({ name, controllers, path, mountpoint }) => ({ name, controllers, hostPath: path, mountpoint })),
      joinFiles: this.#v1Places.length,
    };
  }

  build(): void {
    for (const place of this.#v1Places) {
      if (!this.#make(place)) return;
      if (place.controllers.includes("cpuset")) fillCpuset(place);
    }
  }

  /** False: no cgroups, since we may not make any and none were asked for. */
  #make(place: CgroupPlaceRecord): boolean {
    const result = makeDirectories(place);
    if (result < 0) {
      if (!this.#mayDoWithout(result)) throw new SystemError("make the cgroup", place.path, "mkdir", -result, { pointer: CGROUPS_PATH });
      this.remove();
      this.places = [];
      this.#layout = "none";
      return false;
    }
    refuseOccupied(place);
    return true;
  }

  #mayDoWithout(result: number): boolean {
    const { rootless, cgroupsPath, resources } = this.#request;
    const asked = (cgroupsPath ?? "") !== "" || Object.keys(resources ?? {}).some((key) => key !== "devices");
    return rootless && !asked && [-EACCES, -EPERM, -EROFS].includes(result);
  }

  apply(): void {
    if (this.#layout === "none") return;
    const resources = this.#request.resources;
    this.#write(compileLimits(resources, this.#version));
    this.#restrictDevices(resources);
  }

  #write(limits: Limits): void {
    this.warnings.push(...limits.warnings);
    if (limits.writes.length === 0) return;
    const unified = this.#version === "v2" ? this.#unified : undefined;
    if (unified !== undefined)
      enableControllers(
        unified,
        [...new Set(limits.writes.map((write) => write.controller))].filter((name) => name !== "cgroup"),
      );
    writeLimits(this.places, this.#version, limits);
  }

  #restrictDevices(resources: Resources | undefined): void {
    const rules = deviceRules(resources?.devices);
    if (this.#version === "v2") {
      const program = deviceFilter(rules);
      const directory = this.#unified?.path;
      if (program === undefined || directory === undefined) return;
      const attached = sys.attach_device_filter(directory, program);
      if (attached < 0) throw new SystemError("attach the device filter to the cgroup", directory, "bpf", -attached, { pointer: "/linux/resources/devices" });
      return;
    }
    const place = this.places.find((candidate) => candidate.controllers.includes("devices"));
    if (place === undefined) return;
    for (const { file, value, at } of deviceWritesV1(rules)) writeOrThrow(`${place.path}/${file}`, value, at);
  }

  joinFiles(): number[] {
    return this.#v1Places.map((place) => check(sys.open(`${place.path}/tasks`, O_WRONLY, 0), "open the cgroup's tasks", place.path, "open"));
  }

  delegate(uid: number): void {
    const place = this.#unified;
    if (place === undefined) return;
    const listed = readWords(DELEGATE_LIST);
    for (const file of ["", ...(listed.length > 0 ? listed : DELEGATE_DEFAULT).map((name) => `/${name}`)]) {
      const result = sys.chown(`${place.path}${file}`, uid, -1);
      if (result < 0 && result !== -ENOENT) check(result, "give the cgroup to the container's root", `${place.path}${file}`, "chown");
    }
  }

  record(): CgroupRecord {
    return { layout: this.#layout, places: this.places };
  }
}
