// A fault at every op of tsrun-init, and at every system call of it: the command fails with words for its step, nothing is left, and the
// id can be used again at once.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { OPS, type OpName } from "../../src/plan/op-table.ts";
import { spec, tsrunOnly } from "../helpers/spec.ts";
import { EIO, FaultReport, failureProblem, type Outcome, type Owed, type PlannedOp, stepProblem } from "./faulty.ts";
import type { Subject } from "./life.ts";
import { SUBJECTS } from "./scenarios.ts";

/** The test build's answer when an op makes fewer system calls. */
const EOVERFLOW = "EOVERFLOW";
/** More of the same: the loops over capabilities and signals. */
const MOST_CALLS = 24;

const covered = new Set<OpName>();
/** Ops that are the same in another container: once is enough for their system calls. */
const done = new Set<string>();

/** Their system calls are the same wherever it is: one hierarchy of cgroups is like another, and one device. */
const ANYWHERE: readonly OpName[] = ["mount.fs", "device.node", "path.symlink"];

function kindOf({ name, line }: PlannedOp, subject: Subject): string {
  const kind = subject.anonymous(line).replace(/ {2}#.*/, "");
  return ANYWHERE.includes(name) ? kind.replace(/ (target|link|data|major|minor)=\S+/g, "") : kind;
}

async function everyOp(subject: Subject): Promise<void> {
  const report = new FaultReport();
  const ops = await subject.plan();
  for (const [index, op] of ops.entries()) {
    covered.add(op.name);
    const kind = kindOf(op, subject);
    const calls = done.has(kind) ? 0 : MOST_CALLS;
    done.add(kind);
    for (let call = 0; call <= calls; call++) {
      const outcome = await subject.attempt({ op: index, call, errno: EIO });
      const isOver = outcome.errors[0]?.errno === EOVERFLOW || (index === ops.length - 1 && outcome.result.code === 0);
      // With the peer of start gone, or init itself, the container waits on or has stopped: it is there.
      const remains = outcome.result.code === 0 || (op.name === "start.wait" && call > 1);
      const owed = { name: op.name, pointer: subject.pointerOf(op), code: subject.failureCode };
      const problem = isOver ? "" : problemOf(outcome, owed, call);
      report.add(`op ${index} ${op.name} (${op.pointer}), system call ${call}`, problem, await subject.settle(remains));
      if (isOver) break;
    }
  }
  await subject.end();
  report.check();
}

/** An op that fails as a whole has its words; one whose system call fails may know another way, or says which call it was. */
function problemOf(outcome: Outcome, op: Owed, call: number): string {
  if (call === 0) return stepProblem(outcome, op, EIO);
  if (outcome.result.code === 0) return "";
  const failure = failureProblem(outcome, op.code);
  // Init is gone, or has hung up on start: nobody is there to tell what it was.
  if (failure !== "" || (op.name === "start.wait" && call > 1)) return failure;
  const [record] = outcome.errors;
  const step = record?.code === "TS5001" ? "hook.run" : record?.step;
  // A part of what the op does may have a line of its own.
  const isThere = record?.pointer === op.pointer || record?.pointer?.startsWith(`${op.pointer}/`) === true;
  return step === op.name && isThere && record.errno === "EIO" ? "" : `another step or errno: ${JSON.stringify(record)}`;
}

for (const [name, make] of Object.entries(SUBJECTS))
  spec(`1.08 3.07 a fault at every op: ${name}`, tsrunOnly, { timeoutMs: 250_000 }, async () => everyOp(await make()));

/** Ops that no container here has, and why. */
const ELSEWHERE: Partial<Record<OpName, string>> = { "selinux.label": "a label is refused where the kernel has no SELinux" };

test("every op of the table had its fault", () => {
  expect((Object.keys(OPS) as OpName[]).filter((name) => !covered.has(name) && ELSEWHERE[name] === undefined)).toEqual([]);
});
