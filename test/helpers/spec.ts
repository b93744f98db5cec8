// spec(): a test of a container runtime. It knows which runtimes are wrong about what, what a machine must have for the
// test, and cleans up and looks for leftovers after each one.
/// <reference types="bun" />
import { afterAll, test } from "bun:test";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { release } from "node:os";
import { takeBundles } from "./bundle.ts";
import { CRUN_DEVIATIONS } from "./crun.ts";
import { exec } from "./exec.ts";
import { leftovers, makeCgroupParents, removeCgroupParents, sweep } from "./leftovers.ts";
import { officialFolder } from "./official.ts";
import { COMMAND, RUNTIME, type RuntimeName, SCRATCH, SLOWNESS } from "./runtime.ts";

export interface Notes {
  /** Peers that are known to fail this test, and why. */
  readonly deviations?: Partial<Record<RuntimeName, string>>;
  /** Runtimes that the test does not speak of at all (flags of their own, say). */
  readonly only?: readonly RuntimeName[];
  readonly needs?: readonly Need[];
  readonly timeoutMs?: number;
}

export interface Need {
  readonly name: string;
  /** Machines of the continuous integration have it: a skip there is a failure. */
  readonly ci: boolean;
  readonly isThere: () => boolean;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const once = (check: () => boolean) => {
  let known: boolean | undefined;
  return () => (known ??= check());
};

export const NEEDS = {
  x64: { name: "an x86-64 processor", ci: false, isThere: () => process.arch === "x64" },
  root: { name: "root", ci: true, isThere: () => process.getuid?.() === 0 },
  cgroupV1: { name: "cgroup v1", ci: false, isThere: once(() => / - cgroup /.test(read("/proc/self/mountinfo"))) },
  // The virtual machine has it.
  cgroupV2: { name: "cgroup v2 only", ci: false, isThere: once(() => /\/sys\/fs\/cgroup [^\n]* - cgroup2 /.test(read("/proc/self/mountinfo"))) },
  ownMachine: { name: "a virtual machine of the tests' own", ci: false, isThere: () => process.env["TSRUN_LANE"]?.startsWith("vm") === true },
  userns: { name: "user namespaces", ci: true, isThere: () => existsSync("/proc/self/ns/user") },
  timens: { name: "time namespaces", ci: true, isThere: () => existsSync("/proc/self/ns/time") },
  keyring: { name: "kernel keyrings", ci: true, isThere: () => existsSync("/proc/keys") },
  busybox: { name: "busybox (package busybox-static)", ci: true, isThere: () => existsSync("/usr/bin/busybox") || existsSync("/bin/busybox") },
  // Bun opens and closes low descriptors of its own before a line of ours is run.
  lowFds: { name: "a host that leaves descriptors 3 and 4 alone", ci: false, isThere: () => process.env["TSRUN_HOST"] !== "bun" },
  // A signal mask is a thread's own: Bun's other threads take what the runtime wants to hold back.
  oneThread: { name: "a host with one thread", ci: false, isThere: () => process.env["TSRUN_HOST"] !== "bun" },
  resource: {
    name: "CAP_SYS_RESOURCE",
    ci: false,
    isThere: once(() => (BigInt(`0x${/CapEff:\s*(\w+)/.exec(read("/proc/self/status"))?.[1] ?? "0"}`) & (1n << 24n)) !== 0n),
  },
  // Debian 12's looks for a vdso that later kernels lay out in another way: it can dump there, and not restore.
  criu: {
    name: "a CRIU that can restore on this kernel",
    ci: false,
    isThere: () =>
      existsSync("/usr/sbin/criu") &&
      release()
        .split(".", 2)
        .map(Number)
        .reduce((major, minor) => major * 1000 + minor) < 6013,
  },
  apparmor: {
    name: "AppArmor",
    ci: false,
    isThere: () => read("/sys/module/apparmor/parameters/enabled").startsWith("Y") && existsSync("/sbin/apparmor_parser"),
  },
  // vm-run --selinux: its users are those of no other policy.
  selinux: { name: "SELinux with the policy of the tests", ci: false, isThere: () => read("/proc/self/attr/current").startsWith("test_u:") },
  systemd: { name: "systemd as process 1", ci: false, isThere: () => read("/proc/1/comm").trim() === "systemd" && existsSync("/run/systemd/private") },
  userSystemd: {
    name: "a user with a systemd of their own (the virtual machine's)",
    ci: false,
    isThere: () => existsSync("/run/systemd/system/user@.service") && existsSync("/usr/lib/systemd/user/dbus.socket"),
  },
  setcap: { name: "setcap (package libcap2-bin)", ci: false, isThere: () => existsSync("/usr/sbin/setcap") || existsSync("/sbin/setcap") },
  noResctrl: { name: "a machine without a mounted resctrl", ci: false, isThere: () => !read("/proc/self/mountinfo").includes(" - resctrl ") },
  officialSchemas: { name: "the official schemas (TSRUN_OFFICIAL_SCHEMAS)", ci: false, isThere: () => officialFolder() !== undefined },
  fixtures: { name: "engine configs", ci: true, isThere: () => true },
} as const satisfies Record<string, Need>;

export function oracle(deviations: Partial<Record<RuntimeName, string>>): Notes {
  return { deviations };
}

export function needs(...names: (keyof typeof NEEDS)[]): Notes {
  return { needs: names.map((name) => NEEDS[name]) };
}

/** What is tsrun's own: no peer is asked. */
export const tsrunOnly: Notes = { only: ["tsrun"] };

/** For scripts/test.ts: one JSON line per deviation or skip. */
function report(line: Record<string, string>): void {
  const path = process.env["TSRUN_TEST_REPORT"];
  if (path) appendFileSync(path, `${JSON.stringify({ runtime: RUNTIME, ...line })}\n`);
}

/** The runtime's --root of this test file. */
export const ROOT = mkdtempSync(`${SCRATCH}/root-`);
if (NEEDS.root.isThere()) makeCgroupParents();
afterAll(() => {
  rmSync(ROOT, { recursive: true, force: true });
  // Other files may run at the same time under the test runner, which then does this at the end.
  if (process.env["TSRUN_TEST_SCRATCH"] === undefined) removeCgroupParents();
});

/** Removes every container of the test; tells what is then left of it. */
async function cleanUp(): Promise<string[]> {
  if (existsSync(ROOT)) {
    for (const id of readdirSync(ROOT)) if (!id.startsWith(".")) await exec([...COMMAND, "--root", ROOT, "delete", "--force", id]).catch(() => undefined);
  }
  const found: string[] = [];
  for (const { name, directory } of takeBundles()) {
    let rest = leftovers(name, ROOT);
    // A killed process needs a moment to go, and its cgroup goes after it.
    for (let i = 0; i < 200 * SLOWNESS && rest.length > 0; i++) {
      await Bun.sleep(10);
      rest = leftovers(name, ROOT);
    }
    if (rest.length > 0) sweep(name);
    found.push(...rest);
    rmSync(directory, { recursive: true, force: true });
  }
  return found;
}

/** Runs the body; it fails when it takes too long. */
async function within(limitMs: number, body: (() => Promise<void> | void) | undefined): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([body?.(), late]);
  } finally {
    clearTimeout(timer);
  }
}

