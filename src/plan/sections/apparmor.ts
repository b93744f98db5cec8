// process.apparmorProfile -> the profile of the next execve.
import type { Context } from "../context.ts";
import type { Op } from "../op-table.ts";

export const UNCONFINED = "unconfined";

/** While / is the host's, whose procfs can be trusted. That the machine has AppArmor is checked with the bundle. */
export function apparmorOps({ config, facts }: Context): Op[] {
  const { apparmorProfile: profile = "", noNewPrivileges } = config.process ?? {};
  if (profile === "") return [];
  // Out of a profile no_new_privs lets nobody go: the program gets both, the runtime's and its own.
  const stack = noNewPrivileges === true && facts.confined === true ? 1 : 0;
  return [{ op: "apparmor.exec", at: "/process/apparmorProfile", profile, optional: profile === UNCONFINED ? 1 : 0, stack }];
}
