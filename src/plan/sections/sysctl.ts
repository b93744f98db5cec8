// linux.sysctl -> writes below /proc/sys.
import type { Context } from "../context.ts";
import type { Op } from "../op-table.ts";
import { pointerPart } from "../paths.ts";

export function sysctlOps(context: Context): Op[] {
  const entries = Object.entries(context.config.linux?.sysctl ?? {});
  return entries.map(([key, value]): Op => ({ op: "sysctl.write", at: `/linux/sysctl/${pointerPart(key)}`, path: sysctlPath(key), value }));
}

/**
 * Both spellings of sysctl(8): the separator that comes first decides. In `net.ipv4.conf.eth0/1.mtu` the slash stands for a dot,
 * in `net/ipv4/conf/eth0.1/mtu` the dot is one.
 */
export function sysctlPath(key: string): string {
  const dot = key.indexOf(".");
  const slash = key.indexOf("/");
  if (dot < 0 || (slash >= 0 && slash < dot)) return key;
  return key
    .split("/")
    .map((part) => part.replaceAll(".", "/"))
    .join(".");
}
