// update: new limits for a container that is there.
import { parseResources } from "../bundle/resources-document.ts";
import { updateLimits } from "../cgroup/update.ts";
import { StateError } from "../errors.ts";
import { warn } from "../log.ts";
import type { Resources } from "../spec/config.ts";
import { load, lock } from "../state/store.ts";
import { currentStatus, notRunning } from "./query.ts";

/** A document of linux.resources, or members of it that flags gave. */
export type ResourcesRequest = { readonly document: { readonly path: string; readonly text: string } } | { readonly resources: Resources };

export function updateContainer(root: string, id: string, request: ResourcesRequest): void {
  lock(root, id);
  const record = load(root, id);
  if (currentStatus(root, record) === "stopped") throw notRunning(id);
  const resources = parseResources(request);
  if (Object.keys(resources).length === 0) return;
  if (record.cgroup.places.length === 0)
    throw new StateError("TS4010", `cannot update a container without a cgroup: "${id}"`, { hint: "it was created by a user without rights to cgroups" });
  for (const warning of updateLimits(record.cgroup, resources)) warn(warning);
}
