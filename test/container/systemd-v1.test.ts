// --systemd-cgroup where cgroup v1 rules: systemd makes its part of the hierarchies, and the rest is ours.
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { mountpointOf } from "../helpers/cgroups.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { findCgroups } from "../helpers/leftovers.ts";
import { needs, oracle, spec, tsrunOnly } from "../helpers/spec.ts";
import { propertiesOf } from "../helpers/units.ts";

const GLOBALS = { globals: ["--systemd-cgroup"] };
const onV1 = needs("systemd", "cgroupV1");
const SLICE = "/tsrun.slice/tsrun-test.slice";

interface InScope {
  readonly b: Bundle;
  readonly unit: string;
  readonly container: Container;
  readonly file: (controller: string, name: string) => string;
}

async function inScope(patch: JsonObject = {}): Promise<InScope> {
  const b = bundle(probe("pause"), patch);
  const unit = `pre-${b.name}.scope`;
  const container = new Container(b.rewrite({ linux: { cgroupsPath: `tsrun-test.slice:pre:${b.name}` } }));
  ok(await container.create(GLOBALS));
  ok(await container.start());
  return { b, unit, container, file: (controller, name) => readFileSync(`${mountpointOf(controller)}${SLICE}/${unit}/${name}`, "utf8").trim() };
}

spec(
  "systemd, v1: create to delete: the container is in the scope in every hierarchy, exec too, and nothing is left of it",
  oracle({ runc: "1.1 leaves it in the slice's devices cgroup" }),
  onV1,
  async () => {
    const { b, unit, container } = await inScope();
    const own = readFileSync(`/proc/${(await container.state()).pid}/cgroup`, "utf8");
    for (const controller of ["pids", "cpu", "devices", "freezer", "blkio", "name=systemd"])
      expect(own).toMatch(new RegExp(`^\\d+:([a-z_,]*,)?${controller}(,[a-z_,]*)?:${SLICE}/${unit}$`, "m"));
    expect(ok(await container.command("exec", {}, "/bin/cat", "/proc/self/cgroup")).stdout).toBe(own);
    ok(await container.command("pause"));
    expect(await container.status()).toBe("paused");
    ok(await container.command("resume"));
    ok(await container.kill("KILL", { flags: ["--all"] }));
    await container.stopped();
    ok(await container.delete());
    expect(findCgroups(b.name)).toEqual([]);
    expect(await propertiesOf(unit, ["ActiveState", "LoadState"])).toEqual(["inactive", "not-found"]);
  },
);

spec(
  "systemd, v1: limits are in the files, and known to systemd as far as it knows them; update changes both",
  oracle({ runc: "1.1 knows no reservations" }),
  onV1,
  async () => {
    const { unit, container, file } = await inScope({
      linux: {
        resources: {
          pids: { limit: 55 },
          cpu: { shares: 512, quota: 50000, period: 100000 },
          network: { classID: 1048577, priorities: [{ name: "lo", priority: 3 }] },
          hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
        },
      },
    });
    expect([file("pids", "pids.max"), file("cpu", "cpu.shares"), file("cpu", "cpu.cfs_quota_us")]).toEqual(["55", "512", "50000"]);
    expect([file("net_cls", "net_cls.classid"), file("net_prio", "net_prio.ifpriomap")]).toEqual(["1048577", expect.stringContaining("lo 3")]);
    expect([file("hugetlb", "hugetlb.2MB.limit_in_bytes"), file("hugetlb", "hugetlb.2MB.rsvd.limit_in_bytes")]).toEqual(["4194304", "4194304"]);
    const names = ["TasksMax", "CPUShares", "CPUQuotaPerSecUSec"];
    expect(await propertiesOf(unit, names)).toEqual(["55", "512", "500ms"]);
    ok(await container.command("update", { flags: ["--pids-limit", "44", "--cpu-share", "256", "--cpu-quota", "12345", "--cpu-period", "100000"] }));
    expect([file("pids", "pids.max"), file("cpu", "cpu.shares"), file("cpu", "cpu.cfs_quota_us")]).toEqual(["44", "256", "12345"]);
    expect(await propertiesOf(unit, names)).toEqual(["44", "256", "130ms"]);
  },
);

spec("systemd, v1: the device rules hold after it has reloaded", oracle({ runc: "loses /dev/net/tun" }), onV1, async () => {
  const { container, file } = await inScope({ process: { capabilities: { bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"] } } });
  const before = file("devices", "devices.list").split("\n").sort();
  expect(before).not.toContain("a *:* rwm");
  ok(await exec(["systemctl", "daemon-reload"], { timeoutMs: 60_000 }));
  expect(file("devices", "devices.list").split("\n").sort()).toEqual(before);
  const open = ["/probe", "mknod:c,1,11,/tmp/kmsg", "open:r,/tmp/kmsg", "open:rw,/dev/null"];
  expect(ok(await container.command("exec", {}, ...open)).stdout).toContain("open:r,/tmp/kmsg=EPERM\nopen:rw,/dev/null=ok");
});

spec("systemd, v1: the same id ten times, and a create that fails, leave nothing", { ...onV1, timeoutMs: 90_000 }, async () => {
  const { b, unit, container } = await inScope();
  ok(await container.delete({ flags: ["--force"] }));
  for (let i = 0; i < 9; i++) {
    ok(await container.create(GLOBALS));
    ok(await container.delete());
  }
  fails(await new Container(b.rewrite({ process: { args: ["/nosuch"] }, linux: { cgroupsPath: `tsrun-test.slice:pre:${b.name}` } })).create(GLOBALS));
  await until("the end of the unit", () => findCgroups(b.name).length === 0);
  expect(await propertiesOf(unit, ["ActiveState", "LoadState"])).toEqual(["inactive", "not-found"]);
});

spec("systemd, v1: a user's own systemd has no limits to give: an error says so", tsrunOnly, onV1, async () => {
  const b = bundle(probe("pause"));
  const container = new Container(b.rewrite({ linux: { cgroupsPath: `user.slice:pre:${b.name}` } }));
  fails(await container.create({ globals: ["--systemd-cgroup", "--rootless", "true"] }), /cgroup v1/);
});
