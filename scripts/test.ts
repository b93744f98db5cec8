// `npm test`: set-up, the gate, then real containers on the built executable and again on the checkout under Bun, and the image tool.
// `npm run test:root` leaves the gate out; `npm run test:oracle` runs the container tests on runc and crun instead.
// The last line is "N passed, N failed, N skipped". TSRUN_MUST_RUN=1: what CI machines have must not be skipped.
// Each lane leaves build/results/<lane>.json, from which `npm run compliance` writes docs/compliance.md.
/// <reference types="bun" />
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { add, type Counts, type Note, REPOSITORY, runTests, type TestRun, testFiles } from "./bun-tests.ts";
import { imageTests } from "./image-tests.ts";
import { runOk } from "./ok.ts";
import { writeResults } from "./results.ts";
import { CGROUP_FILES, SELINUX_FILES, SYSTEMD_FILES, vmTests } from "./vm-tests.ts";

const words = process.argv.slice(2);
const filters = words.filter((word) => !word.startsWith("-"));
const mustRun = process.env["TSRUN_MUST_RUN"] === "1";
const total: Counts = { passed: 0, failed: 0, skipped: 0 };

function run(argv: string[]): boolean {
  return Bun.spawnSync(argv, { cwd: REPOSITORY, stdout: "inherit", stderr: "inherit" }).exitCode === 0;
}

function step(name: string, argv: string[]): boolean {
  console.log(`== ${name}`);
  const isGood = run(argv);
  if (!isGood) {
    console.log(`FAIL ${name}`);
    total.failed++;
  }
  return isGood;
}

function hasScript(name: string): boolean {
  return name in (JSON.parse(readFileSync(`${REPOSITORY}/package.json`, "utf8")).scripts ?? {});
}

/** What must be built before: the libraries of the checkout, the executable, the programs of the tests. */
function setUp(): void {
  if (!existsSync(`${REPOSITORY}/build/libtsrun.so`) && existsSync(`${REPOSITORY}/scripts/setup.sh`)) step("set-up", ["bash", "scripts/setup.sh"]);
  if (hasScript("build")) step("build", ["npm", "run", "--silent", "build"]);
}

function printNotes(notes: readonly Note[], kind: Note["kind"]): void {
  const groups = new Map<string, string[]>();
  for (const note of notes.filter((one) => one.kind === kind)) {
    const names = groups.get(note.why) ?? [];
    names.push(note.name);
    groups.set(note.why, names);
  }
  for (const [why, names] of groups) console.log(`  ${why}: ${names.length} (${names.slice(0, 3).join("; ")}${names.length > 3 ? "; ..." : ""})`);
}

interface Lane {
  /** Names the file of results. */
  readonly lane: string;
  readonly title: string;
  /** The runtime's program. */
  readonly program: string;
  readonly env: Record<string, string>;
  readonly prefix?: readonly string[];
  readonly isPeer?: boolean;
}

/** A peer's own hangs and races are not what is tested: its files that failed are run once more, one at a time, and this counts. */
async function runAgain(result: TestRun, files: readonly string[], options: { env: Record<string, string>; prefix: readonly string[] }): Promise<void> {
  const failed = files.filter((file) => {
    const tests = result.results.get(file) ?? [];
    // None: it may have ended before it could tell.
    return tests.length === 0 || tests.some(({ outcome }) => outcome === "failed");
  });
  console.log(`-- once more: ${failed.join(" ")}`);
  const second = await runTests(failed, { ...options, jobs: 1 });
  for (const failure of second.failures) console.log(failure);
  for (const [file, tests] of second.results) result.results.set(file, tests);
  const all = [...result.results.values()].flat();
  result.failed = second.failed;
  result.skipped = all.filter(({ outcome }) => outcome === "skipped").length;
  result.passed = all.filter(({ outcome }) => outcome === "passed" || outcome === "deviates").length;
}

