// The suite on the machine it is started on: every validation program against tsrun and its peers. `bun test/conformance/machine.ts FILE`
// writes the verdicts to FILE: so run.ts has them from the virtual machine, where nothing but this is run.
/// <reference types="bun" />
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { hostCgroups, removeNewCgroups } from "../helpers/host-cgroups.ts";
import { PATH, REPOSITORY, SUITE, sh, testNames } from "./suite.ts";

export type Verdict = "pass" | "fail";

export interface MachineResult {
  readonly kernel: string;
  readonly cgroup: "v1" | "v2";
  /** First line of --version, by name; tsrun is the first. */
  readonly versions: Readonly<Record<string, string>>;
  /** By test and runtime. */
  readonly verdicts: Readonly<Record<string, Readonly<Record<string, Verdict>>>>;
}

interface Runtime {
  readonly name: string;
  readonly path: string;
  /** What the suite runs. */
  readonly program: string;
}

const TEST_TIMEOUT_MS = 60_000;
/** Most programs wait for something most of the time. */
const JOBS = 3;
/** These have cgroups of the same name: one after the other. */
const SHARING = /cgroups|resources/;
/** Names of the suite's own: two that it gives, and the ids of its containers. */
const SHARED_CGROUP = /^(cgrouptest|testdir)$/;
const SUITE_CGROUP = /^(cgrouptest|testdir|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** poststart looks for what a program and a hook have written at the same time, killsig kills a shell that may not have set its trap yet. */
const RACES: readonly string[] = ["poststart", "killsig"];
/** The profile that one of the tests asks for, and whose coming the suite leaves to others. */
const PROFILE = "profile acme_secure_profile flags=(attach_disconnected,mediate_deleted) { file, capability, network, mount, umount, signal, ptrace, unix, }\n";

/** A program for the suite's $RUNTIME that keeps its state in a directory of ours. */
function wrapped(scratch: string, name: string, path: string): Runtime {
  const program = `${scratch}/${name}`;
  writeFileSync(program, `#!/bin/sh\nexec ${path} --root ${scratch}/state-${name} "$@"\n`);
  chmodSync(program, 0o755);
  return { name, path, program };
}

function findRuntimes(scratch: string): Runtime[] {
  const found = [wrapped(scratch, "tsrun", `${REPOSITORY}/dist/tsrun`)];
  for (const name of ["runc", "crun"]) {
    const path = Bun.which(name, { PATH });
    if (path === null) console.log(`${name} is not installed: its column stays empty`);
    else found.push(wrapped(scratch, name, path));
  }
  return found;
}

/**
 * Each test has a mount namespace of its own: what a runtime leaves mounted goes with it. crun 1.8 refuses the hybrid layout when the v2
 * hierarchy has controllers, so it does not see that one.
 */
async function runTest(scratch: string, { name, program }: Runtime, test: string): Promise<Verdict> {
  const unified = "/sys/fs/cgroup/unified";
  const hide = name === "crun" && existsSync(`${unified}/cgroup.controllers`) ? `umount ${unified};` : "";
  const child = Bun.spawn(["unshare", "--mount", "sh", "-c", `${hide} exec "$0"`, `${SUITE}/tests/${test}`], {
    cwd: SUITE,
    env: { ...process.env, PATH, RUNTIME: program, TMPDIR: scratch } as Record<string, string>,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: TEST_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0 || /^not ok/m.test(output)) return "fail";
  // Some tests have no result lines, and print an error when there is one.
  return /^ok/m.test(output) || !output.includes('"error"') ? "pass" : "fail";
}

/** A peer that refuses the suite's plain config passes only what is to be refused: that says nothing, so it is left out. */
async function canRun(scratch: string, runtime: Runtime): Promise<boolean> {
  const isGood = (await runTest(scratch, runtime, "default")) === "pass";
  if (!isGood) console.log(`${runtime.name} refuses the suite's configs (ociVersion 1.3.0): left out`);
  return isGood || runtime.name === "tsrun";
}

async function verdictOf(scratch: string, runtime: Runtime, test: string): Promise<Verdict> {
  for (let tries = RACES.includes(test) ? 5 : 1; tries > 1; tries--) if ((await runTest(scratch, runtime, test)) === "pass") return "pass";
  return runTest(scratch, runtime, test);
}

async function runAll(scratch: string, runtimes: readonly Runtime[], before: ReadonlySet<string>): Promise<Map<string, Map<string, Verdict>>> {
  const table = new Map(testNames().map((test) => [test, new Map<string, Verdict>()]));
  const worker = async (queue: string[], isSharing: boolean) => {
    for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
      for (const runtime of runtimes) {
        table.get(test)?.set(runtime.name, await verdictOf(scratch, runtime, test));
        if (isSharing) removeNewCgroups(before, SHARED_CGROUP);
      }
    }
  };
  const sharing = [...table.keys()].filter((test) => SHARING.test(test));
  const others = [...table.keys()].filter((test) => !SHARING.test(test));
  await Promise.all([worker(sharing, true), ...Array.from({ length: JOBS }, () => worker(others, false))]);
  return table;
}

/** The profile is in the kernel while the body runs, where there is AppArmor. */
async function withProfile<T>(body: () => Promise<T>): Promise<T> {
  const parser = "/sbin/apparmor_parser";
  const enabled = "/sys/module/apparmor/parameters/enabled";
  if (!existsSync(parser) || !existsSync(enabled) || !readFileSync(enabled, "utf8").startsWith("Y")) return body();
  const tell = (flag: string) => Bun.spawnSync([parser, "--skip-cache", flag], { stdin: Buffer.from(PROFILE), stderr: "inherit" });
  tell("--replace");
  try {
    return await body();
  } finally {
    tell("--remove");
  }
}

export async function runMachine(): Promise<MachineResult> {
  const scratch = mkdtempSync(`${tmpdir()}/tsrun-conformance-`);
  chmodSync(scratch, 0o755);
  const before = hostCgroups();
  const all = findRuntimes(scratch);
  try {
    const runtimes: Runtime[] = [];
    for (const runtime of all) if (await canRun(scratch, runtime)) runtimes.push(runtime);
    const table = await withProfile(() => runAll(scratch, runtimes, before));
    return {
      kernel: release().split("-")[0] ?? "",
      cgroup: existsSync("/sys/fs/cgroup/cgroup.controllers") ? "v2" : "v1",
      versions: Object.fromEntries(runtimes.map(({ name, path }) => [name, sh([path, "--version"], REPOSITORY).split("\n")[0] ?? ""])),
      verdicts: Object.fromEntries([...table].map(([test, row]) => [test, Object.fromEntries(row)])),
    };
  } finally {
    for (const { name, path } of all) {
      const root = `${scratch}/state-${name}`;
      if (existsSync(root))
        for (const id of readdirSync(root)) Bun.spawnSync([path, "--root", root, "delete", "--force", id], { stdout: "ignore", stderr: "ignore" });
    }
    removeNewCgroups(before, SUITE_CGROUP);
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) writeFileSync(process.argv[2] ?? "/dev/stdout", JSON.stringify(await runMachine()));
