// PlanOptions.notifyDir -> the directory of the sd_notify socket, as the container sees it.
import { type Context, canMount } from "../context.ts";
import { ATTR } from "../kernel-flags.ts";
import type { Op } from "../op-table.ts";

export function notifyOps(context: Context): Op[] {
  const source = context.options.notifyDir;
  if (source === undefined || !canMount(context)) return [];
  const attrSet = ATTR.RDONLY | ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC;
  return [
    { op: "mount.bind", at: "", source, given: 0, target: "/run/notify", recursive: 0, attrSet, attrClear: 0, recAttrSet: 0, recAttrClear: 0, propagation: [] },
  ];
}
