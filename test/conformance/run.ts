// `npm run test:conformance`: the OCI's own suite (github.com/opencontainers/runtime-tools, validation/*) against tsrun, runc and crun.
// It is built from the Go module proxy at a pinned version. The table of the three goes to docs/conformance.md. Fails when a peer
// passes a test that tsrun does not, or when tsrun fails one for no known reason.
/// <reference types="bun" />
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { resolve } from "node:path";
import { hostCgroups, removeNewCgroups } from "../helpers/host-cgroups.ts";
import { REASONS } from "./reasons.ts";

const REPOSITORY = resolve(import.meta.dir, "../..");
const MODULE = "github.com/opencontainers/runtime-tools";
const VERSION = "v0.9.1-0.20251114084447-edf4cb3d2116";
const SUITE = `${REPOSITORY}/build/conformance`;
const TEST_TIMEOUT_MS = 60_000;
const PATH = `${process.env["PATH"]}:/usr/local/go/bin:/usr/sbin:/sbin`;

interface Runtime {
  readonly name: string;
  readonly path: string;
}

type Verdict = "pass" | "fail";

function sh(argv: string[], cwd: string, env: Record<string, string> = {}): string {
  const result = Bun.spawnSync(argv, { cwd, env: { ...process.env, PATH, ...env } as Record<string, string>, stdout: "pipe", stderr: "inherit" });
  if (result.exitCode !== 0) throw new Error(`${argv.join(" ")}: exit code ${result.exitCode}`);
  return result.stdout.toString();
}

/** The suite needs Go 1.21 or later; false when there is none. */
function hasGo(): boolean {
  const go = Bun.which("go", { PATH });
  const version = go === null ? null : /go1\.(\d+)/.exec(sh([go, "version"], REPOSITORY));
  return Number(version?.[1] ?? 0) >= 21;
}

function buildSuite(): void {
  if (existsSync(`${SUITE}/${VERSION}`)) return;
  console.log(`== building ${MODULE} ${VERSION}`);
  rmSync(SUITE, { recursive: true, force: true });
  const { Dir } = JSON.parse(sh(["go", "mod", "download", "-json", `${MODULE}@${VERSION}`], REPOSITORY));
  cpSync(Dir, SUITE, { recursive: true });
  sh(["chmod", "-R", "u+w", SUITE], REPOSITORY);
  rmSync(`${SUITE}/vendor`, { recursive: true, force: true });
  mkdirSync(`${SUITE}/tests`);
  sh(["go", "build", "-mod=mod", "-o", "tests/", "./validation/..."], SUITE);
  // It runs inside the containers.
  sh(["go", "build", "-mod=mod", "-tags", "netgo", "-o", "runtimetest", "./cmd/runtimetest"], SUITE, { CGO_ENABLED: "0" });
  rmSync(`${SUITE}/tests/util`, { force: true });
  writeFileSync(`${SUITE}/${VERSION}`, "");
}

function findRuntimes(): Runtime[] {
  const found: Runtime[] = [{ name: "tsrun", path: `${REPOSITORY}/dist/tsrun` }];
  for (const name of ["runc", "crun"]) {
    const path = Bun.which(name, { PATH });
    if (path === null) console.log(`${name} is not installed: its column stays empty`);
    else found.push({ name, path });
  }
  return found;
}

