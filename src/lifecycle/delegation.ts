// Whom a container's cgroup is given to (spec 8.33): only where the container can write to it anyway, and counts from there.
import type { Config } from "../spec/config.ts";

/** The host's id of the program's user, when the cgroup is to be its own; v1 cgroups are never given away. */
export function delegatedUid({ linux, mounts = [], process }: Config): number | undefined {
  const makes = (type: string) => linux?.namespaces?.some((namespace) => namespace.type === type && (namespace.path ?? "") === "") === true;
  const isWritable = mounts.some(({ destination, source, options = [] }) => source === "cgroup" && destination === "/sys/fs/cgroup" && !options.includes("ro"));
  if (!isWritable || !makes("cgroup") || process === undefined) return undefined;
  const { uid } = process.user;
  if (!makes("user")) return uid;
  const map = linux?.uidMappings?.find(({ containerID, size }) => uid >= containerID && uid < containerID + size);
  return map === undefined ? undefined : map.hostID + (uid - map.containerID);
}
