// Buildah: working containers and builds, whose RUN steps go through the runtime.
import { mkdirSync, writeFileSync } from "node:fs";
import { type Case, callers, type Engine, equal, exec, matches } from "./harness.ts";
import { IMAGE, type Image } from "./image.ts";

const CASES: readonly Case[] = [
  [
    "from, run",
    async (s) => {
      const name = (await s.ok("from", IMAGE)).trim();
      equal(await s.ok("run", name, "--", "echo", "hello"), "hello\n");
      equal((await s.try("run", name, "--", "sh", "-c", "exit 5")).code, 5);
      matches(await s.ok("run", "--user", "1000", name, "--", "id", "-u"), /^1000$/m);
    },
  ],
  [
    "run: volumes, capabilities, hostname",
    async (s) => {
      const name = (await s.ok("from", IMAGE)).trim();
      writeFileSync(`${s.directory}/file`, "content\n");
      equal(await s.ok("run", "-v", `${s.directory}:/data:ro`, name, "--", "cat", "/data/file"), "content\n");
      matches(await s.ok("run", "--cap-drop", "all", name, "--", "cat", "/proc/self/status"), /CapEff:\s*0+$/m);
      equal(await s.ok("run", "--hostname", "own", name, "--", "hostname"), "own\n");
    },
  ],
  [
    "bud with RUN",
    async (s) => {
      mkdirSync(`${s.directory}/context`);
      writeFileSync(`${s.directory}/context/Dockerfile`, `FROM ${IMAGE}\nRUN echo built > /made\nUSER 1000\nWORKDIR /home/user\nRUN id -u > uid\n`);
      await s.ok("bud", "-q", "-t", "built-by-buildah", `${s.directory}/context`);
      const name = (await s.ok("from", "built-by-buildah")).trim();
      equal(await s.ok("run", "--user", "0", name, "--", "cat", "/made", "/home/user/uid"), "built\n1000\n");
    },
  ],
  [
    "bud: a RUN that fails fails the build",
    async (s) => {
      mkdirSync(`${s.directory}/context`);
      writeFileSync(`${s.directory}/context/Dockerfile`, `FROM ${IMAGE}\nRUN exit 3\n`);
      equal((await s.try("bud", "-q", `${s.directory}/context`)).code, 3);
    },
  ],
];

export function buildah(scratch: string, image: Image, paths: { tsrun: string; runc: string }): Engine {
  const directory = `${scratch}/buildah`;
  const env = {
    CONTAINERS_STORAGE_CONF: `${directory}/storage.conf`,
    CONTAINERS_CONF: `${directory}/containers.conf`,
    TMPDIR: directory,
    BUILDAH_ISOLATION: "oci",
  };
  let count = 0;
  const withRuntime = (runtime: "tsrun" | "runc", args: readonly string[]) => {
    const at = ["run", "bud"].includes(args[0] ?? "") ? 1 : 0;
    const flags = ["--runtime", paths[runtime], "--network", "none"];
    return at === 0 ? ["buildah", ...args] : ["buildah", args[0] ?? "", ...flags, ...args.slice(1)];
  };
  return {
    name: "buildah",
    cases: CASES,
    async start() {
      mkdirSync(directory, { recursive: true });
      writeFileSync(env.CONTAINERS_CONF, '[containers]\nnetns = "none"\n[engine]\ncgroup_manager = "cgroupfs"\n');
      writeFileSync(env.CONTAINERS_STORAGE_CONF, `[storage]\ndriver = "overlay"\nrunroot = "${directory}/run"\ngraphroot = "${directory}/graph"\n`);
      const pulled = await exec(["buildah", "pull", `oci-archive:${image.ociArchive}`], { env });
      if (pulled.code !== 0) throw new Error(pulled.err);
      await exec(["buildah", "tag", pulled.out.trim(), IMAGE], { env });
    },
    session(runtime) {
      const own = `${directory}/case-${++count}`;
      mkdirSync(own);
      const attempt = (...args: string[]) => exec(withRuntime(runtime, args), { env });
      return {
        runtime,
        directory: own,
        argv: ["buildah"],
        ...callers("buildah", attempt),
      };
    },
    async clean() {
      await exec(["buildah", "rm", "-a"], { env });
    },
    async stop() {
      await exec(["buildah", "rm", "-a"], { env });
      await exec(["buildah", "rmi", "-af"], { env });
    },
  };
}
