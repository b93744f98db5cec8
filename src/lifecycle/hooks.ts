// Hooks that run in the runtime's namespaces: prestart, createRuntime, poststart, poststop (runtime-spec, "POSIX-platform Hooks").
// Those of the container's namespaces are ops of the plan (hook.run).
import { HookError } from "../errors.ts";
import type { Hook } from "../spec/config.ts";
import { SPEC_VERSION } from "../spec/version.ts";
import type { StateRecord } from "../state/record.ts";
import type { Status } from "../state/status.ts";
import { sys } from "../sys.ts";

const ETIMEDOUT = 110;
/** Bytes of a failed hook's output that its error shows. */
const OUTPUT_TAIL = 4096;

/** The state that hooks get on stdin and `tsrun state` begins with. */
export function stateOf(record: Pick<StateRecord, "id" | "bundle" | "annotations">, status: Status, pid: number): Record<string, unknown> {
  const state: Record<string, unknown> = { ociVersion: SPEC_VERSION, id: record.id, pid, status, bundle: record.bundle };
  if (record.annotations !== undefined) state["annotations"] = record.annotations;
  return state;
}

/** State JSON cut where init writes its own pid: inside the container it is another one (spec 2.05). */
export function stateAroundPid(record: Pick<StateRecord, "id" | "bundle" | "annotations">, status: Status): readonly [string, string] {
  const [before, after] = JSON.stringify(stateOf(record, status, 0)).split('"pid":0', 2);
  return [`${before}"pid":`, after ?? ""];
}

/** Runs the hooks of one kind in order; the first that fails throws. */
export function runHooks(kind: string, hooks: readonly Hook[] | undefined, state: Record<string, unknown>): void {
  if (hooks === undefined) return;
  const stdin = JSON.stringify(state);
  hooks.forEach((hook, index) => {
    runHook(kind, index, hook, stdin);
  });
}

/** After a delete a failing hook is a warning, and the others still run (spec 3.22). */
export function runHooksTolerantly(
  kind: string,
  hooks: readonly Hook[] | undefined,
  state: Record<string, unknown>,
  onFailure: (error: HookError) => void,
): void {
  const stdin = JSON.stringify(state);
  hooks?.forEach((hook, index) => {
    try {
      runHook(kind, index, hook, stdin);
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      onFailure(error);
    }
  });
}

function runHook(kind: string, index: number, hook: Hook, stdin: string): void {
  const args = hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args;
  const output = sys.run_program(hook.path, nulTerminated(args), nulTerminated(hook.env ?? []), stdin, (hook.timeout ?? 0) * 1000, OUTPUT_TAIL);
  const pointer = `/hooks/${kind}/${index}`;
  if (output === -ETIMEDOUT) throw new HookError(kind, index, hook.path, `killed after ${hook.timeout} s`, "", pointer);
  if (typeof output === "number") throw new HookError(kind, index, hook.path, -output, "", pointer);
  const status = sys.out(0);
  if (status !== 0) throw new HookError(kind, index, hook.path, waitStatusText(status), output, pointer);
}

export function waitStatusText(status: number): string {
  return (status & 0x7f) === 0 ? `exit status ${(status >> 8) & 0xff}` : `killed by signal ${status & 0x7f}`;
}

function nulTerminated(items: readonly string[]): string {
  let text = "";
  for (const item of items) text += `${item}\0`;
  return text;
}
