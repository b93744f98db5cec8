// What state and list tell: the record and the kernel's view, in runc's members and order.
import { openCgroup } from "../cgroup/existing.ts";
import { StateError } from "../errors.ts";
import { SPEC_VERSION } from "../spec/version.ts";
import type { StateRecord } from "../state/record.ts";
import { type Status, statusOf } from "../state/status.ts";
import { directoryOf, find, listIds, load } from "../state/store.ts";
import { sys } from "../sys.ts";

const ENOENT = 2;

export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: string;
}

export type ListedContainer = ContainerState;

export function currentStatus(root: string, record: StateRecord): Status {
  return statusOf(record, directoryOf(root, record.id), () => openCgroup(record.cgroup).isFrozen());
}

export function containerState(root: string, id: string): ContainerState {
  return describe(root, load(root, id), "");
}

export function listContainers(root: string): ListedContainer[] {
  const containers: ListedContainer[] = [];
  for (const id of listIds(root)) {
    const record = find(root, id);
    if (record !== undefined) containers.push(describe(root, record, ownerOf(directoryOf(root, id))));
  }
  return containers;
}

function describe(root: string, record: StateRecord, owner: string): ContainerState {
  const status = currentStatus(root, record);
  return {
    ociVersion: SPEC_VERSION,
    id: record.id,
    pid: status === "stopped" ? 0 : record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(record.annotations === undefined ? {} : { annotations: record.annotations }),
    owner,
  };
}

export function notRunning(id: string): StateError {
  return new StateError("TS4008", `container not running: "${id}"`, { hint: 'only a created or running container has processes: see "tsrun state"' });
}

function ownerOf(directory: string): string {
  if (sys.stat_mode(directory) === -ENOENT) return "";
  const uid = sys.out(0);
  const name = sys.user_name(uid);
  return typeof name === "string" ? name : `#${uid}`;
}
