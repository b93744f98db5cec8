// A container without a mount namespace has its mounts in the runtime's: they go with it.
import { warn } from "../log.ts";
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";

/** Its mounts are below the root filesystem in our own mount namespace. */
export function hasHostMounts({ linux, mounts = [] }: Config): boolean {
  return mounts.length > 0 && linux?.namespaces?.some(({ type }) => type === "mount") !== true;
}

/** Detaches every mount below the root filesystem, the last one first. */
export function removeHostMounts(rootfs: string): void {
  const real = sys.real_path(rootfs);
  const table = sys.read_lossy("/proc/self/mountinfo");
  if (typeof real === "number" || typeof table === "number") return;
  const points = table
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((point) => point.startsWith(`${real}/`));
  for (const point of points.reverse()) {
    const result = sys.umount(point);
    if (result < 0) warn(`cannot take the mount "${point}" away: errno ${-result}`);
  }
}
