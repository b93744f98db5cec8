// pause and resume: the freezer of the container's cgroup (v1 freezer.state, v2 cgroup.freeze).
import { openCgroup } from "../cgroup/existing.ts";
import { StateError } from "../errors.ts";
import { load, lock } from "../state/store.ts";
import { currentStatus, notRunning } from "./query.ts";

/** Every process of the container stands still when this returns. */
export function pauseContainer(root: string, id: string): void {
  lock(root, id);
  const record = load(root, id);
  const status = currentStatus(root, record);
  if (status !== "running" && status !== "created") throw status === "paused" ? alreadyPaused(id) : notRunning(id);
  if (record.cgroup.places.length === 0)
    throw new StateError("TS4010", `cannot pause a container without a cgroup: "${id}"`, { hint: "it was created by a user without rights to cgroups" });
  openCgroup(record.cgroup).freeze();
}

export function resumeContainer(root: string, id: string): void {
  lock(root, id);
  const record = load(root, id);
  if (currentStatus(root, record) !== "paused") throw new StateError("TS4009", `container not paused: "${id}"`);
  openCgroup(record.cgroup).thaw();
}

/** runc's words: a paused container counts as not running here. */
function alreadyPaused(id: string): StateError {
  return new StateError("TS4008", `container not running: "${id}" is paused already`);
}
