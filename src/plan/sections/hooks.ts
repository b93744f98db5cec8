// hooks.* -> the point where the parent runs its own (prestart, createRuntime), and the ones that run in the container.

import type { Hook, Hooks } from "../../spec/config.ts";
import type { Context } from "../context.ts";
import { type Op, SYNC_POINTS } from "../op-table.ts";

/** All kinds, in the order of a container's life. */
export const HOOK_KINDS = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const satisfies readonly (keyof Hooks)[];

/** Hooks of create, in the order of the specification: runtime namespace first (spec 4.06 to 4.08). */
export function createHookOps(context: Context): Op[] {
  const { hooks } = context.config;
  const ops: Op[] = [];
  if ((hooks?.prestart ?? []).length > 0) ops.push({ op: "sync.ask", at: "/hooks/prestart", point: SYNC_POINTS.hooks });
  else if ((hooks?.createRuntime ?? []).length > 0) ops.push({ op: "sync.ask", at: "/hooks/createRuntime", point: SYNC_POINTS.hooks });
  return [...ops, ...hookOps(hooks?.createContainer, "/hooks/createContainer", context.options.hookState.creating)];
}

/** Hooks of start (spec 4.09): whoever starts waits for them. */
export function startHookOps(context: Context): Op[] {
  return hookOps(context.config.hooks?.startContainer, "/hooks/startContainer", context.options.hookState.created);
}

function hookOps(hooks: readonly Hook[] | undefined, pointer: string, [stateBefore, stateAfter]: readonly [string, string]): Op[] {
  return (hooks ?? []).map((hook, index): Op => {
    const args = hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args;
    // Without `env` it is empty (spec 4.05 leaves it open): the runtime's own is nobody's business.
    const env = hook.env ?? [];
    return { op: "hook.run", at: `${pointer}/${index}`, path: hook.path, args, env, timeoutMs: Number(hook.timeout ?? 0) * 1000, stateBefore, stateAfter };
  });
}
