// linux.mountLabel (spec 8.64) -> the mount option that SELinux takes.
import type { Context } from "../context.ts";

/** Kinds of filesystem that take no SELinux context as a mount option. */
const WITHOUT_LABEL: readonly string[] = ["proc", "sysfs", "cgroup", "cgroup2"];

/** The data of a new filesystem, with the label in it. */
export function labelledData(context: Context, type: string, words: readonly string[]): string {
  const label = context.config.linux?.mountLabel ?? "";
  // In quotes, as a label may hold commas.
  const all = label === "" || WITHOUT_LABEL.includes(type) ? words : [...words, `context="${label}"`];
  return all.join(",");
}
