// linux.netDevices (8.20 to 8.24): the runtime is in a network namespace of the test's own, with a veth pair in it.
import { expect } from "bun:test";
import { type Bundle, bundle } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { fails, ok } from "../helpers/container.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { oracle, ROOT, spec } from "../helpers/spec.ts";

const old = oracle({ runc: "1.1 does not know them", crun: "1.8 does not know them" });

const SET_UP = [
  "ip link add v0 type veth peer name v1",
  "ip link set v0 mtu 1400",
  "ip addr add 10.9.8.7/24 dev v0",
  "ip -6 addr add 2001:db8::5/64 dev v0 nodad",
  "ip link set v0 up",
].join(" && ");

/** `run` where v0 is there; afterwards what is left in that namespace. */
function runWith(b: Bundle): Promise<Result> {
  const command = [...COMMAND, "--root", ROOT, "run", "--bundle", b.directory, b.name].join(" ");
  return exec(["unshare", "--net", "sh", "-c", `${SET_UP} && ${command}; code=$?; ip -o link | sed 's/^/left: /'; exit $code`]);
}

const moving = (netDevices: JsonObject, patch: JsonObject = {}) => bundle({ process: { args: ["/bin/busybox", "ip", "addr"] }, linux: { netDevices } }, patch);

spec("8.22 8.23 a device is moved with its addresses and attributes, and is up", old, async () => {
  const { stdout } = ok(await runWith(moving({ v0: {} })));
  const [inside = "", left = ""] = stdout.split("left: 1:");
  expect(inside).toMatch(/v0@\S+: <[^>]*\bUP\b[^>]*> mtu 1400/);
  expect(inside).toContain("inet 10.9.8.7/24");
  expect(inside).toContain("inet6 2001:db8::5/64");
  expect(left).not.toContain("v0:");
});

spec("8.21 a new name, and one that the kernel completes", old, async () => {
  expect(ok(await runWith(moving({ v0: { name: "eth0" } }))).stdout).toMatch(/eth0@\S+: <[^>]*\bUP\b[\s\S]*10\.9\.8\.7/);
  expect(ok(await runWith(moving({ v0: { name: "net%d" } }))).stdout).toMatch(/net0@\S+: <[^>]*\bUP\b[\s\S]*10\.9\.8\.7/);
});

spec("8.20 8.21 a device that is not there, and a name that is taken, are errors; the device stays", old, async () => {
  fails(await runWith(moving({ nosuch0: {} })), /nosuch0/);
  const taken = fails(await runWith(moving({ v0: { name: "lo" } })), /"lo"/);
  expect(taken.stdout).toMatch(/left: .*v0@/);
});
