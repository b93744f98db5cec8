// Docker: a dockerd of our own, with its own containerd, on private directories and a private socket, without a network.
import { mkdirSync, writeFileSync } from "node:fs";
import { DOCKER_LIKE } from "./docker-like.ts";
import { type Case, callers, Daemon, type Engine, equal, exec, matches, until } from "./harness.ts";
import { IMAGE, type Image } from "./image.ts";
import { imageToolCases } from "./image-tool.ts";

const OWN: readonly Case[] = [
  ["--init", async (s) => matches(await s.ok("run", "--rm", "--init", IMAGE, "ps"), /1 root .*(docker-init|tini)/)],
  [
    "healthcheck",
    async (s) => {
      const id = (
        await s.ok("run", "-d", "--health-cmd", "test -e /tmp/well", "--health-interval", "200ms", "--health-retries", "1", IMAGE, "sleep", "100")
      ).trim();
      const health = async () => (await s.ok("inspect", "--format", "{{.State.Health.Status}}", id)).trim();
      await until("unhealthy", async () => (await health()) === "unhealthy");
      await s.ok("exec", id, "touch", "/tmp/well");
      await until("healthy", async () => (await health()) === "healthy");
    },
  ],
  [
    "build with RUN",
    async (s) => {
      mkdirSync(`${s.directory}/context`, { recursive: true });
      writeFileSync(`${s.directory}/context/Dockerfile`, `FROM ${IMAGE}\nRUN echo built > /made && id -u > /uid\nUSER 1000\nRUN id -u > /tmp/uid\n`);
      await s.ok("build", "--network", "none", "-q", "-t", "built", `${s.directory}/context`);
      equal(await s.ok("run", "--rm", "built", "cat", "/made", "/uid", "/tmp/uid"), "built\n0\n1000\n");
    },
  ],
  [
    "update of pids",
    async (s) => {
      const id = (await s.ok("run", "-d", IMAGE, "sleep", "100")).trim();
      await s.ok("update", "--pids-limit", "77", id);
      equal((await s.ok("exec", id, "sh", "-c", "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true")).trim(), "77");
    },
  ],
  [
    "events of an out-of-memory kill",
    async (s) => {
      const since = String(Math.floor(Date.now() / 1000) - 1);
      await s.try("run", "--rm", "-m", "16m", "--memory-swap", "16m", IMAGE, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1");
      matches(await s.ok("events", "--since", since, "--until", String(Math.floor(Date.now() / 1000) + 1)), /container oom/);
    },
  ],
];

export function docker(scratch: string, image: Image, tsrun: string): Engine {
  const directory = `${scratch}/docker`;
  const host = `unix://${directory}/d.sock`;
  const argv = ["docker", "-H", host];
  let daemon: Daemon | undefined;
  let count = 0;
  const clean = async () => {
    const ids = (await exec([...argv, "ps", "-aq"])).out.split("\n").filter((id) => id !== "");
    if (ids.length > 0) await exec([...argv, "rm", "-f", ...ids]);
  };
  return {
    name: "docker",
    cases: [...DOCKER_LIKE, ...OWN, ...imageToolCases(image.rootfsTar, [[]])],
    async start() {
      mkdirSync(directory, { recursive: true });
      // Not the machine's own /etc/docker/daemon.json.
      writeFileSync(`${directory}/daemon.json`, "{}\n");
      daemon = new Daemon(
        [
          ...["dockerd", "-H", host, "--data-root", `${directory}/data`, "--exec-root", `${directory}/exec`, "--pidfile", `${directory}/pid`],
          ...["--config-file", `${directory}/daemon.json`, "--add-runtime", `tsrun=${tsrun}`, "--iptables=false", "--ip6tables=false", "--bridge=none"],
        ],
        `${directory}/log`,
        { DOCKER_BUILDKIT: "0" },
      );
      await until(
        "dockerd",
        async () => {
          if (!daemon?.isAlive) throw new Error(`dockerd has ended: ${(await Bun.file(`${directory}/log`).text()).slice(-500)}`);
          return (await exec([...argv, "version"])).code === 0;
        },
        30_000,
      );
      const imported = await exec([...argv, "import", "-c", "ENV PATH=/bin:/usr/bin", image.rootfsTar, IMAGE]);
      if (imported.code !== 0) throw new Error(imported.err);
    },
    session(runtime) {
      const own = `${directory}/case-${++count}`;
      mkdirSync(own);
      const full = (args: readonly string[]) =>
        ["run", "create"].includes(args[0] ?? "") ? [args[0] ?? "", "--runtime", runtime, ...args.slice(1)] : [...args];
      // A terminal wraps the plain command line, and begins with "run" as well.
      const attempt = (...args: string[]) => exec([...argv, ...full(args)], { env: { DOCKER_BUILDKIT: "0" } });
      return {
        runtime,
        directory: own,
        argv: [
          "sh",
          "-c",
          'first=$1; shift; case $first in run|create) exec docker -H "$H" "$first" --runtime "$R" "$@";; *) exec docker -H "$H" "$first" "$@";; esac'
            .replaceAll('"$H"', host)
            .replaceAll('"$R"', runtime),
          "docker",
        ],
        ...callers("docker", attempt),
      };
    },
    clean,
    async stop() {
      await clean();
      await daemon?.stop();
    },
  };
}
