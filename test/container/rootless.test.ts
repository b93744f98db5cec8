// Without root: a single mapping, and ranges by newuidmap and newgidmap; no cgroups unless they are ours.
import { expect } from "bun:test";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Bundle, bundle } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { fails, ok } from "../helpers/container.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { COMMAND, RUNTIME } from "../helpers/runtime.ts";
import { needs, oracle, spec } from "../helpers/spec.ts";

const UID = 21500;
const FIRST = 2150000;

interface Unprivileged {
  readonly b: Bundle;
  /** A command of the runtime as the user, who has a range of ids in /etc/subuid of a mount namespace of its own. */
  readonly call: (...args: string[]) => Promise<Result>;
}

/** A bundle that belongs to the user; the runtime is copied to where the user can read it. */
async function unprivileged(patch: JsonObject, script: string): Promise<Unprivileged> {
  const namespaces = [{ type: "pid" }, { type: "mount" }, { type: "ipc" }, { type: "uts" }, { type: "user" }, { type: "network" }];
  const b = bundle(
    { process: { args: ["/bin/sh", "-c", script], capabilities: {} }, linux: { cgroupsPath: undefined, namespaces, resources: undefined }, mounts: MOUNTS },
    patch,
  );
  const program = `${b.directory}/runtime`;
  if (COMMAND.length === 1) copyFileSync(COMMAND[0] ?? "", program);
  else writeFileSync(program, `#!/bin/sh\nexec ${COMMAND.join(" ")} "$@"\n`);
  chmodSync(program, 0o755);
  for (const name of ["subuid", "subgid"]) writeFileSync(`${b.directory}/${name}`, `${UID}:${FIRST}:65536\n`);
  // newuidmap asks who the user is.
  writeFileSync(`${b.directory}/passwd`, `${readFileSync("/etc/passwd", "utf8")}tsrun-test:x:${UID}:${UID}::/:/bin/sh\n`);
  mkdirSync(`${b.directory}/run`);
  await exec(["chown", "-R", `${UID}:${UID}`, b.rootfs, `${b.directory}/run`]);
  chownSync(b.directory, UID, UID);
  const binds = ["subuid", "subgid", "passwd"].map((name) => `mount --bind ${b.directory}/${name} /etc/${name};`).join(" ");
  const enter = `${binds} exec setpriv --reuid ${UID} --regid ${UID} --clear-groups env -i HOME=/ PATH=/usr/bin:/bin:/usr/sbin XDG_RUNTIME_DIR=${b.directory}/run "$@"`;
  return { b, call: (...args) => exec(["unshare", "--mount", "sh", "-c", enter, "-", program, ...args]) };
}

/** What a user may mount: no mqueue of another's ipc, no sysfs of another's network. */
const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
  { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] },
];

const single = { linux: { uidMappings: [{ containerID: 0, hostID: UID, size: 1 }], gidMappings: [{ containerID: 0, hostID: UID, size: 1 }] } };
const mapping = [
  { containerID: 0, hostID: UID, size: 1 },
  { containerID: 1, hostID: FIRST, size: 65536 },
];
const ranges = { linux: { uidMappings: mapping, gidMappings: mapping } };
const FACTS = "id -u; id -g; cat /proc/self/uid_map; echo x > /dev/null && echo writable";

// The checkout's files need not be readable for the user.
const released =
  RUNTIME === "tsrun" && process.env["TSRUN_HOST"] === "bun" ? { needs: [{ name: "the released executable", ci: false, isThere: () => false }] } : {};

spec("rootless: a single mapping", released, needs("userns"), async () => {
  const { b, call } = await unprivileged(single, FACTS);
  const lines = ok(await call("run", "--bundle", b.directory, "r1"))
    .stdout.trim()
    .split("\n");
  expect(lines.map((line) => line.trim().split(/\s+/).join(" "))).toEqual(["0", "0", `0 ${UID} 1`, "writable"]);
});

spec("rootless: setgroups is denied before the mapping is written (CVE-2014-8989)", released, needs("userns"), async () => {
  const { b, call } = await unprivileged(single, "cat /proc/self/setgroups");
  expect(ok(await call("run", "--bundle", b.directory, "r0")).stdout).toBe("deny\n");
});

spec("rootless: ranges by newuidmap and newgidmap", released, async () => {
  const { b, call } = await unprivileged(ranges, `${FACTS}; cat /proc/self/gid_map`);
  const text = ok(await call("run", "--bundle", b.directory, "r2")).stdout;
  expect(text).toMatch(new RegExp(`1\\s+${FIRST}\\s+65536[\\s\\S]*1\\s+${FIRST}\\s+65536`));
});

spec("rootless: a user of the range, with groups", oracle({ runc: "sets no groups without root" }), released, async () => {
  const { b, call } = await unprivileged(ranges, "id");
  const user = b.rewrite({ process: { user: { uid: 5, gid: 6, additionalGids: [7] } } });
  expect(ok(await call("run", "--bundle", user.directory, "r3")).stdout).toContain("uid=5 gid=6 groups=7");
});

spec("rootless: create, start, exec, state, list, kill, delete", released, async () => {
  const { b, call } = await unprivileged(single, "sleep 100");
  ok(await call("create", "--bundle", b.directory, "r4"));
  ok(await call("start", "r4"));
  try {
    expect(ok(await call("exec", "r4", "/bin/sh", "-c", "id -u; cat /proc/1/comm")).stdout).toBe("0\nsleep\n");
    expect(JSON.parse(ok(await call("state", "r4")).stdout)).toMatchObject({ status: "running" });
    expect(ok(await call("list", "-q")).stdout).toBe("r4\n");
  } finally {
    ok(await call("kill", "r4", "KILL"));
    ok(await call("delete", "--force", "r4"));
  }
});

spec("rootless: a range that /etc/subuid does not give is an error", released, async () => {
  const foreign = [{ containerID: 0, hostID: 0, size: 10 }];
  const { b, call } = await unprivileged({ linux: { uidMappings: foreign, gidMappings: foreign } }, "true");
  fails(await call("run", "--bundle", b.directory, "r5"));
});

spec(
  "rootless: limits without rights to cgroups are an error, unless --rootless true and none were asked for",
  oracle({ crun: "ignores them" }),
  released,
  needs("cgroupV1"),
  async () => {
    const { b, call } = await unprivileged(single, "true");
    ok(await call("--rootless", "true", "run", "--bundle", b.directory, "r6"));
    ok(await call("--rootless", "auto", "run", "--bundle", b.directory, "r7"));
    const limited = b.rewrite({ linux: { resources: { pids: { limit: 10 } } } });
    fails(await call("run", "--bundle", limited.directory, "r8"));
    fails(await call("--rootless", "false", "run", "--bundle", b.directory, "r9"));
  },
);