/** The container tests on one runtime. */
async function containerTests({ lane, title, program, env, prefix = [], isPeer = false }: Lane): Promise<Note[]> {
  const files = testFiles("container").filter((file) => filters.length === 0 || filters.some((word) => file.includes(word)));
  const before = performance.now();
  const result = await runTests(files, { env, prefix, jobs: 2 });
  for (const failure of result.failures) console.log(failure);
  if (isPeer && result.failed > 0) await runAgain(result, files, { env, prefix });
  console.log(
    `== containers, ${title}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped, ${((performance.now() - before) / 1000).toFixed(0)} s`,
  );
  printNotes(result.notes, "skip");
  add(total, result);
  const version = Bun.spawnSync([program, "--version"], { cwd: REPOSITORY, stderr: "ignore" }).stdout.toString();
  writeResults(lane, version.split("\n")[0] ?? "", result.results);
  return result.notes;
}

/**
 * crun 1.8 refuses the hybrid layout when the v2 hierarchy has controllers: there it is given a mount namespace
 * in which that hierarchy is not mounted.
 */
function prefixOf(runtime: string): string[] {
  const unified = "/sys/fs/cgroup/unified";
  if (runtime !== "crun" || !existsSync(`${unified}/cgroup.controllers`)) return [];
  return ["unshare", "--mount", "sh", "-c", `umount ${unified}; exec "$@"`, "-"];
}

async function oracle(): Promise<void> {
  for (const runtime of ["runc", "crun"]) {
    const path = Bun.which(runtime, { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
    if (path === null) {
      console.log(`== ${runtime} is not installed`);
      total.skipped++;
      continue;
    }
    const notes = await containerTests({ lane: runtime, title: runtime, program: path, env: { RUNTIME: path }, prefix: prefixOf(runtime), isPeer: true });
    const known = notes.filter((note) => note.kind === "deviation");
    console.log(`-- where ${runtime} is known to differ: ${known.length}`);
    for (const note of known) console.log(`  ${note.name.padEnd(90)} ${note.why}`);
    for (const note of notes.filter((one) => one.kind === "no deviation")) console.log(`  passes after all: ${note.name}`);
  }
}

async function root(): Promise<void> {
  if (process.getuid?.() !== 0) {
    const files = testFiles("container").length;
    console.log(`== containers: not run, they need root (${files} files)`);
    total[mustRun ? "failed" : "skipped"] += files;
    return;
  }
  const program = process.env["RUNTIME"];
  if (program) {
    const name = basename(program);
    // The virtual machines have lanes of their own.
    const lane = process.env["TSRUN_LANE"] ?? (name === "tsrun" ? "containers" : name);
    await containerTests({ lane, title: program, program, env: {}, prefix: prefixOf(name) });
    return;
  }
  if (existsSync(`${REPOSITORY}/dist/tsrun`)) await containerTests({ lane: "containers", title: "dist/tsrun", program: "dist/tsrun", env: { TSRUN_HOST: "" } });
  else {
    console.log("== containers, dist/tsrun: not built");
    total[mustRun ? "failed" : "skipped"]++;
  }
  if (existsSync(`${REPOSITORY}/src/host-bun/main.ts`) && existsSync(`${REPOSITORY}/build/libtsrun.so`))
    await containerTests({ lane: "bun", title: "the checkout under Bun", program: "bin/tsrun", env: { TSRUN_HOST: "bun" } });
  add(total, await imageTests(filters));
  if (filters.length === 0) {
    add(total, vmTests(CGROUP_FILES));
    add(total, vmTests(SYSTEMD_FILES, "systemd"));
    add(total, vmTests(SELINUX_FILES, "selinux"));
  }
}

if (!words.includes("--root") && !words.includes("--oracle")) {
  setUp();
  console.log("== the gate");
  add(total, await runOk());
}
const areProgramsBuilt = step("programs of the tests", ["make", "--silent", "-C", "test/probe"]);
if (areProgramsBuilt) await (words.includes("--oracle") ? oracle() : root());

console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
