// `npm run test:faults`: something goes wrong at every op of tsrun-init, at every system call of it, and at every system call of the runtime
// (test/fault). Needs root. The last line is "N passed, N failed, N skipped".
/// <reference types="bun" />
import { type Counts, REPOSITORY, runTests, testFiles } from "./bun-tests.ts";
import { writeResults } from "./results.ts";

/** Each command is a process of its own, some thousand of them: one file starts in half the time of a hundred. */
async function build(): Promise<void> {
  for (const [folder, target] of [
    ["native", "fault"],
    ["native/shim", "all"],
    ["test/probe", "all"],
  ] as const) {
    const made = Bun.spawnSync(["make", "--silent", "-C", folder, target], { cwd: REPOSITORY, stdout: "inherit", stderr: "inherit" });
    if (made.exitCode !== 0) throw new Error(`make -C ${folder} ${target} failed`);
  }
  // At this depth, as it finds build/libtsrun.so by its own path.
  await Bun.build({ entrypoints: [`${REPOSITORY}/test/fault/host.ts`], target: "bun", outdir: `${REPOSITORY}/build/fault` });
}

async function faultTests(): Promise<Counts> {
  const files = testFiles("fault");
  if (process.getuid?.() !== 0) {
    console.log(`== faults: not run, they need root (${files.length} files)`);
    const isFailure = process.env["TSRUN_MUST_RUN"] === "1";
    return { passed: 0, failed: isFailure ? files.length : 0, skipped: isFailure ? 0 : files.length };
  }
  await build();
  const before = performance.now();
  const run = await runTests(files, { env: { TSRUN_HOST: "bun" }, jobs: 2, limitMs: 600_000 });
  for (const failure of run.failures) console.log(failure);
  writeResults("faults", "", run.results);
  console.log(`== faults: ${run.passed} passed, ${run.failed} failed, ${run.skipped} skipped, ${((performance.now() - before) / 1000).toFixed(0)} s`);
  return run;
}

const { passed, failed, skipped } = await faultTests();
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
