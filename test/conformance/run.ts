// `npm run test:conformance`: the OCI's own suite (suite.ts) against tsrun, runc and crun, on this machine and, at the same time, in a virtual
// one with cgroup v2. The table goes to docs/conformance.md. Fails when a peer passes a test that tsrun does not, or when tsrun fails one for
// no known reason.
/// <reference types="bun" />
import { readFileSync, rmSync } from "node:fs";
import { inMachine, installMachine } from "../../scripts/vm-tests.ts";
import { type MachineResult, runMachine } from "./machine.ts";
import { isFailure } from "./reasons.ts";
import { buildSuite, hasGo, REPOSITORY, testNames } from "./suite.ts";
import { writeTable } from "./table.ts";

const GUEST_RESULT = "build/conformance/virtual-machine.json";

/** Undefined when there is no machine, or it did not get to the end. */
async function runInMachine(): Promise<MachineResult | undefined> {
  const file = `${REPOSITORY}/${GUEST_RESULT}`;
  rmSync(file, { force: true });
  const child = Bun.spawn(inMachine(`bun test/conformance/machine.ts ${GUEST_RESULT}`), { stdin: "ignore", stdout: "ignore", stderr: "inherit" });
  return (await child.exited) === 0 ? (JSON.parse(readFileSync(file, "utf8")) as MachineResult) : undefined;
}

/** The last line as all lanes have it: passed, failed, and what the machine or the suite itself keeps from passing. */
function summarize(machines: readonly MachineResult[], missing: number): number {
  let [passed, failed, skipped] = [0, missing, 0];
  for (const machine of machines) {
    for (const test of testNames()) {
      const row = machine.verdicts[test] ?? {};
      console.log(`${machine.cgroup} ${test.padEnd(36)}${Object.entries(row).flat().join(" ")}`);
      if (row["tsrun"] === "pass") passed++;
      else if (isFailure(test, machine)) {
        failed++;
        console.log(`FAIL ${test} (cgroup ${machine.cgroup})`);
      } else skipped++;
    }
  }
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  if (process.getuid?.() !== 0 || !hasGo()) {
    console.log("the conformance suite needs root and Go 1.21 or later");
    console.log("0 passed, 0 failed, 1 skipped");
    return 0;
  }
  buildSuite();
  const hasMachine = installMachine();
  const [here, virtual] = await Promise.all([runMachine(), hasMachine ? runInMachine() : undefined]);
  if (virtual === undefined) {
    console.log("no verdicts from the virtual machine: docs/conformance.md stays as it is");
    return summarize([here], 1);
  }
  writeTable([here, virtual]);
  return summarize([here, virtual], 0);
}

process.exitCode = await main();
