// Commands of the tool with a fault in them, and what each failed one owes: one error record with its words, and nothing left.
/// <reference types="bun" />
import { existsSync, readFileSync, rmSync } from "node:fs";
import { errnoName } from "../../src/cli/error-words.ts";
import type { OpName } from "../../src/plan/op-table.ts";
import type { Bundle } from "../helpers/bundle.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { leftovers } from "../helpers/leftovers.ts";
import { BUILD, SCRATCH } from "../helpers/runtime.ts";
import { ROOT } from "../helpers/spec.ts";
import type { Fault, Trace } from "./host.ts";

/** No kernel gives this one for what init does: nothing takes it for a case that it knows. */
export const EIO = 5;

export interface ErrorRecord {
  readonly code: string;
  readonly msg: string;
  readonly step?: string;
  readonly syscall?: string;
  readonly errno?: string;
  readonly pointer?: string;
}

export interface Outcome {
  readonly result: Result;
  readonly errors: readonly ErrorRecord[];
  /** Texts of the debug records. */
  readonly debug: readonly string[];
  readonly trace: Trace;
}

export interface PlannedOp {
  readonly name: OpName;
  readonly pointer: string;
  /** The whole line of the plan. */
  readonly line: string;
}

let count = 0;

/** One command line, at most 15 s. */
export async function command(
  args: readonly string[],
  fault: Omit<Fault, "trace"> = {},
  { prefix = [], debug = false }: { prefix?: readonly string[]; debug?: boolean } = {},
): Promise<Outcome> {
  const log = `${SCRATCH}/fault-${process.pid}-${++count}`;
  const trace = `${log}.trace`;
  const globals = ["--root", ROOT, "--log", log, "--log-format", "json", ...(debug ? ["--debug"] : [])];
  const result = await exec([...prefix, process.execPath, `${BUILD}/fault/host.js`, ...globals, ...args], {
    env: { PATH: process.env["PATH"] ?? "", TSRUN_FAULT: JSON.stringify({ ...fault, trace }) },
  });
  const records = existsSync(log)
    ? readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
  const traced = existsSync(trace) ? (JSON.parse(readFileSync(trace, "utf8")) as Trace) : { calls: [], plan: "", hasFailed: false };
  for (const file of [log, trace]) rmSync(file, { force: true });
  return {
    result,
    errors: records.filter(({ level }) => level === "error"),
    debug: records.filter(({ level }) => level === "debug").map(({ msg }) => msg),
    trace: traced,
  };
}

/** The ops of a command that succeeds, from the plan that it logs. */
export function plannedOps({ debug }: Outcome): PlannedOp[] {
  const text = debug.find((message) => message.startsWith("plan of")) ?? "";
  const lines = text.split("\n").slice(2);
  return lines.flatMap((line) => {
    const name = /^[a-z_]+\.[a-z_]+/.exec(line)?.[0];
    return name === undefined ? [] : [{ name: name as OpName, pointer: / {2}# (\S+)$/.exec(line)?.[1] ?? "", line }];
  });
}

export class FaultReport {
  readonly #lines: string[] = [];

  add(what: string, ...problems: string[]): void {
    for (const problem of problems) if (problem !== "") this.#lines.push(`${what}: ${problem}`);
  }

  /** All at once: one bug is often many faults. */
  check(): void {
    if (this.#lines.length > 0) throw new Error(`${this.#lines.length} faults:\n${this.#lines.slice(0, 40).join("\n")}`);
  }
}

/** What every failed command owes: its exit code, one error record, words for a person; "" or what is missing. */
export function failureProblem({ result, errors }: Outcome, code: number): string {
  if (result.code !== code) return `exit code ${result.code}, not ${code}: ${result.stderr.trim()}`;
  const [record] = errors;
  if (errors.length !== 1 || record === undefined) return `${errors.length} error records: ${JSON.stringify(errors)}`;
  if (record.code === "TS9999") return `an internal error: ${result.stderr.trim()}`;
  if (!result.stderr.includes(`tsrun: ${record.msg.split("\n")[0]}`)) return `the words on stderr are not those of the record: ${result.stderr}`;
  if (/undefined|NaN|\[object|TypeError/.test(result.stderr)) return `odd words: ${result.stderr}`;
  return "";
}

/** What a failed op owes besides. */
export interface Owed {
  readonly name: OpName;
  readonly pointer: string;
  /** The exit code. */
  readonly code: number;
}

/** That the message names the step, the config line and the errno. */
export function stepProblem(outcome: Outcome, op: Owed, errno: number): string {
  const failure = failureProblem(outcome, op.code);
  if (failure !== "") return failure;
  const [record] = outcome.errors;
  if (record === undefined) return "";
  const text = JSON.stringify(record);
  if (record.pointer !== op.pointer) return `the pointer is ${record.pointer}, not ${op.pointer}: ${text}`;
  if (op.name === "hook.run") return record.code === "TS5001" && /error running \w+ hook #\d+/.test(record.msg) ? "" : `not a hook's error: ${text}`;
  if (record.step !== op.name) return `the step is ${record.step}: ${text}`;
  if (record.errno !== errnoName(errno)) return `the errno is ${record.errno}: ${text}`;
  if (!/^cannot \w+/.test(record.msg) || record.msg.startsWith(`cannot ${op.name}`)) return `no words for the step: ${record.msg}`;
  return "";
}

/** What is left of the container, after the moment that the kernel needs for a killed process. */
export async function leftProblem({ name }: Bundle): Promise<string> {
  for (let i = 0; ; i++) {
    const left = leftovers(name, ROOT);
    if (left.length === 0) return "";
    if (i === 100) return `left behind: ${left.join("; ")}`;
    await Bun.sleep(10);
  }
}
