// `npm run test:engines`: containerd, Docker, Podman and Buildah from Debian's packages drive tsrun, each line checked by its effect.
// Options: --engine NAME, --filter TEXT, --runtime runc (runc by itself). What runc cannot do on the machine does not count.
/// <reference types="bun" />
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { hostCgroups, removeNewCgroups } from "../helpers/host-cgroups.ts";
import { buildah } from "./buildah.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import { type Counts, exec, runEngine } from "./harness.ts";
import { makeImage } from "./image.ts";
import { podman } from "./podman.ts";

const TSRUN = resolve(import.meta.dir, "../../dist/tsrun");
const PACKAGES = {
  dockerd: "docker.io",
  docker: "docker.io",
  containerd: "containerd",
  ctr: "containerd",
  podman: "podman",
  conmon: "conmon",
  buildah: "buildah",
  ps: "procps",
  python3: "python3-minimal",
};
/** Parents of the containers' cgroups: Docker's, containerd's namespace, Podman's, Buildah's, and a case's own. */
const ENGINE_CGROUPS = /^(docker|default|libpod_parent|buildah.*|tsrun-engines-parent)$/;
const POLICY = "/usr/sbin/policy-rc.d";

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

const find = (program: string) => Bun.which(program, { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

/** No package may start a service of its own. */
async function install(): Promise<void> {
  const missing = new Set(Object.entries(PACKAGES).flatMap(([program, name]) => (find(program) === null ? [name] : [])));
  if (missing.size === 0) return;
  console.log(`== installing ${[...missing].join(" ")}`);
  const hadPolicy = existsSync(POLICY);
  if (!hadPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await exec(["apt-get", "update", "-qq"], { timeoutMs: 300_000 });
    const { code, err } = await exec(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...missing], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
      timeoutMs: 600_000,
    });
    if (code !== 0) throw new Error(`apt-get: ${err}`);
  } finally {
    if (!hadPolicy) rmSync(POLICY, { force: true });
  }
}

async function main(): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error("the engines need root");
  await install();
  const runc = find("runc") ?? "";
  const only = option("runtime") === "runc" ? "runc" : "tsrun";
  // Short: the engines make sockets below it.
  const scratch = mkdtempSync(`${tmpdir()}/te-`);
  // conmon leaves files in the directory that Podman was called in.
  process.chdir(scratch);
  const before = hostCgroups();
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    const image = await makeImage(scratch);
    const paths = { tsrun: TSRUN, runc };
    const engines = [docker(scratch, image, TSRUN), podman(scratch, image, paths), containerd(scratch, image, paths), buildah(scratch, image, paths)];
    for (const engine of engines) {
      if (option("engine") !== undefined && option("engine") !== engine.name) continue;
      const counts = await runEngine(engine, option("filter"), only);
      for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
    }
  } finally {
    // Overlay mounts of a storage whose engine was killed.
    for (const line of (await Bun.file("/proc/self/mountinfo").text()).split("\n").reverse()) {
      const point = line.split(" ")[4] ?? "";
      if (point.startsWith(`${scratch}/`)) await exec(["umount", "-l", point]);
    }
    rmSync(scratch, { recursive: true, force: true });
    removeNewCgroups(before, ENGINE_CGROUPS);
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
