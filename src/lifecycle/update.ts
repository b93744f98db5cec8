// update: new limits for a container that is there.
import { parseResources } from "../bundle/resources-document.ts";
import { openCgroup } from "../cgroup/existing.ts";
import { findResctrl } from "../cgroup/intel-rdt.ts";
import { updateLimits } from "../cgroup/update.ts";
import { type RdtUpdate, updateRdt } from "../cgroup/update-rdt.ts";
import { StateError } from "../errors.ts";
import { warn } from "../log.ts";
import type { Resources } from "../spec/config.ts";
import { type StateRecord, writeAtomically } from "../state/record.ts";
import { directoryOf, load, lock } from "../state/store.ts";
import { currentStatus, notRunning } from "./query.ts";

/** A document of linux.resources, or members of it that flags gave. */
export type ResourcesRequest = { readonly document: { readonly path: string; readonly text: string } } | { readonly resources: Resources };

/** `schemata`: lines for the class of service of resctrl, which linux.resources knows nothing of. All limits are set, or none. */
export function updateContainer(root: string, id: string, request: ResourcesRequest, schemata: readonly string[]): void {
  lock(root, id);
  const record = load(root, id);
  if (currentStatus(root, record) === "stopped") throw notRunning(id);
  const resources = parseResources(request);
  const hasLimits = Object.keys(resources).length > 0;
  if (hasLimits && record.cgroup.places.length === 0)
    throw new StateError("TS4010", `cannot update a container without a cgroup: "${id}"`, { hint: "it was created by a user without rights to cgroups" });
  const rdt = schemata.length === 0 ? undefined : changeClass(record, schemata);
  try {
    if (hasLimits) for (const warning of updateLimits(record.cgroup, resources)) warn(warning);
    if (rdt !== undefined && rdt.record !== record.rdt)
      writeAtomically(`${directoryOf(root, id)}/state.json`, JSON.stringify({ ...record, rdt: rdt.record } satisfies StateRecord));
  } catch (error) {
    rdt?.undo();
    throw error;
  }
}

function changeClass({ id, pid, rdt, cgroup }: StateRecord, schemata: readonly string[]): RdtUpdate {
  return updateRdt(schemata, rdt, findResctrl, id, () => [...new Set([pid, ...openCgroup(cgroup).processes()])]);
}
