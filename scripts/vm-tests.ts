// Container tests in a virtual machine with cgroup v2 (test/vm/vm-run): the second kind of machine that tsrun is for.
// `npm run test:vm` runs all of them; `npm test` those that cgroups decide. Needs root and QEMU, which it installs from Debian's packages.
// `npm run test:arm64 -- [FILTER...]`: the same on dist/arm64/tsrun, in a machine of that architecture.
/// <reference types="bun" />
import { existsSync } from "node:fs";
import { add, type Counts, REPOSITORY } from "./bun-tests.ts";
import { installPackages } from "./packages.ts";
import { targetOf } from "./target.ts";

/** package: a file that shows that it is there. */
const PACKAGES = {
  "qemu-system-x86": "/usr/bin/qemu-system-x86_64",
  kmod: "/sbin/modprobe",
  e2fsprogs: "/sbin/mke2fs",
  zstd: "/usr/bin/zstd",
  criu: "/usr/sbin/criu",
  apparmor: "/sbin/apparmor_parser",
  systemd: "/lib/systemd/systemd",
  dbus: "/usr/bin/dbus-daemon",
  "dbus-user-session": "/usr/lib/systemd/user/dbus.socket",
  iptables: "/usr/sbin/iptables",
  iproute2: "/sbin/ip",
  secilc: "/usr/bin/secilc",
};
const MEMORY_MIB = "3000";
const TIMEOUT_S = "1200";
/** Exit codes of vm-run: out of time, no machine. An emulated one stands still now and then, whatever runs in it. */
const NO_MACHINE: readonly number[] = [124, 125];

/** Test files whose outcome depends on the layout of cgroups, or on the kernel. */
export const CGROUP_FILES = ["apparmor", "cgroups", "checkpoint", "devices", "events", "pause", "resources", "update"];

/** False when there can be no machine here. */
export function installMachine(): boolean {
  if (process.getuid?.() !== 0) return false;
  return installPackages(PACKAGES);
}

/** argv of a command in the machine, in the checkout, with dist/tsrun as the runtime. `first`: what is done there before. */
export function inMachine(command: string, flags: readonly string[] = [], first = "true"): string[] {
  const inside = `cd /host && ${first} && HOME=/tmp TMPDIR=/tmp RUNTIME=/host/dist/tsrun exec node_modules/.bin/${command}`;
  const cache = `TSRUN_VM_CACHE=${REPOSITORY}/build/vm`;
  const run = ["env", cache, `${REPOSITORY}/test/vm/vm-run`, ...flags, "--share", REPOSITORY, "--mem", MEMORY_MIB, "--timeout", TIMEOUT_S];
  return [...run, "--", "sh", "-c", inside];
}

/** Test files that systemd as process 1 decides: those of `npm test`. */
export const SYSTEMD_FILES = ["/systemd.test"];

/** Test files that a hybrid layout decides: v1 with v2 beside it, and systemd on it. Those of limits know it as v1 here and as v2 there. */
const HYBRID_FILES = ["systemd-v1", "/cgroups.test", "cgroups-mount"];

/** Test files that need SELinux, which is never on together with AppArmor. */
export const SELINUX_FILES = ["selinux"];

const BUN_PREFIX = `build/arm64/bun-${Bun.version}`;
const ARM64_BUN = `${BUN_PREFIX}/node_modules/@oven/bun-linux-aarch64/bin/bun`;
/** There, these are in the places of this machine's. */
const ARM64_MOUNTS = [
  [ARM64_BUN, "node_modules/.bin/bun"],
  ["build/arm64", "build"],
  ["dist/arm64", "dist"],
]
  .map((pair) => `mount --bind ${pair.join(" ")}`)
  .join(" && ");

function buildForArm64(): boolean {
  if (!installPackages({ "qemu-system-arm": "/usr/bin/qemu-system-aarch64" })) return false;
  const getBun = ["npm", "install", "--force", "--prefix", BUN_PREFIX, "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  return [
    [process.execPath, "scripts/build.ts", "--arch", "arm64"],
    ["make", "--silent", "-C", "test/probe", `BUILD=${REPOSITORY}/build/arm64`, ...targetOf("arm64").make],
    existsSync(`${REPOSITORY}/${ARM64_BUN}`) ? ["true"] : [...getBun, `@oven/bun-linux-aarch64@${Bun.version}`],
  ].every((argv) => Bun.spawnSync(argv, { cwd: REPOSITORY, stdout: "inherit", stderr: "inherit" }).exitCode === 0);
}

/** `filters`: parts of file names, none for all. `more`: what the machine has besides. The counts of the tests inside; one failure when there is no machine. */
export function vmTests(filters: readonly string[], more?: "systemd" | "hybrid" | "selinux" | "arm64"): Counts {
  console.log(
    `== containers, dist/tsrun in a virtual machine with ${more === "hybrid" ? "cgroup v1 and systemd" : `cgroup v2${more === undefined ? "" : ` and ${more}`}`}${filters.length === 0 ? "" : `: ${filters.join(", ")}`}`,
  );
  if (!installMachine()) {
    console.log("   not run: it needs root and QEMU");
    return process.env["TSRUN_MUST_RUN"] === "1" ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 };
  }
  if (more === "arm64" && !buildForArm64()) return { passed: 0, failed: 1, skipped: 0 };
  // The guest writes its results beside those of this machine.
  const lane = ["--env", `TSRUN_LANE=vm${more === undefined ? "" : `-${more}`}`];
  const flags = [...lane, ...(more === undefined ? [] : [`--${more}`])];
  const argv = inMachine(`bun scripts/test.ts --root ${filters.join(" ")}`, flags, more === "arm64" ? ARM64_MOUNTS : undefined);
  let child = Bun.spawnSync(argv, { stdout: "pipe", stderr: "inherit" });
  if (NO_MACHINE.includes(child.exitCode)) {
    console.log("   the machine did not boot, or stood still: once more");
    child = Bun.spawnSync(argv, { stdout: "pipe", stderr: "inherit" });
  }
  const output = child.stdout.toString().trimEnd();
  console.log(output.split("\n").slice(0, -1).join("\n"));
  const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(output.split("\n").at(-1) ?? "");
  if (counts === null) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(counts[1]), failed: Number(counts[2]), skipped: Number(counts[3]) };
}

function everyMachine(filters: readonly string[]): Counts {
  const total = vmTests(filters);
  // What systemd makes of cgroups is seen by these as well.
  add(total, vmTests(["systemd", "/cgroups.test", "update"], "systemd"));
  add(total, vmTests(HYBRID_FILES, "hybrid"));
  add(total, vmTests(SELINUX_FILES, "selinux"));
  return total;
}

if (import.meta.main) {
  const words = process.argv.slice(2);
  const total = words[0] === "--arm64" ? vmTests(words.slice(1), "arm64") : everyMachine(words);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}
