// Two commands on one container at the same time: neither waits for what cannot end, nor takes what is the other's.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, fails, ok, runtime } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { oracle, ROOT, spec } from "../helpers/spec.ts";

/** Without the pipes of Container.run: signals are for it alone. */
function runInForeground(container: Container) {
  return Bun.spawn([...COMMAND, "--root", ROOT, "run", "--bundle", container.bundle.directory, container.id], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
}

async function isRunning(container: Container): Promise<true> {
  for (let i = 0; i < 500; i++) {
    const state = await container.command("state");
    if (state.code === 0 && JSON.parse(state.stdout).status === "running") return true;
    await Bun.sleep(10);
  }
  throw new Error("it does not run");
}

const replaced = oracle({ runc: "takes the state of the new container away", crun: "takes it away, or does not hear of it" });

spec("3.21 3.23 a run in the foreground whose container was deleted leaves the next one of that id alone", replaced, async () => {
  const container = new Container(bundle(probe("pause")));
  const run = runInForeground(container);
  await isRunning(container);
  run.kill("SIGSTOP");
  try {
    ok(await container.delete({ flags: ["--force"] }));
    ok(await runtime(["run", "--detach", "--bundle", bundle(probe("pause")).directory, container.id]));
  } finally {
    run.kill("SIGCONT");
  }
  expect(await run.exited).toBe(137);
  expect(await container.status()).toBe("running");
});

spec("4.11 of a run in the foreground that is deleted, the poststop hooks run once", oracle({ runc: "twice" }), async () => {
  const b = bundle(probe("pause"));
  b.file("log");
  b.rewrite({ hooks: { poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo stopped >> ${b.rootfs}/log`] }] } });
  const container = new Container(b);
  const run = runInForeground(container);
  await isRunning(container);
  run.kill("SIGSTOP");
  try {
    ok(await container.delete({ flags: ["--force"] }));
  } finally {
    run.kill("SIGCONT");
  }
  expect(await run.exited).toBe(137);
  expect(readFileSync(`${b.rootfs}/log`, "utf8")).toBe("stopped\n");
});

spec("3.04 3.23 a create that fails after its container was deleted leaves the next one of that id alone", replaced, async () => {
  const b = bundle(probe("pause"));
  const go = `${b.rootfs}/go`;
  const script = `touch ${b.rootfs}/waits; i=0; while [ ! -e ${go} ] && [ $i -lt 500 ]; do sleep 0.02; i=$((i+1)); done`;
  b.rewrite({ hooks: { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script] }] } });
  const container = new Container(b);
  const create = container.create();
  await until("the hook", () => existsSync(`${b.rootfs}/waits`));
  ok(await container.delete({ flags: ["--force"] }));
  ok(await runtime(["run", "--detach", "--bundle", bundle(probe("pause")).directory, container.id]));
  writeFileSync(go, "");
  fails(await create);
  expect(await container.status()).toBe("running");
});

spec(
  "delete --force does not wait for a start whose hook hangs",
  oracle({ runc: "its start does not wait for the hook", crun: "its start does not wait for the hook" }),
  async () => {
    const b = bundle(probe("pause"), { hooks: { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "touch /hangs; exec sleep 100"] }] } });
    const container = new Container(b);
    ok(await container.create());
    const start = container.start();
    await until("the hook", () => existsSync(`${b.rootfs}/hangs`));
    ok(await container.delete({ flags: ["--force"], timeoutMs: 5000 }));
    fails(await start);
  },
);

spec("4.10 a poststart hook may use the runtime on its container", async () => {
  const b = bundle(probe("pause"));
  const command = [...COMMAND, "--root", ROOT, "update", "--pids-limit", "77", b.name].join(" ");
  b.rewrite({ hooks: { poststart: [{ path: "/bin/sh", args: ["sh", "-c", `${command} > ${b.rootfs}/log 2>&1`], env: ["PATH=/usr/bin:/bin"] }] } });
  const container = new Container(b);
  ok(await container.create());
  ok(await container.start({ timeoutMs: 5000 }));
  expect(await container.status()).toBe("running");
});

spec("delete does not wait for the poststart hooks of a program that has ended", async () => {
  const b = bundle(probe("echo:x"));
  b.rewrite({ hooks: { poststart: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${b.rootfs}/hangs; exec sleep 4`] }] } });
  const container = new Container(b);
  ok(await container.create());
  const start = container.start();
  await until("the hook", () => existsSync(`${b.rootfs}/hangs`));
  await container.stopped();
  ok(await container.delete({ timeoutMs: 2000 }));
  ok(await start);
});

/** A tmpfs as the runtime's --root. */
async function withSmallRoot(options: string, body: (root: string) => Promise<void>): Promise<void> {
  const root = `${ROOT}-small`;
  mkdirSync(root);
  ok(await exec(["mount", "-t", "tmpfs", "-o", options, "tmpfs", root]));
  try {
    await body(root);
  } finally {
    await exec(["umount", "-l", root]);
    rmSync(root, { recursive: true });
  }
}

spec("a container is started and deleted when its state directory has no room for one more file", async () => {
  await withSmallRoot("nr_inodes=50", async (root) => {
    const b = bundle(probe("pause"));
    const command = (...args: string[]) => exec([...COMMAND, "--root", root, ...args]);
    ok(await command("create", "--bundle", b.directory, b.name));
    const full = (count: number) => exec(["sh", "-c", `for i in $(seq ${count}); do : > ${root}/.full$i || exit 1; done`]);
    fails(await full(50));
    ok(await command("start", b.name));
    ok(await command("delete", "--force", b.name));
    expect(existsSync(`${root}/${b.name}`)).toBe(false);
  });
});
