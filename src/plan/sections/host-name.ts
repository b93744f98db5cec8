// hostname, domainname -> the names in the UTS namespace; and the loopback interface of a new network namespace.
import { type Context, isNew, refuse } from "../context.ts";
import type { Op } from "../op-table.ts";

export function hostNameOps(context: Context): Op[] {
  const { hostname, domainname } = context.config;
  const ops: Op[] = [];
  if (hostname !== undefined && hostname !== "") ops.push({ op: "host.name", at: "/hostname", name: hostname });
  if (domainname !== undefined && domainname !== "") ops.push({ op: "host.domain", at: "/domainname", name: domainname });
  const [first] = ops;
  // The host's own name must never change.
  if (first !== undefined && context.namespaces.uts === undefined) refuse(first.at, "needs a UTS namespace", 'add { "type": "uts" } to linux.namespaces');
  return ops;
}

/** Not in the specification: engines rely on it, as a network namespace without any interface up is of little use. */
export function loopbackOps(context: Context): Op[] {
  return isNew(context, "network") ? [{ op: "net.loopback", at: context.namespaces.network?.at ?? "" }] : [];
}
