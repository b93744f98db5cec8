// Hears of the out-of-memory killer in a cgroup: an eventfd on v1 (memory.oom_control), inotify of memory.events on v2.
import { check } from "../errors.ts";
import { sys } from "../sys.ts";
import type { CgroupRecord } from "./driver.ts";
import { readCounter } from "./files.ts";

export interface OomWatch {
  /** Becomes readable when something may have happened. */
  readonly fd: number;
  /** Processes killed so far. */
  readonly count: () => number;
}

/** Undefined without a memory cgroup. */
export function watchOom(record: CgroupRecord): OomWatch | undefined {
  const isV2 = record.layout === "v2";
  const place = record.places.find(({ controllers }) => (isV2 ? controllers.length === 0 : controllers.includes("memory")));
  if (place === undefined) return undefined;
  const file = `${place.path}/${isV2 ? "memory.events" : "memory.oom_control"}`;
  const fd = check(isV2 ? sys.watch_file(file) : sys.watch_oom_v1(place.path), "watch for out-of-memory events", file, isV2 ? "inotify_add_watch" : "write");
  return { fd, count: () => readCounter(file, "oom_kill") ?? 0 };
}
