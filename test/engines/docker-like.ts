// Cases that Docker and Podman have in common: the same command line, and the effect in the container or on the host.
import { mkdirSync, writeFileSync } from "node:fs";
import { type Case, check, equal, exec, matches, type Ran, type Session, until } from "./harness.ts";
import { IMAGE } from "./image.ts";

const TERMINAL = `${import.meta.dir}/terminal.py`;

const run = (s: Session, flags: readonly string[], ...command: string[]) => s.ok("run", "--rm", ...flags, IMAGE, ...command);
const shell = (s: Session, flags: readonly string[], script: string) => run(s, flags, "sh", "-c", script);

async function detached(s: Session, flags: readonly string[], ...command: string[]): Promise<string> {
  return (await s.ok("run", "-d", ...flags, IMAGE, ...command)).trim();
}

const inspect = async (s: Session, id: string, format: string) => (await s.ok("inspect", "--format", format, id)).trim();
const hostPid = async (s: Session, id: string) => Number(await inspect(s, id, "{{.State.Pid}}"));
const statusFile = async (pid: number) => Bun.file(`/proc/${pid}/status`).text();

function onTerminal(s: Session, size: string, input: string, ...args: string[]): Promise<Ran> {
  return exec(["python3", TERMINAL, size, ...s.argv, ...args], { stdin: input });
}

/** The engine sets the size a moment after the start. */
const UNTIL_SIZE = (size: string) => `until test "$(stty size 2>/dev/null)" = "${size}"; do sleep 0.05; done`;

/** The text of the first of these files that is there. */
async function cgroupValue(s: Session, id: string, controller: string, ...files: string[]): Promise<string> {
  const pid = await hostPid(s, id);
  const lines = (await Bun.file(`/proc/${pid}/cgroup`).text()).trim().split("\n");
  const own = lines.find((line) => line.split(":")[1]?.split(",").includes(controller)) ?? lines.find((line) => line.startsWith("0::"));
  const path = own?.split(":").slice(2).join(":") ?? "";
  for (const base of [`/sys/fs/cgroup/${controller}`, "/sys/fs/cgroup"])
    for (const file of files) if (await Bun.file(`${base}${path}/${file}`).exists()) return (await Bun.file(`${base}${path}/${file}`).text()).trim();
  throw new Error(`no ${files.join(" or ")} of ${id}`);
}

const capabilities = (text: string) => BigInt(`0x${/CapEff:\s*(\w+)/.exec(text)?.[1] ?? "0"}`);
const CAP_NET_ADMIN = 1n << 12n;
const CAP_CHOWN = 1n;

