// The gate, `npm run ok`: everything that needs neither root nor a built executable. CI and `npm test` run the same.
/// <reference types="bun" />
import { existsSync, readdirSync } from "node:fs";
import { add, type Counts, REPOSITORY, runTests, testFiles } from "./bun-tests.ts";
import { writeResults } from "./results.ts";

interface Outcome {
  readonly isGood: boolean;
  readonly output: string;
  readonly counts?: Counts;
  /** What the machine lacks for this step. */
  readonly missing?: string;
}
type Step = readonly [name: string, run: () => Promise<Outcome>];

const bin = (name: string) => `${REPOSITORY}/node_modules/.bin/${name}`;

async function command(argv: string[]): Promise<Outcome> {
  const child = Bun.spawn(argv, { cwd: REPOSITORY, stdout: "pipe", stderr: "pipe" });
  const timer = setTimeout(() => child.kill("SIGKILL"), 180_000);
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  clearTimeout(timer);
  return { isGood: code === 0, output: (out + err).trim() };
}

/** C files that the formatter keeps: not the generated ones. */
function cFiles(): string[] {
  return [...new Bun.Glob("{native,test}/**/*.{c,h}").scanSync(REPOSITORY)].filter((file) => !file.includes(".gen.")).sort();
}

async function unitTests(): Promise<Outcome> {
  const run = await runTests([...testFiles("unit"), ...testFiles("plan")], { jobs: 1 });
  writeResults("unit", "", run.results);
  return { isGood: run.failed === 0, output: run.failures.join("\n"), counts: run };
}

async function format(): Promise<Outcome> {
  if (Bun.which("clang-format") === null) return { isGood: true, output: "", missing: "clang-format" };
  if (!existsSync(`${REPOSITORY}/.clang-format`)) return { isGood: true, output: "", missing: ".clang-format" };
  return command(["clang-format", "--dry-run", "--Werror", ...cFiles()]);
}

async function nativeTests(): Promise<Outcome> {
  if (!existsSync(`${REPOSITORY}/native/Makefile`)) return { isGood: true, output: "", missing: "native/Makefile" };
  return command(["make", "--silent", "-C", "native", "test"]);
}

function steps(): Step[] {
  const generators = readdirSync(`${REPOSITORY}/scripts`).filter((file) => /^gen-.*\.ts$/.test(file));
  return [
    ["unit and plan tests", unitTests],
    ["C tests", nativeTests],
    ["types", () => command([bin("tsc"), "--project", "tsconfig.json"])],
    ["types of the core", () => command([bin("tsc"), "--project", "tsconfig.core.json"])],
    ...generators.map((file): Step => [`${file} --check`, () => command([process.execPath, `scripts/${file}`, "--check"])]),
    ["layers", () => command([process.execPath, "scripts/check-layers.ts"])],
    ["lint and format", () => command([bin("biome"), "ci", "--colors=off", "--diagnostic-level=warn"])],
    ["C format", format],
  ];
}

/** Runs every step, two at a time; prints one line per step and the output of the bad ones. */
export async function runOk(): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const queue = steps();
  const worker = async () => {
    for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
      const [name, run] = step;
      const before = performance.now();
      const outcome = await run();
      const seconds = ((performance.now() - before) / 1000).toFixed(1);
      const isSkipped = outcome.missing !== undefined;
      const word = isSkipped ? "skip" : outcome.isGood ? "ok  " : "FAIL";
      const detail = isSkipped ? ` (needs ${outcome.missing})` : outcome.counts ? ` (${outcome.counts.passed} passed, ${outcome.counts.failed} failed)` : "";
      console.log(`${word} ${name}${detail} ${seconds} s`);
      if (!outcome.isGood) console.log(outcome.output.replace(/^/gm, "     "));
      if (outcome.counts !== undefined) add(total, outcome.counts);
      else if (isSkipped) total[process.env["TSRUN_MUST_RUN"] === "1" ? "failed" : "skipped"]++;
      else total[outcome.isGood ? "passed" : "failed"]++;
    }
  };
  await Promise.all([worker(), worker()]);
  return total;
}

if (import.meta.main) {
  const { failed } = await runOk();
  console.log(failed === 0 ? "ok" : `not ok: ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
