// linux.maskedPaths, linux.readonlyPaths -> what the container must not read or write.
import { type Context, canMount, refuse } from "../context.ts";
import type { Op } from "../op-table.ts";
import { containerPath } from "../paths.ts";
import { mountLabel } from "./mount-label.ts";

/** Read-only first: a mask over a part of a read-only tree stays on top of it. */
export function hiddenPathOps(context: Context): Op[] {
  const readonly = context.config.linux?.readonlyPaths ?? [];
  const masked = context.config.linux?.maskedPaths ?? [];
  if (!canMount(context)) {
    if (readonly.length > 0) refuse("/linux/readonlyPaths", "needs a mount namespace");
    if (masked.length > 0) refuse("/linux/maskedPaths", "needs a mount namespace");
  }
  const label = mountLabel(context);
  return [
    ...readonly.map((path, index): Op => ({ op: "path.readonly", at: `/linux/readonlyPaths/${index}`, target: containerPath(path) })),
    ...masked.map((path, index): Op => ({ op: "path.mask", at: `/linux/maskedPaths/${index}`, target: containerPath(path), label })),
  ];
}
