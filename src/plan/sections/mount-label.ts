// linux.mountLabel (spec 8.64) -> the option that SELinux takes with a new filesystem, or the attribute of its root.
import type { Context } from "../context.ts";

/** Their files have the labels that the policy gives them, or the superblock is the one of the host's mount: no context can be given, as in runc. */
const WITHOUT_LABEL: readonly string[] = ["proc", "sysfs", "cgroup", "cgroup2"];

/** The kernel makes its superblock with the ipc namespace, before any option: only the root directory can be labelled. */
const LABELLED_AT_ROOT: readonly string[] = ["mqueue"];

export function mountLabel({ config }: Context): string {
  return config.linux?.mountLabel ?? "";
}

/** The data of a new filesystem, with the label in it. */
export function labelledData(context: Context, type: string, words: readonly string[]): string {
  const label = mountLabel(context);
  // In quotes, as a label may hold commas.
  const all = label === "" || WITHOUT_LABEL.includes(type) || LABELLED_AT_ROOT.includes(type) ? words : [...words, `context="${label}"`];
  return all.join(",");
}

/** The label of the new root directory, where the data cannot have it; else "". */
export function rootLabel(context: Context, type: string): string {
  return LABELLED_AT_ROOT.includes(type) ? mountLabel(context) : "";
}
