// linux.uidMappings and gidMappings -> the moment when the parent writes them, and becoming root by them.
import { type Context, isNew, setgroupsMode } from "../context.ts";
import { type Op, SYNC_POINTS } from "../op-table.ts";

/** Nobody in the container, or in a namespace that it shares, may look into init, where everything of the host still is (CVE-2016-9962). */
export const HIDE: Op = { op: "cred.undumpable", at: "" };

/** To be placed where init has just entered its user namespace, if it has one. */
export function idmapOps(context: Context): Op[] {
  const user = context.namespaces.user;
  if (user === undefined) return [];
  const ask: Op[] = isNew(context, "user") ? [{ op: "sync.ask", at: "/linux/uidMappings", point: SYNC_POINTS.idmap }] : [];
  // Not sooner in a new one: /proc/<pid>/uid_map of a hidden process belongs to root, and an unprivileged parent could not write it.
  // Again in one that is joined: by a change of ids a process may become visible (proc(5), fs.suid_dumpable).
  return [...ask, { op: "user.become_root", at: user.at, setgroups: setgroupsMode(context) }, HIDE];
}
