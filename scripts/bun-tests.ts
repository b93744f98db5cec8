// Runs test files with `bun test`, some at a time, and counts from its JUnit report.
/// <reference types="bun" />
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseReport, type TestResult } from "./results.ts";

export const REPOSITORY = resolve(import.meta.dir, "..");

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Note {
  readonly runtime: string;
  readonly kind: "skip" | "deviation" | "no deviation";
  readonly name: string;
  readonly why: string;
}

export interface TestRun extends Counts {
  /** What failed, as bun prints it. */
  readonly failures: string[];
  readonly notes: Note[];
  /** By file: what each test came to. */
  readonly results: Map<string, readonly TestResult[]>;
}

export function add(to: Counts, more: Counts): void {
  to.passed += more.passed;
  to.failed += more.failed;
  to.skipped += more.skipped;
}

/** None when bun did not get as far as writing a report. What the notes say of a test, its report does not. */
function readReport(path: string, notes: readonly Note[]): TestResult[] {
  if (!existsSync(path)) return [];
  return parseReport(readFileSync(path, "utf8")).map((test) => {
    const note = notes.find(({ name }) => name === test.name);
    if (note === undefined || test.outcome === "failed") return test;
    return { ...test, outcome: note.kind === "skip" ? "skipped" : "deviates", why: note.why };
  });
}

/** Lines of bun's output without the passing and the skipped tests. */
function failuresOnly(output: string): string {
  return output
    .split("\n")
    .filter((line) => !/^\(pass\)|^\(skip\)|^$|^bun test v|^test\/.*\.test\.ts:$|^ *\d+ (pass|fail|skip|expect)|^Ran \d+/.test(line))
    .join("\n");
}

async function runFile(file: string, env: Record<string, string>, prefix: readonly string[], scratch: string, limitMs: number): Promise<TestRun> {
  const name = file.replaceAll("/", "-");
  const report = `${scratch}/${name}.xml`;
  const notePath = `${scratch}/${name}.notes`;
  const child = Bun.spawn([...prefix, process.execPath, "test", file, "--reporter=junit", `--reporter-outfile=${report}`], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env, TSRUN_TEST_REPORT: notePath, TSRUN_TEST_SCRATCH: scratch },
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  clearTimeout(timer);
  const lines = existsSync(notePath) ? readFileSync(notePath, "utf8").trim().split("\n") : [];
  const notes = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Note);
  const tests = readReport(report, notes);
  const count = (...outcomes: readonly TestResult["outcome"][]) => tests.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const failed = count("failed");
  return {
    passed: count("passed", "deviates"),
    // A file that crashes, does not load or leaves something unhandled fails even when its report is clean.
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: count("skipped"),
    failures: code === 0 ? [] : [`--- ${file} (exit ${code})\n${failuresOnly(out + err)}`],
    notes,
    results: new Map([[file, tests]]),
  };
}

/** The parents that the containers of the tests shared. */
function removeCgroupParents(): void {
  if (!existsSync("/sys/fs/cgroup")) return;
  for (const hierarchy of [".", ...readdirSync("/sys/fs/cgroup")]) {
    try {
      rmdirSync(`/sys/fs/cgroup/${hierarchy}/tsrun-test`);
    } catch {}
  }
}

/** Runs the files, `jobs` at a time. `prefix` is a command that runs bun (unshare, say). */
export async function runTests(
  files: readonly string[],
  options: { env?: Record<string, string>; prefix?: readonly string[]; jobs?: number; limitMs?: number } = {},
): Promise<TestRun> {
  const total: TestRun = { passed: 0, failed: 0, skipped: 0, failures: [], notes: [], results: new Map() };
  const queue = [...files];
  const scratch = mkdtempSync(`${tmpdir()}/tsrun-test-`);
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const run = await runFile(file, options.env ?? {}, options.prefix ?? [], scratch, options.limitMs ?? 600_000);
      add(total, run);
      total.failures.push(...run.failures);
      total.notes.push(...run.notes);
      for (const [name, tests] of run.results) total.results.set(name, tests);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.jobs ?? 2 }, worker));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    removeCgroupParents();
  }
  return total;
}

/** Test files below a directory of test/. */
export function testFiles(directory: string): string[] {
  const root = `${REPOSITORY}/test/${directory}`;
  if (!existsSync(root)) return [];
  return [...new Bun.Glob("**/*.test.ts").scanSync(root)].map((file) => `test/${directory}/${file}`).sort();
}
