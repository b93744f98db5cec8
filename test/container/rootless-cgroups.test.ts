// Without root, and without systemd: a cgroup v2 that has been given to the user, or none that is theirs.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { CGROUP_PARENT } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { fails, ok } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { type Notes, needs, oracle, spec } from "../helpers/spec.ts";
import { type Caller, released, single, UID, type Unprivileged, unprivileged } from "../helpers/unprivileged.ts";

const LIMITS = { memory: { limit: 64 << 20 }, pids: { limit: 55 }, cpu: { quota: 50000, period: 100000 } };
const onV2: Notes = { ...released, needs: [...(released.needs ?? []), ...(needs("cgroupV2").needs ?? [])], timeoutMs: 60_000 };

interface Delegated extends Unprivileged {
  /** cgroupsPath of the cgroup that is the user's. */
  readonly path: string;
  readonly directory: string;
  /** In a cgroup below it. */
  readonly inside: Caller;
  readonly release: () => void;
}

/** The line of cgroup v2: a hierarchy of v1 that another test has mounted stays known to the kernel for a while. */
function unifiedLine(text: string): string | undefined {
  return text.split("\n").find((line) => line.startsWith("0::"));
}

/** A cgroup is given away: its directory, what the kernel says goes with it (cgroups(7), "Delegation"), and these controllers. */
async function delegated(controllers: string, patch: JsonObject = {}, script = "exec sleep 1000"): Promise<Delegated> {
  const user = await unprivileged(single, script);
  const given = `${CGROUP_PARENT}/${user.b.name}-user`;
  const path = `${given}/home`;
  const directory = `/sys/fs/cgroup${path}`;
  mkdirSync(`${directory}/caller`, { recursive: true });
  for (const above of ["", CGROUP_PARENT, given]) writeFileSync(`/sys/fs/cgroup${above}/cgroup.subtree_control`, controllers);
  for (const file of ["", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads", "/caller", "/caller/cgroup.procs"])
    ok(await exec(["chown", `${UID}:${UID}`, `${directory}${file}`]));
  user.b.rewrite({ linux: { cgroupsPath: `${path}/box` } }).rewrite(patch);
  const release = () => {
    for (const each of [`${directory}/caller`, directory, `/sys/fs/cgroup${given}`]) rmdirSync(each);
  };
  return { ...user, path, directory, inside: { cgroup: `${directory}/caller` }, release };
}

spec("rootless, a cgroup of the user's own: create to delete, with limits", onV2, async () => {
  const { b, path, directory, inside, callAs, release } = await delegated("+memory +pids +cpu", { linux: { resources: LIMITS } });
  const call = (...args: string[]) => callAs(inside, ...args);
  const file = (name: string) => readFileSync(`${directory}/box/${name}`, "utf8").trim();
  ok(await call("create", "--bundle", b.directory, "c"));
  ok(await call("start", "c"));
  const { pid } = JSON.parse(ok(await call("state", "c")).stdout);
  expect(unifiedLine(readFileSync(`/proc/${pid}/cgroup`, "utf8"))).toBe(`0::${path}/box`);
  expect([file("memory.max"), file("pids.max"), file("cpu.max"), file("cgroup.procs")]).toEqual([String(64 << 20), "55", "50000 100000", String(pid)]);

  const pidFile = `${b.directory}/run/exec.pid`;
  ok(await call("exec", "--detach", "--pid-file", pidFile, "c", "/bin/sleep", "100"));
  expect(unifiedLine(readFileSync(`/proc/${readFileSync(pidFile, "utf8")}/cgroup`, "utf8"))).toBe(`0::${path}/box`);
  ok(await call("update", "--memory", "96M", "--pids-limit", "44", "c"));
  expect([file("memory.max"), file("pids.max")]).toEqual([String(96 << 20), "44"]);
  ok(await call("pause", "c"));
  expect(file("cgroup.events")).toContain("frozen 1");
  ok(await call("resume", "c"));
  ok(await call("kill", "--all", "c", "KILL"));
  await until("the end of the processes", () => file("cgroup.procs") === "");
  ok(await call("delete", "--force", "c"));
  expect(existsSync(`${directory}/box`)).toBe(false);
  release();
});

spec("rootless, a cgroup of the user's own: a limit holds", onV2, async () => {
  const limited = { process: { args: ["/probe", "alloc:96"] }, linux: { resources: { memory: { limit: 32 << 20 } } } };
  const { b, inside, callAs, release } = await delegated("+memory +pids +cpu", limited);
  expect((await callAs(inside, "run", "--bundle", b.directory, "c")).stdout).toContain("alloc:96=killed");
  release();
});

spec("rootless, a cgroup of the user's own: a relative or absent cgroupsPath is beside the caller's", onV2, async () => {
  const { b, path, inside, callAs, release } = await delegated("+memory +pids +cpu", { process: { args: ["/bin/cat", "/proc/self/cgroup"] } });
  for (const cgroupsPath of ["inner", undefined]) {
    b.rewrite({ process: { args: ["/bin/cat", "/proc/self/cgroup"] }, linux: { cgroupsPath, resources: { pids: { limit: 9 } } } });
    expect(unifiedLine(ok(await callAs(inside, "run", "--bundle", b.directory, "c")).stdout)).toBe(`0::${path}/${cgroupsPath ?? "c"}`);
  }
  release();
});

spec("rootless, a cgroup of the user's own: called from outside of it, an error says why, and nothing is left", onV2, async () => {
  const { b, directory, call, release } = await delegated("+memory +pids +cpu", { linux: { resources: LIMITS } });
  fails(await call("create", "--bundle", b.directory, "c"), /permission denied/i);
  expect(existsSync(`${directory}/box`)).toBe(false);
  release();
});

spec("rootless, a cgroup of the user's own: a controller that was not given is an error, and nothing is left", onV2, async () => {
  const { b, directory, inside, callAs, release } = await delegated("+pids", { linux: { resources: { cpu: { cpus: "0" } } } });
  fails(await callAs(inside, "create", "--bundle", b.directory, "c"), /cpuset/);
  expect(existsSync(`${directory}/box`)).toBe(false);
  release();
});

spec("rootless, no cgroup of the user's: only without limits and cgroupsPath, and then in the caller's", onV2, async () => {
  const { b, call } = await unprivileged(single, "exec sleep 1000");
  ok(await call("create", "--bundle", b.directory, "c"));
  ok(await call("start", "c"));
  const { pid } = JSON.parse(ok(await call("state", "c")).stdout);
  expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toBe(readFileSync("/proc/self/cgroup", "utf8"));
  expect(ok(await call("exec", "c", "/bin/cat", "/proc/1/comm")).stdout).toBe("sleep\n");
  fails(await call("update", "--pids-limit", "5", "c"));
  ok(await call("kill", "c", "KILL"));
  ok(await call("delete", "--force", "c"));
  for (const linux of [{ resources: { pids: { limit: 10 } } }, { cgroupsPath: `${CGROUP_PARENT}/${b.name}` }]) {
    b.rewrite({ linux });
    fails(await call("create", "--bundle", b.directory, "c"), /permission denied/i);
  }
  expect(existsSync(`/sys/fs/cgroup${CGROUP_PARENT}/${b.name}`)).toBe(false);
});

spec("rootless, no cgroup of the user's: root of a user namespace is no root", onV2, async () => {
  const { b, callAs } = await unprivileged(
    { linux: { uidMappings: [{ containerID: 0, hostID: 0, size: 1 }], gidMappings: [{ containerID: 0, hostID: 0, size: 1 }] } },
    "id -u",
  );
  const nested: Caller = { prefix: ["unshare", "--user", "--map-root-user"], env: { USER: "tsrun-test" } };
  expect(ok(await callAs(nested, "run", "--bundle", b.directory, "c")).stdout).toBe("0\n");
  b.rewrite({ linux: { resources: { pids: { limit: 10 } } } });
  fails(await callAs(nested, "run", "--bundle", b.directory, "c"), /permission denied/i);
});

spec(
  "rootless, exec in a container whose cgroup cannot be entered from here",
  oracle({ runc: "leaves the process in the caller's cgroup" }),
  onV2,
  async () => {
    const { b, inside, call, callAs, release } = await delegated("+memory +pids +cpu", { linux: { resources: LIMITS } });
    ok(await callAs(inside, "create", "--bundle", b.directory, "c"));
    ok(await call("start", "c"));
    const result = fails(await call("exec", "c", "/bin/true"), /clone3: EACCES/);
    expect(result.stderr).toContain("start tsrun inside of a cgroup that is yours");
    ok(await call("delete", "--force", "c"));
    release();
  },
);
