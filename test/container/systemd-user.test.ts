// --systemd-cgroup without root: a transient scope of the user's own systemd, with what that has been given.
import { afterAll, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { asUser } from "../helpers/as-user.ts";
import type { JsonObject } from "../helpers/config.ts";
import { fails, ok } from "../helpers/container.ts";
import { exec, type Result, until } from "../helpers/exec.ts";
import { type Notes, needs, oracle, spec, tsrunOnly } from "../helpers/spec.ts";
import { propertiesOf } from "../helpers/units.ts";
import { type Caller, FIRST, ranges, released, single, UID, type Unprivileged, unprivileged } from "../helpers/unprivileged.ts";

const SERVICE = `user@${UID}.service`;
const MANAGER = `/user.slice/user-${UID}.slice/${SERVICE}`;
const RUNTIME_DIR = { XDG_RUNTIME_DIR: `/run/user/${UID}` };
const LIMITS = { memory: { limit: 64 << 20 }, pids: { limit: 55 }, cpu: { quota: 50000, period: 100000 } };

/** Starting the user's systemd takes seconds in the virtual machine, and each of its answers a part of one. */
const inUserSystemd: Notes = { ...released, needs: [...(released.needs ?? []), ...(needs("userSystemd", "cgroupV2").needs ?? [])], timeoutMs: 120_000 };

interface InUserScope extends Unprivileged {
  readonly id: string;
  readonly unit: string;
  /** Host directory of the scope's cgroup. */
  readonly directory: string;
  readonly file: (name: string) => string;
  /** A command on the container, from outside of the user's cgroups, as in a login session. */
  readonly on: (command: string, flags?: readonly string[], ...rest: string[]) => Promise<Result>;
  readonly onAs: (caller: Caller, command: string, flags?: readonly string[], ...rest: string[]) => Promise<Result>;
}

/** A bundle for a scope in tsrun.slice of the user's systemd, which runs when this returns. */
async function inUserScope(patch: JsonObject, script = "sleep 1000", mappings: JsonObject = single): Promise<InUserScope> {
  ok(await exec(["systemctl", "start", SERVICE]));
  const user = await unprivileged(mappings, script);
  const id = user.b.name;
  user.b.rewrite({ linux: { cgroupsPath: `tsrun.slice:pre:${id}` } }).rewrite(patch);
  const unit = `pre-${id}.scope`;
  const directory = `/sys/fs/cgroup${MANAGER}/tsrun.slice/${unit}`;
  const onAs = (caller: Caller, command: string, flags: readonly string[] = [], ...rest: string[]) =>
    user.callAs(
      { ...caller, env: { ...RUNTIME_DIR, ...caller.env } },
      "--root",
      `${user.b.directory}/run`,
      "--systemd-cgroup",
      command,
      ...(command === "create" || command === "run" ? ["--bundle", user.b.directory] : []),
      ...flags,
      id,
      ...rest,
    );
  const on = (command: string, flags: readonly string[] = [], ...rest: string[]) => onAs({}, command, flags, ...rest);
  return { ...user, id, unit, directory, on, onAs, file: (name) => readFileSync(`${directory}/${name}`, "utf8").trim() };
}

const SYSTEMCTL = [...asUser(UID, { XDG_RUNTIME_DIR: `/run/user/${UID}` }), "/usr/bin/systemctl"];
const properties = (unit: string, ...names: string[]) => propertiesOf(unit, names, [...SYSTEMCTL, "--user"]);

afterAll(async () => {
  if (existsSync(`/sys/fs/cgroup${MANAGER}`)) await exec(["systemctl", "stop", SERVICE]);
});

spec("systemd, a user's: create to delete, with limits in a scope of the user's own", inUserSystemd, async () => {
  const { b, id, unit, directory, file, on } = await inUserScope({ linux: { resources: LIMITS } }, "exec sleep 1000", ranges);
  ok(await on("create"));
  ok(await on("start"));
  const { pid } = JSON.parse(ok(await on("state")).stdout);
  expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toBe(`0::${MANAGER}/tsrun.slice/${unit}\n`);
  expect([file("memory.max"), file("pids.max"), file("cpu.max")]).toEqual([String(64 << 20), "55", "50000 100000"]);
  expect(await properties(unit, "ActiveState", "Slice", "Delegate", "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec")).toEqual([
    "active",
    "tsrun.slice",
    "yes",
    String(64 << 20),
    "55",
    "500ms",
  ]);

  expect(ok(await on("exec", [], "/bin/cat", "/proc/1/comm")).stdout).toBe("sleep\n");
  ok(await on("update", ["--memory", "96M", "--pids-limit", "44"]));
  const updated = [String(96 << 20), "44"];
  expect([file("memory.max"), file("pids.max"), ...(await properties(unit, "MemoryMax", "TasksMax"))]).toEqual([...updated, ...updated]);
  ok(await on("pause"));
  expect(JSON.parse(ok(await on("state")).stdout).status).toBe("paused");
  ok(await on("resume"));
  ok(await on("kill", [], "KILL"));
  await until("the end of the program", () => !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8")));
  ok(await on("delete", ["--force"]));
  expect([existsSync(directory), ...(await properties(unit, "ActiveState", "LoadState"))]).toEqual([false, "inactive", "not-found"]);
  expect(readdirSync(`${b.directory}/run`).filter((name) => name.includes(id))).toEqual([]);
});

spec("systemd, a user's: a limit holds", inUserSystemd, async () => {
  const { on } = await inUserScope({ process: { args: ["/probe", "alloc:96"] }, linux: { resources: { memory: { limit: 32 << 20 } } } });
  expect((await on("run")).stdout).toContain("alloc:96=killed");
});

spec(
  "systemd, a user's: exec is in the container's cgroup, wherever it is called from",
  oracle({ runc: "leaves it in the caller's" }),
  inUserSystemd,
  async () => {
    const { unit, directory, on, onAs } = await inUserScope({ linux: { resources: LIMITS } });
    const at = `${MANAGER}/tsrun.slice/${unit}`;
    ok(await on("create"));
    ok(await on("start"));
    const whereIs = async (caller: Caller, ...flags: string[]) => {
      const pidFile = "/tmp/tsrun-test-exec.pid";
      ok(await onAs(caller, "exec", ["--detach", "--pid-file", pidFile, ...flags], "/bin/sleep", "100"));
      return readFileSync(`/proc/${readFileSync(pidFile, "utf8")}/cgroup`, "utf8").trim();
    };
    expect(await whereIs({})).toBe(`0::${at}`);
    mkdirSync(`${directory}/inner`);
    expect(await whereIs({}, "--cgroup", "inner")).toBe(`0::${at}/inner`);
    // From a cgroup of the user's, no manager is needed.
    const own = `/sys/fs/cgroup${MANAGER}/app.slice/caller`;
    mkdirSync(own, { recursive: true });
    ok(await exec(["chown", "-R", `${UID}`, own]));
    expect(await whereIs({ cgroup: own, env: { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nosuch" } })).toBe(`0::${at}`);
    ok(await on("kill", ["--all"], "KILL"));
    ok(await on("delete", ["--force"]));
    rmdirSync(own);
  },
);

spec("systemd, a user's: without a cgroupsPath the scope is named after the container, in user.slice", inUserSystemd, async () => {
  const { b, id, on } = await inUserScope({});
  b.rewrite({ linux: { cgroupsPath: undefined, resources: LIMITS } });
  ok(await on("create"));
  const { pid } = JSON.parse(ok(await on("state")).stdout);
  const path = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim();
  expect(path).toStartWith(`0::${MANAGER}/user.slice/`);
  expect(path).toEndWith(`-${id}.scope`);
  ok(await on("delete", ["--force"]));
});

spec("systemd, a user's: the same id ten times, and nothing is left of any", inUserSystemd, async () => {
  const { unit, directory, on } = await inUserScope({ linux: { resources: LIMITS } });
  for (let i = 0; i < 10; i++) {
    ok(await on("create"));
    ok(await on("delete", ["--force"]));
    expect(existsSync(directory)).toBe(false);
  }
  expect(await properties(unit, "ActiveState", "LoadState")).toEqual(["inactive", "not-found"]);
});

spec("systemd, a user's: what it has not been given is an error, and leaves nothing", inUserSystemd, async () => {
  const { b, unit, directory, on } = await inUserScope({ linux: { resources: { cpu: { cpus: "0" } } } });
  fails(await on("create"), /cpuset/);
  expect([existsSync(directory), ...(await properties(unit, "ActiveState"))]).toEqual([false, "inactive"]);
  b.rewrite({ linux: { resources: undefined }, process: { args: ["/nosuch"] } });
  fails(await on("create"));
  expect([existsSync(directory), ...(await properties(unit, "ActiveState"))]).toEqual([false, "inactive"]);
});

spec("systemd, a user's: without a bus an error says so, at once", inUserSystemd, async () => {
  const { b, directory, onAs } = await inUserScope({});
  for (const env of [{ XDG_RUNTIME_DIR: `${b.directory}/run` }, { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nosuch" }])
    fails(await onAs({ env, timeoutMs: 5000 }, "create"), /bus|dbus/i);
  expect(existsSync(directory)).toBe(false);
});

spec("systemd, a user's: without an environment the bus is where logind has put it", tsrunOnly, inUserSystemd, async () => {
  const { directory, onAs } = await inUserScope({});
  for (const command of ["create", "delete"]) ok(await onAs({ env: { XDG_RUNTIME_DIR: "" } }, command));
  expect(existsSync(directory)).toBe(false);
});

spec("systemd, a user's: a bus that does not answer is waited for, but not for ever", tsrunOnly, inUserSystemd, async () => {
  const { b, directory, onAs } = await inUserScope({});
  const path = `${b.directory}/silent`;
  using _silent = Bun.listen({ unix: path, socket: { data() {} } });
  chmodSync(path, 0o777);
  fails(await onAs({ env: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}` }, timeoutMs: 60_000 }, "create"), /systemd: (no answer|.*timed out)/i);
  expect(existsSync(directory)).toBe(false);
});

spec("systemd, a user's: who is not the user cannot be put in a cgroup from outside, and an error says so, at once", inUserSystemd, async () => {
  const mapping = [{ containerID: 0, hostID: FIRST, size: 1000 }];
  const { b, directory, onAs } = await inUserScope({}, "true", { linux: { uidMappings: mapping, gidMappings: mapping } });
  ok(await exec(["chown", "-R", `${FIRST}:${FIRST}`, b.rootfs]));
  fails(await onAs({ timeoutMs: 8000 }, "create"));
  expect(existsSync(directory)).toBe(false);
});
