// The facts of this machine that the plan compiler asks for.
import { checkText } from "../errors.ts";
import type { MachineFacts } from "../plan/plan.ts";
import { sys } from "../sys.ts";
import { isInUserNamespace } from "./rootless.ts";

/** CAP_CHECKPOINT_RESTORE, the last one since Linux 5.9: for kernels that do not say (/proc hidden by the outer container). */
const LAST_KNOWN_CAP = 40;

let known: MachineFacts | undefined;

/** Read on first use, then kept. */
export function readFacts(): MachineFacts {
  known ??= {
    euid: sys.geteuid(),
    egid: sys.getegid(),
    lastCap: readLastCap(),
    grantable: readGrantable(),
    inUserNamespace: isInUserNamespace(),
    // Few containers ask for it.
    get confined() {
      return readsAsConfined();
    },
  };
  return known;
}

function readLastCap(): number {
  const path = "/proc/sys/kernel/cap_last_cap";
  const text = sys.read_lossy(path);
  if (text === -2) return LAST_KNOWN_CAP;
  const last = Number.parseInt(checkText(text, "read the last capability", path, "read"), 10);
  return Number.isNaN(last) ? LAST_KNOWN_CAP : last;
}

/** The lines "CapPrm:" and "CapBnd:" hold 64 bits in hexadecimal. */
function readGrantable(): number {
  const path = "/proc/self/status";
  const text = checkText(sys.read_lossy(path), "read the runtime's capabilities", path, "read");
  return parseGrantable(text);
}

/** Halves of 32 bits, since a number has 53. */
export function parseGrantable(status: string): number {
  const half = (name: string, from: number) => Number.parseInt(status.slice(status.indexOf(name) + 8 + from, status.indexOf(name) + 16 + from), 16);
  const both = (from: number) => (half("CapPrm:", from) & half("CapBnd:", from)) >>> 0;
  return both(0) * 2 ** 32 + both(8);
}

/** AppArmor's word for the runtime: "unconfined", or "PROFILE (enforce)". */
function readsAsConfined(): boolean {
  // The directory of its own came with Linux 5.8.
  const own = sys.read_lossy("/proc/self/attr/apparmor/current");
  const label = own === -2 ? sys.read_lossy("/proc/self/attr/current") : own;
  return typeof label === "string" && !/^unconfined(\s|$)/.test(label);
}
