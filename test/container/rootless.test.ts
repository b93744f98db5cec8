// Without root: a single mapping, and ranges by newuidmap and newgidmap; no cgroups unless they are ours.
import { expect } from "bun:test";
import { fails, ok } from "../helpers/container.ts";
import { needs, oracle, spec } from "../helpers/spec.ts";
import { FIRST, ranges, released, single, UID, unprivileged } from "../helpers/unprivileged.ts";

const FACTS = "id -u; id -g; cat /proc/self/uid_map; echo x > /dev/null && echo writable";

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
