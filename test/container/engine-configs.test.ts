// Configs that containerd, Docker, Podman and Buildah wrote: they run, and the program sees the same as under runc.
import { expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import type { Bundle } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, ok } from "../helpers/container.ts";
import { engineBundle } from "../helpers/engine-config.ts";
import { exec } from "../helpers/exec.ts";
import { Facts, parseMount } from "../helpers/facts.ts";
import { REPOSITORY, RUNTIME } from "../helpers/runtime.ts";
import { ROOT, spec } from "../helpers/spec.ts";

const DIRECTORY = process.env["TSRUN_ENGINE_CONFIGS"] ?? `${REPOSITORY}/spec-fixtures/engines`;
const RUNC = RUNTIME !== "tsrun" ? undefined : ["/usr/bin/runc", "/usr/sbin/runc", "/usr/local/sbin/runc"].find((path) => existsSync(path));

const WORDS = [
  "user",
  "umask",
  "caps",
  "prctl",
  "rlimits",
  "cwd",
  "env",
  "uts",
  "oom",
  "ids",
  "personality",
  "signals",
  "net",
  "affinity",
  "mounts",
  "ls:/dev",
  "ls:/",
  "stat:/dev/null",
  "stat:/dev/fuse",
  "link:/dev/ptmx",
  "link:/dev/fd",
];

/** What runc 1.1.5 does not do, does otherwise, or what a feature of later versions changes. */
const UNLIKE: Readonly<Record<string, RegExp>> = {
  "podman-run-personality": /^(personality|machine)=/,
};

/** Lines to compare: mounts without ids and sources, nothing that only says where the test ran. */
function comparable(name: string, config: JsonObject, text: string): string[] {
  const linux = (config["linux"] ?? {}) as JsonObject;
  const masked = (linux["maskedPaths"] ?? []) as readonly string[];
  const lines: string[] = [];
  const mounts: string[] = [];
  for (const line of text.split("\n")) {
    if (UNLIKE[name]?.test(line)) continue;
    if (!line.startsWith("mount=")) {
      lines.push(line.replace(/ dev=\d+ ino=\d+/, "").replace(/^(pid|ppid|sid|pgid)=\d{2,}$/, "$1=many"));
      continue;
    }
    const mount = parseMount(line.slice("mount=".length));
    // How masks and cgroup hierarchies are put together is each runtime's own affair.
    if (
      masked.includes(mount.point) ||
      mount.point.startsWith("/sys/fs/cgroup") ||
      mount.superOptions.includes("nr_blocks=1") ||
      (mount.type === "tmpfs" && mount.options.includes("ro") && mount.point.startsWith("/proc/"))
    )
      continue;
    if (mount.point.startsWith("/sys/firmware")) continue;
    // runc 1.1 gives rootfsPropagation to the host's / before the rootfs is bound.
    const propagation = linux["rootfsPropagation"] === undefined ? mount.propagation.map((word) => word.replace(/:\d+/, "")).join() : "";
    mounts.push(`mount ${mount.point} ${mount.type} ${mount.options.toSorted().join()} ${propagation}`);
  }
  // In which order the default devices are bound is nobody's business; a later mount over an earlier one stays behind it.
  const point = (line: string) => line.split(" ")[1] ?? "";
  return [...lines.filter((line) => line !== ""), ...mounts.toSorted((a, b) => (point(a) < point(b) ? -1 : point(a) > point(b) ? 1 : 0))];
}

async function runUnder(command: readonly string[], b: Bundle) {
  const root = `${ROOT}-other`;
  return exec([...command, "--root", root, "run", "--bundle", b.directory, b.name]);
}

for (const file of readdirSync(DIRECTORY)
  .filter((one) => one.endsWith(".json"))
  .sort()) {
  const name = file.replace(/\.json$/, "");
  spec(`3.04 a config of an engine: ${name}`, async () => {
    const args = ["/probe", ...WORDS];
    const b = engineBundle(`${DIRECTORY}/${file}`, args);
    const result = ok(await new Container(b).run());
    expect(new Facts(result.stdout).get("cwd")).toBe(String((b.config["process"] as Record<string, unknown>)["cwd"]));
    if (RUNC === undefined) return;
    const peer = await runUnder([RUNC], b);
    if (peer.code !== 0) return;
    expect(comparable(name, b.config, result.stdout)).toEqual(comparable(name, b.config, peer.stdout));
  });
}
