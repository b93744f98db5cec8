// Who the caller is to this machine: its root, a user, or the root of a user namespace.
import { sys } from "../sys.ts";

let known: boolean | undefined;

/** Outside of any user namespace the mapping is all ids onto themselves (user_namespaces(7)). */
export function isInUserNamespace(): boolean {
  known ??= readsAsUserNamespace();
  return known;
}

function readsAsUserNamespace(): boolean {
  const map = sys.read_lossy("/proc/self/uid_map");
  return typeof map === "string" && map.trim().split(/\s+/).join(" ") !== "0 0 4294967295";
}

/**
 * Not root of a machine. An engine that a user calls is root of a user namespace, and the machine is not in it; where process 1 is in the
 * namespace as well, root is root of a machine, a nested one.
 */
export function isRootless(): boolean {
  if (sys.geteuid() !== 0) return true;
  return isInUserNamespace() && !(sys.stat_mode("/proc/1") >= 0 && sys.out(0) === 0);
}
