// process.selinuxLabel -> the label of the next execve, and of the session keyring.
import type { Context } from "../context.ts";
import type { Op } from "../op-table.ts";

const AT = "/process/selinuxLabel";

/** While / is the host's, whose procfs can be trusted. That the machine has SELinux is checked with the bundle. */
export function selinuxOps({ config }: Context): Op[] {
  const label = config.process?.selinuxLabel ?? "";
  return label === "" ? [] : [{ op: "selinux.label", at: AT, attribute: "exec", label }];
}

/** Before the keyring is made: the program must be allowed to use it. */
export function keyLabelOps({ config, options }: Context): Op[] {
  const label = config.process?.selinuxLabel ?? "";
  return label === "" || options.noNewKeyring ? [] : [{ op: "selinux.label", at: AT, attribute: "keycreate", label }];
}

/** After it: the keys of what is mounted are not the program's. An exec mounts nothing, and the kernel forgets the label at its execve. */
export function endKeyLabelOps(context: Context): Op[] {
  return keyLabelOps(context).map((op) => ({ ...op, label: "" }));
}
