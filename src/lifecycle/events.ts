// events: what a container uses, again and again, and when the kernel had to kill in it for memory.
import { watchOom } from "../cgroup/oom.ts";
import { cgroupStats, type Stats } from "../cgroup/stats.ts";
import { check, StateError } from "../errors.ts";
import { isAlive } from "../state/status.ts";
import { load } from "../state/store.ts";
import { sys } from "../sys.ts";
import { currentStatus, notRunning } from "./query.ts";

export type ContainerEvent = { readonly type: "stats"; readonly id: string; readonly data: Stats } | { readonly type: "oom"; readonly id: string };

const CLOCK_MONOTONIC = 1;
const NS_PER_MS = 1e6;

export function containerStats(root: string, id: string): ContainerEvent {
  const record = load(root, id);
  if (currentStatus(root, record) === "stopped") throw notRunning(id);
  if (record.cgroup.places.length === 0)
    throw new StateError("TS4010", `there are no statistics without a cgroup: "${id}"`, { hint: "it was created by a user without rights to cgroups" });
  return { type: "stats", id, data: cgroupStats(record.cgroup) };
}

/** Statistics every `intervalMs`, and out-of-memory events as they come; returns when the container's process has ended. */
export function followEvents(root: string, id: string, intervalMs: number, emit: (event: ContainerEvent) => void): void {
  containerStats(root, id);
  const record = load(root, id);
  const pidfd = check(sys.pidfd_open(record.pid), "open the container's process", id, "pidfd_open");
  if (!isAlive(record)) throw notRunning(id);
  const oom = watchOom(record.cgroup);
  let killed = oom?.count() ?? 0;
  const report = () => {
    const count = oom?.count() ?? 0;
    if (count > killed) emit({ type: "oom", id });
    killed = Math.max(killed, count);
  };
  for (let next = nowMs() + intervalMs; ; ) {
    const what = sys.poll_event(oom?.fd ?? -1, pidfd, Math.max(0, Math.ceil(next - nowMs())));
    check(what, "wait for events", id, "poll");
    report();
    if (what === 2) return;
    if (what !== 0) continue;
    emit({ type: "stats", id, data: cgroupStats(record.cgroup) });
    next += intervalMs;
  }
}

function nowMs(): number {
  return sys.clock_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}
