// Podman: no daemon; private storage, run directory and configuration.
import { mkdirSync, writeFileSync } from "node:fs";
import { DOCKER_LIKE } from "./docker-like.ts";
import { type Case, callers, type Engine, equal, exec, matches } from "./harness.ts";
import { IMAGE, type Image } from "./image.ts";
import { imageToolCases } from "./image-tool.ts";

const OWN: readonly Case[] = [
  [
    "pod: shared namespaces",
    async (s) => {
      await s.ok("pod", "create", "--name", "p1", "--infra-image", IMAGE, "--infra-command", "/bin/sleep 1000", "--share", "ipc,uts,pid");
      const one = await s.ok("run", "--rm", "--pod", "p1", IMAGE, "sh", "-c", "readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts");
      const two = await s.ok("run", "--rm", "--pod", "p1", IMAGE, "sh", "-c", "readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts");
      equal(one, two);
      await s.ok("pod", "stop", "-t", "0", "p1");
      await s.ok("pod", "rm", "-f", "p1");
    },
  ],
  [
    "run --userns by mapping",
    async (s) =>
      matches(await s.ok("run", "--rm", "--uidmap", "0:100000:5000", "--gidmap", "0:100000:5000", IMAGE, "cat", "/proc/self/uid_map"), /0\s+100000\s+5000/),
  ],
  ["run --umask", async (s) => equal(await s.ok("run", "--rm", "--umask", "0077", IMAGE, "sh", "-c", "umask"), "0077\n")],
  [
    "healthcheck run",
    async (s) => {
      const id = (await s.ok("run", "-d", "--health-cmd", "test -e /tmp/well", "--health-interval", "disable", IMAGE, "sleep", "100")).trim();
      equal((await s.try("healthcheck", "run", id)).code, 1);
      await s.ok("exec", id, "touch", "/tmp/well");
      equal((await s.try("healthcheck", "run", id)).code, 0);
    },
  ],
];

export function podman(scratch: string, image: Image, paths: { tsrun: string; runc: string }): Engine {
  const directory = `${scratch}/podman`;
  const env = { CONTAINERS_CONF: `${directory}/containers.conf`, CONTAINERS_STORAGE_CONF: `${directory}/storage.conf`, TMPDIR: directory };
  const argv = (runtime: "tsrun" | "runc") => ["podman", "--runtime", paths[runtime]];
  let count = 0;
  const clean = async () => {
    await exec([...argv("tsrun"), "pod", "rm", "-af", "-t", "0"], { env });
    await exec([...argv("tsrun"), "rm", "-af", "-t", "0"], { env });
  };
  return {
    name: "podman",
    cases: [...DOCKER_LIKE, ...OWN, ...imageToolCases(image.rootfsTar, [[], ["--format", "oci-archive"]])],
    async start() {
      mkdirSync(directory, { recursive: true });
      writeFileSync(
        env.CONTAINERS_CONF,
        // The default limits need CAP_SYS_RESOURCE.
        `[containers]\nnetns = "none"\ndefault_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "${directory}/tmp"\n[engine.runtimes]\ntsrun = ["${paths.tsrun}"]\nrunc = ["${paths.runc}"]\n`,
      );
      writeFileSync(env.CONTAINERS_STORAGE_CONF, `[storage]\ndriver = "overlay"\nrunroot = "${directory}/run"\ngraphroot = "${directory}/graph"\n`);
      const loaded = await exec([...argv("tsrun"), "import", "-c", "ENV PATH=/bin:/usr/bin", image.rootfsTar, IMAGE], { env });
      if (loaded.code !== 0) throw new Error(loaded.err);
    },
    session(runtime) {
      const own = `${directory}/case-${++count}`;
      mkdirSync(own);
      const attempt = (...args: string[]) => exec([...argv(runtime), ...args], { env });
      return {
        runtime,
        directory: own,
        argv: ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...argv(runtime)],
        ...callers("podman", attempt),
      };
    },
    clean,
    async stop() {
      await clean();
      await exec([...argv("tsrun"), "system", "reset", "-f"], { env });
    },
  };
}