export const DOCKER_LIKE: readonly Case[] = [
  ["run", async (s) => equal(await run(s, [], "echo", "hello"), "hello\n")],
  [
    "the runtime is the one that was asked for",
    async (s) =>
      matches(
        await inspect(s, await detached(s, [], "sleep", "100"), "{{.HostConfig.Runtime}} {{.OCIRuntime}}").catch(
          async () => await inspect(s, (await s.ok("ps", "-q")).trim(), "{{.HostConfig.Runtime}}"),
        ),
        new RegExp(s.runtime),
      ),
  ],
  ["run: exit code", async (s) => equal((await s.try("run", "--rm", IMAGE, "sh", "-c", "exit 7")).code, 7)],
  ["run: a program that is not there is 127", async (s) => equal((await s.try("run", "--rm", IMAGE, "nosuch")).code, 127)],
  ["run: a file that is no program is 126", async (s) => equal((await s.try("run", "--rm", IMAGE, "/etc/passwd")).code, 126)],
  [
    "run -d, logs, wait",
    async (s) => {
      const id = await detached(s, [], "sh", "-c", "echo out; echo err >&2; exit 3");
      equal((await s.ok("wait", id)).trim(), "3");
      const { out, err } = await s.try("logs", id);
      equal([out, err], ["out\n", "err\n"]);
    },
  ],
  [
    "run -it: a terminal and its size",
    async (s) => {
      const { out, code } = await onTerminal(
        s,
        "33x99",
        "@wait first\n@resize 44x111\n@wait second\n",
        "run",
        "--rm",
        "-it",
        IMAGE,
        "sh",
        "-c",
        `${UNTIL_SIZE("33 99")}; echo first; ${UNTIL_SIZE("44 111")}; echo second; exit 5`,
      );
      matches(out, /first[\s\S]*second/);
      equal(code, 5);
    },
  ],
  ["run -i: standard input", async (s) => equal((await exec([...s.argv, "run", "--rm", "-i", IMAGE, "cat"], { stdin: "typed" })).out, "typed")],
  [
    "exec: output, exit code, user, environment, directory",
    async (s) => {
      const id = await detached(s, [], "sleep", "100");
      equal(await s.ok("exec", id, "echo", "in"), "in\n");
      equal((await s.try("exec", id, "sh", "-c", "exit 9")).code, 9);
      equal(await s.ok("exec", "-u", "1000:1000", "-e", "A=b", "-w", "/tmp", id, "sh", "-c", "id -u; echo $A; pwd"), "1000\nb\n/tmp\n");
      check((await s.try("exec", id, "nosuch")).code !== 0, "a program that is not there was executed");
    },
  ],
  [
    "exec: capabilities and seccomp are the container's",
    async (s) => {
      const id = await detached(s, ["--cap-drop", "ALL"], "sleep", "100");
      const text = await s.ok("exec", id, "cat", "/proc/self/status");
      equal(String(capabilities(text)), "0");
      matches(text, /Seccomp:\s*2/);
    },
  ],
  [
    "exec -it",
    async (s) => {
      const id = await detached(s, [], "sleep", "100");
      const { out, code } = await onTerminal(s, "21x77", "@wait there\n", "exec", "-it", id, "sh", "-c", `${UNTIL_SIZE("21 77")}; echo there; exit 4`);
      matches(out, /there/);
      equal(code, 4);
    },
  ],
  [
    "exec -d",
    async (s) => {
      const id = await detached(s, [], "sleep", "100");
      await s.ok("exec", "-d", id, "touch", "/tmp/made");
      await until("the file", async () => (await s.try("exec", id, "ls", "/tmp/made")).code === 0);
    },
  ],
  [
    "stop by signal",
    async (s) => {
      const id = await detached(s, [], "sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done");
      await until("the trap", async () => (await s.ok("logs", id)).includes("up"));
      await s.ok("stop", id);
      matches(await s.ok("logs", id), /bye/);
      equal(await inspect(s, id, "{{.State.ExitCode}}"), "0");
    },
  ],
  [
    "stop by timeout",
    async (s) => {
      const id = await detached(s, [], "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done");
      await s.ok("stop", "-t", "1", id);
      equal(await inspect(s, id, "{{.State.ExitCode}}"), "137");
    },
  ],
  [
    "kill with a signal of its own",
    async (s) => {
      const id = await detached(s, [], "sh", "-c", "trap 'echo got USR1' USR1; echo up; while :; do sleep 0.1; done");
      await until("the trap", async () => (await s.ok("logs", id)).includes("up"));
      await s.ok("kill", "-s", "USR1", id);
      await until("the signal", async () => (await s.ok("logs", id)).includes("got USR1"));
      await s.ok("kill", id);
      await until("the end", async () => (await inspect(s, id, "{{.State.Running}}")) === "false");
      equal(await inspect(s, id, "{{.State.ExitCode}}"), "137");
    },
  ],
  [
    "pause and unpause",
    async (s) => {
      const id = await detached(s, [], "sh", "-c", "while :; do echo tick; sleep 0.05; done");
      await s.ok("pause", id);
      equal(await inspect(s, id, "{{.State.Status}}"), "paused");
      const before = (await s.ok("logs", id)).length;
      await Bun.sleep(300);
      equal((await s.ok("logs", id)).length, before);
      check((await s.try("exec", id, "true")).code !== 0, "exec worked in a paused container");
      await s.ok("unpause", id);
      await until("more output", async () => (await s.ok("logs", id)).length > before);
    },
  ],
  [
    "top",
    async (s) => {
      const id = await detached(s, [], "sleep", "321");
      matches(await s.ok("top", id), /sleep 321/);
    },
  ],
  [
    "stats",
    async (s) => {
      const id = await detached(s, ["-m", "64m"], "sleep", "100");
      matches(await s.ok("stats", "--no-stream", id), /64(\.00)?MiB|67\.1\dMB/);
    },
  ],
  [
    "out of memory",
    async (s) => {
      const id = await detached(s, ["-m", "16m", "--memory-swap", "16m"], "sh", "-c", "dd if=/dev/zero of=/dev/null bs=64M count=1");
      equal((await s.ok("wait", id)).trim(), "137");
    },
  ],
  [
    "restart policy",
    async (s) => {
      const id = await detached(s, ["--restart", "on-failure:2"], "sh", "-c", "exit 1");
      await until("two restarts", async () => (await inspect(s, id, "{{.RestartCount}} {{.State.Running}}")) === "2 false");
    },
  ],
  [
    "restart",
    async (s) => {
      const id = await detached(s, [], "sh", "-c", "echo up; sleep 100");
      await s.ok("restart", "-t", "0", id);
      await until("the second start", async () => (await s.ok("logs", id)).split("up").length === 3);
    },
  ],
  [
    "update of memory and cpus",
    async (s) => {
      const id = await detached(s, ["-m", "64m", "--memory-swap", "64m"], "sleep", "100");
      await s.ok("update", "-m", "96m", "--memory-swap", "96m", "--cpus", "0.5", id);
      equal(await cgroupValue(s, id, "memory", "memory.limit_in_bytes", "memory.max"), String(96 << 20));
      matches(await cgroupValue(s, id, "cpu", "cpu.cfs_quota_us", "cpu.max"), /^50000/);
    },
  ],
  [
    "limits at the start",
    async (s) => {
      const id = await detached(s, ["-m", "48m", "--cpus", "0.25", "--pids-limit", "33", "--cpu-shares", "512", "--cpuset-cpus", "0"], "sleep", "100");
      equal(await cgroupValue(s, id, "memory", "memory.limit_in_bytes", "memory.max"), String(48 << 20));
      equal(await cgroupValue(s, id, "pids", "pids.max"), "33");
      equal(await cgroupValue(s, id, "cpuset", "cpuset.cpus"), "0");
    },
  ],
  [
    "--cap-add, --cap-drop",
    async (s) => {
      check((capabilities(await run(s, ["--cap-add", "NET_ADMIN"], "cat", "/proc/self/status")) & CAP_NET_ADMIN) !== 0n, "NET_ADMIN is missing");
      check((capabilities(await run(s, ["--cap-drop", "CHOWN"], "cat", "/proc/self/status")) & CAP_CHOWN) === 0n, "CHOWN is there");
    },
  ],
  [
    "--security-opt no-new-privileges",
    async (s) => matches(await run(s, ["--security-opt", "no-new-privileges"], "cat", "/proc/self/status"), /NoNewPrivs:\s*1[\s\S]*Seccomp:\s*2/),
  ],
  ["the default seccomp profile", async (s) => matches(await run(s, [], "cat", "/proc/self/status"), /Seccomp:\s*2/)],
  [
    "--security-opt seccomp=unconfined",
    async (s) => matches(await run(s, ["--security-opt", "seccomp=unconfined"], "cat", "/proc/self/status"), /Seccomp:\s*0/),
  ],
  [
    "--read-only, --tmpfs",
    async (s) => {
      check((await s.try("run", "--rm", "--read-only", IMAGE, "touch", "/x")).code !== 0, "the root is writable");
      matches(
        await shell(s, ["--read-only", "--tmpfs", "/scratch:size=1m,mode=1777"], "touch /scratch/x && grep ' /scratch ' /proc/mounts"),
        /tmpfs .*size=1024k/,
      );
    },
  ],
  [
    "-v: writable, ro, nested",
    async (s) => {
      mkdirSync(`${s.directory}/data/inner`, { recursive: true });
      mkdirSync(`${s.directory}/other`, { recursive: true });
      writeFileSync(`${s.directory}/data/file`, "content\n");
      writeFileSync(`${s.directory}/other/second`, "2\n");
      equal(
        await shell(
          s,
          ["-v", `${s.directory}/data:/data`, "-v", `${s.directory}/other:/data/inner`],
          "cat /data/file /data/inner/second; echo new > /data/made",
        ),
        "content\n2\n",
      );
      equal(await Bun.file(`${s.directory}/data/made`).text(), "new\n");
      check((await s.try("run", "--rm", "-v", `${s.directory}/data:/data:ro`, IMAGE, "touch", "/data/x")).code !== 0, "the volume is writable");
    },
  ],
  [
    "-v with rslave",
    async (s) => {
      mkdirSync(`${s.directory}/shared`, { recursive: true });
      await exec(["mount", "-t", "tmpfs", "tmpfs", `${s.directory}/shared`]);
      try {
        await exec(["mount", "--make-shared", `${s.directory}/shared`]);
        matches(await run(s, ["-v", `${s.directory}/shared:/mnt:rslave`], "grep", " /mnt ", "/proc/self/mountinfo"), / master:\d+ /);
      } finally {
        await exec(["umount", `${s.directory}/shared`]);
      }
    },
  ],
  [
    "--device",
    async (s) =>
      matches(
        await shell(s, ["--device", "/dev/null:/dev/own-null:rw"], "ls -l /dev/own-null; echo x > /dev/own-null && echo written"),
        /1,\s+3[\s\S]*written/,
      ),
  ],
  ["--ulimit", async (s) => equal(await shell(s, ["--ulimit", "nofile=100:200", "--ulimit", "nproc=500:500"], "ulimit -Sn; ulimit -Hn"), "100\n200\n")],
  ["--sysctl", async (s) => equal(await run(s, ["--sysctl", "net.ipv4.ip_forward=1"], "cat", "/proc/sys/net/ipv4/ip_forward"), "1\n")],
  ["--user with groups", async (s) => matches(await run(s, ["--user", "1000:1000", "--group-add", "777"], "id"), /uid=1000.*gid=1000.*777/)],
  ["--user by name", async (s) => matches(await run(s, ["--user", "user"], "id", "-u"), /^1000\n$/)],
  ["--workdir, --env", async (s) => equal(await shell(s, ["--workdir", "/tmp", "-e", "A=1 2"], "pwd; echo $A"), "/tmp\n1 2\n")],
  ["--hostname", async (s) => equal(await run(s, ["--hostname", "own-name"], "hostname"), "own-name\n")],
  [
    "--pid, --ipc, --uts of the host",
    async (s) => {
      for (const name of ["pid", "ipc", "uts"]) {
        const own = (await exec(["readlink", `/proc/self/ns/${name}`])).out;
        equal(await run(s, [`--${name}`, "host"], "readlink", `/proc/self/ns/${name}`), own, name);
      }
    },
  ],
  [
    "--pid, --ipc of another container",
    async (s) => {
      const id = await detached(s, ["--ipc", "shareable"], "sleep", "4321");
      for (const name of ["pid", "ipc"]) {
        const own = await s.ok("exec", id, "readlink", `/proc/self/ns/${name}`);
        equal(await run(s, [`--${name}`, `container:${id}`], "readlink", `/proc/self/ns/${name}`), own, name);
      }
      matches(await run(s, ["--pid", `container:${id}`], "ps"), /sleep 4321/);
    },
  ],
  [
    "--privileged",
    async (s) =>
      matches(
        await shell(s, ["--privileged"], "cat /proc/self/status; mount -t tmpfs t /mnt && echo mounted; ls /dev"),
        /Seccomp:\s*0[\s\S]*mounted[\s\S]*\bkmsg\b/,
      ),
  ],
  ["--oom-score-adj", async (s) => equal(await run(s, ["--oom-score-adj", "321"], "cat", "/proc/self/oom_score_adj"), "321\n")],
  [
    "--cgroup-parent",
    async (s) => {
      const id = await detached(s, ["--cgroup-parent", "/tsrun-engines-parent"], "sleep", "100");
      matches(await Bun.file(`/proc/${await hostPid(s, id)}/cgroup`).text(), /tsrun-engines-parent/);
    },
  ],
  [
    "masked and read-only paths of /proc",
    async (s) => {
      equal(await shell(s, [], "wc -c < /proc/keys"), "0\n");
      check((await s.try("run", "--rm", IMAGE, "sh", "-c", "echo 1 > /proc/sys/kernel/sysrq")).code !== 0, "/proc/sys is writable");
    },
  ],
  [
    "cp",
    async (s) => {
      const id = await detached(s, [], "sleep", "100");
      writeFileSync(`${s.directory}/sent`, "over\n");
      await s.ok("cp", `${s.directory}/sent`, `${id}:/tmp/sent`);
      equal(await s.ok("exec", id, "cat", "/tmp/sent"), "over\n");
    },
  ],
  [
    "create, start, attach's exit code",
    async (s) => {
      const id = (await s.ok("create", IMAGE, "sh", "-c", "echo started; exit 6")).trim();
      const { code, out } = await s.try("start", "-a", id);
      equal([code, out], [6, "started\n"]);
    },
  ],
  [
    "rm -f of a running container leaves no process",
    async (s) => {
      const id = await detached(s, [], "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done");
      const pid = await hostPid(s, id);
      matches(await statusFile(pid), /Name:\s*sh/);
      await s.ok("rm", "-f", id);
      await until("its end", async () => !(await Bun.file(`/proc/${pid}/status`).exists()));
    },
  ],
  [
    "rm -f in the host's pid namespace leaves no process of the container",
    async (s) => {
      const id = await detached(s, ["--pid", "host"], "sh", "-c", "sleep 4323 & sleep 4324");
      const theirs = async () => (await exec(["ps", "-eo", "args"])).out.split("\n").filter((line) => /^sleep 432[34]$/.test(line)).length;
      await until("both", async () => (await theirs()) === 2);
      await s.ok("rm", "-f", id);
      await until("the end of both", async () => (await theirs()) === 0);
    },
  ],
  [
    "20 containers at once",
    async (s) => {
      const outputs = await Promise.all(Array.from({ length: 20 }, (_, i) => run(s, [], "echo", String(i))));
      equal(
        outputs,
        outputs.map((_, i) => `${i}\n`),
      );
    },
  ],
];
