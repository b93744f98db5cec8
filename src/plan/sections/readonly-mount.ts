// A mount that gets read-only after it was filled.
import { ATTR } from "../kernel-flags.ts";
import type { Op } from "../op-table.ts";

/** By the mount alone: the superblock may be shared with others. */
export function readonlyMount(at: string, target: string): Op {
  return {
    op: "mount.remount",
    at,
    target,
    bind: 1,
    flags: 0,
    attrSet: ATTR.RDONLY,
    attrClear: 0,
    recAttrSet: 0,
    recAttrClear: 0,
    data: "",
    propagation: [],
  };
}