/** A program for the suite's $RUNTIME that keeps its state in a directory of ours. */
function wrapper(scratch: string, { name, path }: Runtime): string {
  const file = `${scratch}/${name}`;
  writeFileSync(file, `#!/bin/sh\nexec ${path} --root ${scratch}/state-${name} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

/**
 * Each test has a mount namespace of its own: what a runtime leaves mounted goes with it. crun 1.8 refuses the hybrid layout when the v2
 * hierarchy has controllers, so it does not see that one.
 */
function runTest(scratch: string, runtime: Runtime, program: string, test: string): Verdict {
  const unified = "/sys/fs/cgroup/unified";
  const hide = runtime.name === "crun" && existsSync(`${unified}/cgroup.controllers`) ? `umount ${unified};` : "";
  const result = Bun.spawnSync(["unshare", "--mount", "sh", "-c", `${hide} exec "$0"`, `${SUITE}/tests/${test}`], {
    cwd: SUITE,
    env: { ...process.env, PATH, RUNTIME: program, TMPDIR: scratch } as Record<string, string>,
    stdout: "pipe",
    stderr: "pipe",
    timeout: TEST_TIMEOUT_MS,
  });
  const output = result.stdout.toString();
  if (result.exitCode !== 0 || /^not ok/m.test(output)) return "fail";
  // Some tests have no result lines, and print an error when there is one.
  return /^ok/m.test(output) || !output.includes('"error"') ? "pass" : "fail";
}

/** A peer that refuses the suite's plain config passes only what is to be refused: that says nothing, so it is left out. */
function canRun(scratch: string, runtime: Runtime, program: string): boolean {
  const isGood = runTest(scratch, runtime, program, "default") === "pass";
  if (!isGood) console.log(`${runtime.name} refuses the suite's configs (ociVersion 1.3.0): left out`);
  return isGood || runtime.name === "tsrun";
}

/** Names of the suite's own: two that it gives, and the ids of its containers. */
const SUITE_CGROUP = /^(cgrouptest|testdir|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

type Table = Map<string, Map<string, Verdict>>;

function writeTable(table: Table, runtimes: readonly Runtime[]): void {
  const count = (name: string) => [...table.values()].filter((row) => row.get(name) === "pass").length;
  const version = ({ path }: Runtime) => sh([path, "--version"], REPOSITORY).split("\n")[0] ?? "";
  const lines = [
    "# Conformance",
    "",
    "Generated by `npm run test:conformance`: the validation programs of the OCI's runtime-tools, run against tsrun and, in the same run, its peers.",
    "No test is special-cased; a reason is given for each one that tsrun does not pass.",
    "",
    `- suite: ${MODULE} ${VERSION}`,
    `- Linux ${release().split("-")[0]}, ${existsSync("/sys/fs/cgroup/cgroup.controllers") ? "cgroup v2" : "cgroup v1"}`,
    ...runtimes.map((runtime) => `- ${version(runtime)}: ${count(runtime.name)} of ${table.size}`),
    "",
    `| test | ${runtimes.map(({ name }) => name).join(" | ")} | why tsrun does not pass |`,
    `|---|${runtimes.map(() => "---|").join("")}---|`,
  ];
  for (const [test, row] of table) {
    const own = row.get("tsrun") === "pass" ? "" : (REASONS[test] ?? "**not known**");
    lines.push(`| ${test} | ${runtimes.map(({ name }) => row.get(name) ?? "").join(" | ")} | ${own} |`);
  }
  writeFileSync(`${REPOSITORY}/docs/conformance.md`, `${lines.join("\n")}\n`);
}

/** The last line as all lanes have it: passed, failed, and what this machine or the suite itself keeps from passing. */
function summarize(table: Table): number {
  let [passed, failed, skipped] = [0, 0, 0];
  for (const [test, row] of table) {
    if (row.get("tsrun") === "pass") passed++;
    else if ([...row.values()].includes("pass") || REASONS[test] === undefined) {
      failed++;
      console.log(`FAIL ${test}: ${[...row].map(([name, verdict]) => `${name} ${verdict}`).join(", ")}`);
    } else skipped++;
  }
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

function main(): number {
  if (process.getuid?.() !== 0 || !hasGo()) {
    console.log("the conformance suite needs root and Go 1.21 or later");
    console.log("0 passed, 0 failed, 1 skipped");
    return 0;
  }
  buildSuite();
  const scratch = mkdtempSync(`${tmpdir()}/tsrun-conformance-`);
  const before = hostCgroups();
  chmodSync(scratch, 0o755);
  let runtimes = findRuntimes();
  const table: Table = new Map();
  try {
    const programs = new Map(runtimes.map((runtime) => [runtime.name, wrapper(scratch, runtime)]));
    runtimes = runtimes.filter((runtime) => canRun(scratch, runtime, programs.get(runtime.name) ?? ""));
    for (const test of readdirSync(`${SUITE}/tests`).sort()) {
      const row = new Map<string, Verdict>();
      for (const runtime of runtimes) {
        let verdict: Verdict = "fail";
        // poststart looks for what a program and a hook have written at the same time.
        for (let tries = test === "poststart" ? 5 : 1; tries > 0 && verdict === "fail"; tries--) {
          verdict = runTest(scratch, runtime, programs.get(runtime.name) ?? "", test);
          removeNewCgroups(before, SUITE_CGROUP);
        }
        row.set(runtime.name, verdict);
      }
      table.set(test, row);
      console.log(`${test.padEnd(36)}${[...row].map(([name, verdict]) => `${name} ${verdict}`).join("  ")}`);
    }
  } finally {
    for (const { name, path } of runtimes) {
      const root = `${scratch}/state-${name}`;
      if (existsSync(root))
        for (const id of readdirSync(root)) Bun.spawnSync([path, "--root", root, "delete", "--force", id], { stdout: "ignore", stderr: "ignore" });
    }
    removeNewCgroups(before, SUITE_CGROUP);
    rmSync(scratch, { recursive: true, force: true });
  }
  writeTable(table, runtimes);
  return summarize(table);
}

process.exitCode = main();
