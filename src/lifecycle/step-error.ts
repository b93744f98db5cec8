// A failure record of init + the plan -> the error that names the step, the object and the config line.
import { HookError, StepError } from "../errors.ts";
import type { InitFailure } from "../native/events.ts";
import type { InitProcess } from "../native/init.ts";
import { type Op, SYSCALLS } from "../plan/op-table.ts";
import { sys } from "../sys.ts";
import { waitStatusText } from "./hooks.ts";

const ENOENT = 2;
const EACCES = 13;
const ETIMEDOUT = 110;
const ECHILD = 10;

/** `op`: the failed one; undefined when init did not even take the plan. `hookLog`: path of the hooks' output. */
export function stepError(op: Op | undefined, failure: InitFailure, hookLog: string): StepError | HookError {
  if (op === undefined) {
    return new StepError("the container's init refused the plan", { op: "plan", object: "", syscall: "", errno: failure.errno, pointer: "" });
  }
  if (op.op === "hook.run") return hookError(op, failure, hookLog);
  const object = objectOf(op);
  return new StepError(messageOf(op, object, failure.errno), {
    op: op.op,
    object,
    syscall: SYSCALLS[failure.syscall] ?? "",
    errno: failure.errno,
    pointer: pointerOf(op, SYSCALLS[failure.syscall]),
  });
}

/** process.user is one op; its groups fail for a reason of their own. */
function pointerOf(op: Op, syscall: string | undefined): string {
  return op.op === "cred.ids" && syscall === "setgroups" && op.groups.length > 0 ? `${op.at}/additionalGids` : op.at;
}

/** Init went away without a word: say what its wait status says. `init`: undefined when it is not our child. */
export function initLost(init?: InitProcess): StepError {
  const isKnown = init !== undefined && sys.wait_pid(init.pid, 5000) >= 0;
  return new StepError(`the container's init ended before its program was run${isKnown ? `: ${waitStatusText(sys.out(0))}` : ""}`, {
    op: "init",
    object: "",
    syscall: "",
    errno: 0,
    pointer: "",
    hint: "somebody killed it; the kernel does when the memory limit of the container is too low",
  });
}

/** The program of args[0] has runc's words, which engines search for. Others are made from op, object and errno by cli/report.ts. */
function messageOf(op: Op, object: string, errno: number): string {
  if (op.op !== "exec.lookup" && op.op !== "exec.run") return "";
  const name = JSON.stringify(object);
  if (errno === ENOENT)
    return object.includes("/") ? `exec: ${name}: stat ${object}: no such file or directory` : `exec: ${name}: executable file not found in $PATH`;
  if (errno === EACCES) return `exec: ${name}: permission denied`;
  return "";
}

/** What the step worked on: its most telling field. */
function objectOf(op: Op): string {
  if (op.op === "exec.run") return op.args[0] ?? "";
  const fields = op as unknown as Readonly<Record<string, unknown>>;
  for (const key of ["target", "path", "file", "source", "name"]) {
    const value = fields[key];
    if (typeof value === "string" && value !== "") return value;
  }
  return "";
}

function hookError(op: Op & { op: "hook.run" }, failure: InitFailure, hookLog: string): HookError {
  const [, , kind = "", index = "0"] = op.at.split("/");
  let outcome: string | number = failure.errno;
  if (failure.errno === ETIMEDOUT) outcome = `killed after ${op.timeoutMs} ms`;
  if (failure.errno === ECHILD) outcome = waitStatusText(failure.value);
  return new HookError(kind, Number(index), op.path, outcome, tailOf(hookLog), op.at);
}

function tailOf(hookLog: string): string {
  const text = sys.read_lossy(hookLog);
  return typeof text === "number" ? "" : text.slice(-4096);
}
