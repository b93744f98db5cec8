// process.apparmorProfile -> the profile of the next execve.
import type { Process } from "../../spec/config.ts";
import type { Op } from "../op-table.ts";

export const UNCONFINED = "unconfined";

/** While / is the host's, whose procfs can be trusted. That the machine has AppArmor is checked with the bundle. */
export function apparmorOps(process: Process | undefined): Op[] {
  const profile = process?.apparmorProfile ?? "";
  return profile === "" ? [] : [{ op: "apparmor.exec", at: "/process/apparmorProfile", profile, optional: profile === UNCONFINED ? 1 : 0 }];
}
