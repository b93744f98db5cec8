// tsrun-init dies at every op, without a word: the command says so, nothing is left, and the id can be used again at once.
/// <reference types="bun" />
import { bundle } from "../helpers/bundle.ts";
import { Container, fails } from "../helpers/container.ts";
import { leftovers } from "../helpers/leftovers.ts";
import { ROOT, spec, tsrunOnly } from "../helpers/spec.ts";
import { FaultReport, failureProblem, type Outcome } from "./faulty.ts";
import type { Subject } from "./life.ts";
import { SUBJECTS } from "./scenarios.ts";

/** From `sync.ready` on a death is taken for the program's: the filter may forbid init to say that it has not come so far. */
const SILENT = ["seccomp.load", "cred.caps", "exec.run"];

async function everyOp(subject: Subject): Promise<void> {
  const report = new FaultReport();
  const ops = await subject.plan();
  const ready = ops.findIndex(({ name }) => name === "sync.ready");
  for (const [index, op] of ops.entries()) {
    const outcome = await subject.attempt({ op: index, call: 0, errno: 0 });
    const isSilent = index > ready && SILENT.includes(op.name);
    report.add(`op ${index} ${op.name}`, isSilent ? "" : wordsProblem(outcome, subject.failureCode), await subject.settle(isSilent));
  }
  await subject.end();
  report.check();
}

/** start is not init's parent, and cannot know how it died. */
function wordsProblem(outcome: Outcome, code: number): string {
  const message = outcome.errors[0]?.msg ?? "";
  const isSaid = /^the container's init ended before its program was run(: killed by signal \d+)?$/.test(message);
  return failureProblem(outcome, code) || (isSaid ? "" : `other words: ${message}`);
}

for (const [name, make] of Object.entries(SUBJECTS))
  spec(`1.08 3.07 init dies at every op: ${name}`, tsrunOnly, { timeoutMs: 250_000 }, async () => everyOp(await make()));

spec("1.08 3.11 SIGKILL from outside while init waits: create and run say which signal it was", tsrunOnly, async () => {
  const killing = `pid=$(grep -o '"pid":[0-9]*' | cut -d: -f2); kill -9 "$pid"`;
  const hook = { path: "/bin/sh", args: ["sh", "-c", killing], env: ["PATH=/bin:/usr/bin"] };
  const container = new Container(bundle({ hooks: { createRuntime: [hook] } }));
  for (const result of [await container.create(), await container.run()]) {
    fails(result, /init ended before its program was run: killed by signal 9/);
    const left = leftovers(container.bundle.name, ROOT);
    if (left.length > 0) throw new Error(`left behind: ${left.join("; ")}`);
  }
});
