// linux.uidMappings and gidMappings -> the moment when the parent writes them, and becoming root by them.
import { type Context, isNew } from "../context.ts";
import { type Op, SYNC_POINTS } from "../op-table.ts";

/** To be placed where init has just entered its user namespace, if it has one. */
export function idmapOps(context: Context): Op[] {
  const ops: Op[] = [];
  const user = context.namespaces.user;
  if (user !== undefined) {
    if (isNew(context, "user")) ops.push({ op: "sync.ask", at: "/linux/uidMappings", point: SYNC_POINTS.idmap });
    ops.push({ op: "user.become_root", at: user.at, setgroups: context.options.setgroups ? 1 : 0 });
  }
  // Not sooner: /proc/<pid>/uid_map of an undumpable process belongs to root, and an unprivileged parent could not write it.
  ops.push({ op: "cred.undumpable", at: "" });
  return ops;
}