const mustRun = process.env["TSRUN_MUST_RUN"] === "1";

/** A test. Its name begins with the ids of the rules that it proves. */
export function spec(name: string, ...parts: (Notes | (() => Promise<void> | void))[]): void {
  const body = parts.find((part) => typeof part === "function");
  const notes: Notes = Object.assign({}, ...parts.filter((part) => typeof part === "object"));
  const wanted = [NEEDS.root, ...(notes.needs ?? [])];
  const missing = wanted.filter((need) => !need.isThere());
  if (notes.only !== undefined && !notes.only.includes(RUNTIME)) return;
  if (missing.length > 0 && !(mustRun && missing.some((need) => need.ci))) {
    report({ kind: "skip", name, why: `needs ${missing.map((need) => need.name).join(", ")}` });
    test.skip(name, () => {});
    return;
  }
  const deviation = notes.deviations?.[RUNTIME] ?? (RUNTIME === "crun" ? CRUN_DEVIATIONS.find(([pattern]) => pattern.test(name))?.[1] : undefined);
  const limitMs = (notes.timeoutMs ?? 30_000) * SLOWNESS;
  test(
    name,
    async () => {
      let failure: unknown;
      try {
        if (missing.length > 0) throw new Error(`must run here, but needs ${missing.map((need) => need.name).join(", ")}`);
        await within(limitMs, body);
      } catch (error) {
        failure = error;
      }
      const rest = await cleanUp();
      if (failure === undefined && rest.length > 0) failure = new Error(`left behind:\n${rest.join("\n")}`);
      if (deviation !== undefined) {
        report({ kind: failure === undefined ? "no deviation" : "deviation", name, why: deviation });
        return;
      }
      if (failure !== undefined) throw failure;
    },
    // Time to clean up after a body that took too long.
    limitMs + 20_000 * SLOWNESS,
  );
}
