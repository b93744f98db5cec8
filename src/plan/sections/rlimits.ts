// process.rlimits -> one op each, while init may still raise a hard limit.

import type { Process } from "../../spec/config.ts";
import { refuse } from "../context.ts";
import type { Op } from "../op-table.ts";
import { rlimitNumber } from "../rlimits.ts";

export function rlimitOps(process: Process): Op[] {
  return (process.rlimits ?? []).map(({ type, soft, hard }, index): Op => {
    const at = `/process/rlimits/${index}`;
    const resource = rlimitNumber(type) ?? refuse(`${at}/type`, `unknown resource limit ${type}`);
    return { op: "rlimit.set", at, resource, soft, hard };
  });
}
