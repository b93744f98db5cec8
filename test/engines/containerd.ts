// containerd by its own client: tasks with the shim runc.v2, whose binary is the runtime.
import { mkdirSync, writeFileSync } from "node:fs";
import { type Case, callers, check, Daemon, type Engine, equal, exec, matches, type Session, until } from "./harness.ts";
import { IMAGE, type Image } from "./image.ts";

const start = (s: Session, id: string, ...command: string[]) => s.ok("run", "-d", "--snapshotter", "native", IMAGE, id, ...command);
const status = async (s: Session, id: string) => new RegExp(`^${id}\\s+\\d+\\s+(\\w+)`, "m").exec(await s.ok("task", "ls"))?.[1];

const CASES: readonly Case[] = [
  ["run", async (s) => equal(await s.ok("run", "--rm", "--snapshotter", "native", IMAGE, "one", "echo", "hello"), "hello\n")],
  ["run: exit code", async (s) => equal((await s.try("run", "--rm", "--snapshotter", "native", IMAGE, "one", "sh", "-c", "exit 7")).code, 7)],
  [
    "task exec",
    async (s) => {
      await start(s, "one", "sleep", "100");
      equal(await s.ok("task", "exec", "--exec-id", "e1", "one", "echo", "in"), "in\n");
      equal((await s.try("task", "exec", "--exec-id", "e2", "one", "sh", "-c", "exit 9")).code, 9);
      equal(await s.ok("task", "exec", "--exec-id", "e3", "--cwd", "/tmp", "--user", "1000", "one", "sh", "-c", "pwd; id -u"), "/tmp\n1000\n");
      check((await s.try("task", "exec", "--exec-id", "e4", "one", "nosuch")).code !== 0, "a program that is not there was executed");
    },
  ],
  [
    "task pause, resume",
    async (s) => {
      await start(s, "one", "sleep", "100");
      await s.ok("task", "pause", "one");
      equal(await status(s, "one"), "PAUSED");
      await s.ok("task", "resume", "one");
      equal(await status(s, "one"), "RUNNING");
    },
  ],
  [
    "task ps, metrics",
    async (s) => {
      await start(s, "one", "sleep", "100");
      matches(await s.ok("task", "ps", "one"), /^\d+\s/m);
      matches(await s.ok("task", "metrics", "one"), /memory\.usage_in_bytes\s+\d+|memory\.usage\s+\d+/);
    },
  ],
  [
    "task checkpoint",
    async (s) => {
      await start(s, "one", "sleep", "100");
      await s.ok("task", "checkpoint", "--image-path", `${s.directory}/images`, "one");
      check(await Bun.file(`${s.directory}/images/inventory.img`).exists(), "there are no images");
    },
  ],
  [
    "task kill, delete",
    async (s) => {
      await start(s, "one", "sleep", "100");
      await s.ok("task", "kill", "-s", "SIGKILL", "one");
      await until("its end", async () => (await status(s, "one")) === "STOPPED");
      await s.ok("task", "delete", "one");
      equal(await status(s, "one"), undefined);
    },
  ],
  [
    "run --memory-limit",
    async (s) =>
      matches(
        await s.ok("run", "--rm", "--snapshotter", "native", "--memory-limit", String(32 << 20), IMAGE, "one", "sh", "-c", "cat /proc/self/cgroup; echo done"),
        /done/,
      ),
  ],
  [
    "run --privileged",
    async (s) =>
      matches(
        await s.ok("run", "--rm", "--snapshotter", "native", "--privileged", IMAGE, "one", "sh", "-c", "mount -t tmpfs t /mnt && echo mounted"),
        /mounted/,
      ),
  ],
  [
    "run --read-only",
    async (s) => check((await s.try("run", "--rm", "--snapshotter", "native", "--read-only", IMAGE, "one", "touch", "/x")).code !== 0, "the root is writable"),
  ],
  [
    "run --mount",
    async (s) => {
      writeFileSync(`${s.directory}/file`, "content\n");
      equal(
        await s.ok(
          "run",
          "--rm",
          "--snapshotter",
          "native",
          "--mount",
          `type=bind,src=${s.directory},dst=/data,options=rbind:ro`,
          IMAGE,
          "one",
          "cat",
          "/data/file",
        ),
        "content\n",
      );
    },
  ],
  [
    "run --seccomp",
    async (s) => matches(await s.ok("run", "--rm", "--snapshotter", "native", "--seccomp", IMAGE, "one", "cat", "/proc/self/status"), /Seccomp:\s*2/),
  ],
  [
    "10 tasks at once",
    async (s) => {
      const outputs = await Promise.all(
        Array.from({ length: 10 }, (_, i) => s.ok("run", "--rm", "--snapshotter", "native", IMAGE, `n${i}`, "echo", String(i))),
      );
      equal(
        outputs,
        outputs.map((_, i) => `${i}\n`),
      );
    },
  ],
];

export function containerd(scratch: string, image: Image, paths: { tsrun: string; runc: string }): Engine {
  const directory = `${scratch}/ctrd`;
  const argv = ["ctr", "-a", `${directory}/c.sock`];
  let daemon: Daemon | undefined;
  let count = 0;
  const clean = async () => {
    for (const id of (await exec([...argv, "container", "ls", "-q"])).out.split("\n").filter((name) => name !== "")) {
      await exec([...argv, "task", "delete", "-f", id]);
      await exec([...argv, "container", "rm", id]);
    }
  };
  return {
    name: "containerd",
    cases: CASES,
    async start() {
      mkdirSync(directory, { recursive: true });
      writeFileSync(
        `${directory}/config.toml`,
        // No garbage collection: the one after the start has taken content away that was just being imported (1.6.20).
        `version = 2\nroot = "${directory}/root"\nstate = "${directory}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "${directory}/c.sock"\n[ttrpc]\naddress = "${directory}/c.sock.ttrpc"\n[plugins."io.containerd.gc.v1.scheduler"]\nstartup_delay = "1h"\nmutation_threshold = 1000000\n`,
      );
      daemon = new Daemon(["containerd", "--config", `${directory}/config.toml`], `${directory}/log`);
      await until("containerd", async () => (await exec([...argv, "version"])).code === 0, 30_000);
      const imported = await exec([...argv, "image", "import", "--snapshotter", "native", "--index-name", IMAGE, image.ociArchive]);
      if (imported.code !== 0) throw new Error(imported.err);
    },
    session(runtime) {
      const own = `${directory}/case-${++count}`;
      mkdirSync(own);
      const full = (args: readonly string[]) => {
        const at = args[0] === "run" ? 1 : args[0] === "container" && args[1] === "create" ? 2 : 0;
        return at === 0 ? [...args] : [...args.slice(0, at), "--runc-binary", paths[runtime], ...args.slice(at)];
      };
      const attempt = (...args: string[]) => exec([...argv, ...full(args)]);
      return {
        runtime,
        directory: own,
        argv,
        ...callers("ctr", attempt),
      };
    },
    clean,
    async stop() {
      await clean();
      await daemon?.stop();
    },
  };
}
