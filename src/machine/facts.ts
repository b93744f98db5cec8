// The facts of this machine that the plan compiler asks for.
import { check } from "../errors.ts";
import type { MachineFacts } from "../plan/plan.ts";
import { sys } from "../sys.ts";
import { isInUserNamespace } from "./rootless.ts";

let known: MachineFacts | undefined;

/** Read on first use, then kept. */
export function readFacts(): MachineFacts {
  known ??= readAll();
  return known;
}

function readAll(): MachineFacts {
  const grantable = check(sys.capabilities(), "read the runtime's capabilities", "", "capget");
  return {
    grantable,
    lastCap: sys.out(0),
    euid: sys.geteuid(),
    egid: sys.getegid(),
    inUserNamespace: isInUserNamespace(),
    // Few containers ask for it.
    get confined() {
      return readsAsConfined();
    },
  };
}

/** AppArmor's word for the runtime: "unconfined", or "PROFILE (enforce)". */
function readsAsConfined(): boolean {
  // The directory of its own came with Linux 5.8.
  const own = sys.read_lossy("/proc/self/attr/apparmor/current");
  const label = own === -2 ? sys.read_lossy("/proc/self/attr/current") : own;
  return typeof label === "string" && !/^unconfined(\s|$)/.test(label);
}
