// What compileCreate refuses and leaves out, and the order that must hold in every plan. The full plans are in test/plan.
import { expect, test } from "bun:test";
import { ConfigError } from "../../../src/errors.ts";
import { compileCreate, compileExec } from "../../../src/plan/compile.ts";
import { cleanPath, containerPath, hostPath, isWithin, pointerPart } from "../../../src/plan/paths.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { sysctlPath } from "../../../src/plan/sections/sysctl.ts";
import type { Config } from "../../../src/spec/config.ts";
import { inputsFor } from "../../plan/inputs.ts";

const BASE: Config = {
  ociVersion: "1.3.0",
  root: { path: "rootfs" },
  process: { user: { uid: 0, gid: 0 }, cwd: "/", args: ["/bin/true"] },
  linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
};

function compile(config: Config, fixture = ""): Plan {
  const { cgroup, facts, options } = inputsFor(fixture);
  return compileCreate(config, cgroup, facts, options);
}

/** Pointer of the first finding. */
function refused(config: Config, fixture?: string): string | undefined {
  try {
    compile(config, fixture);
  } catch (error) {
    if (error instanceof ConfigError) return error.pointer;
    throw error;
  }
  return undefined;
}

test("compile: nothing of the host is changed, whatever the rules let through", () => {
  const bare = { ...BASE, linux: {} };
  expect(refused({ ...bare, root: { path: "rootfs", readonly: true } })).toBe("/root/readonly");
  expect(refused({ ...bare, linux: { maskedPaths: ["/proc/kcore"] } })).toBe("/linux/maskedPaths");
  expect(refused({ ...bare, linux: { readonlyPaths: ["/proc/sys"] } })).toBe("/linux/readonlyPaths");
  expect(refused({ ...bare, linux: { rootfsPropagation: "shared" } })).toBe("/linux/rootfsPropagation");
  expect(refused({ ...bare, hostname: "host" })).toBe("/hostname");
});

test("compile: refuses what it cannot do, with the pointer", () => {
  expect(refused({ ...BASE, mounts: [{ destination: "/x", source: "/y", options: ["remount", "idmap"] }] })).toBe("/mounts/0");
  expect(refused({ ...BASE, mounts: [{ destination: "/x", options: ["bind"] }] })).toBe("/mounts/0/source");
  const user = { uid: 0, gid: 0, additionalGids: [5] };
  expect(refused({ ...BASE, process: { cwd: "/", args: ["a"], user } }, "rootless")).toBe("/process/user/additionalGids");
  expect(refused({ ...BASE, process: { cwd: "/", args: [], user: { uid: 0, gid: 0 } } })).toBe("/process/args");
});

/** Code of the error. */
function codeOf(config: Config, fixture?: string): string {
  try {
    compile(config, fixture);
  } catch (error) {
    if (error instanceof ConfigError) return error.code;
    throw error;
  }
  return "";
}

test("compile: TS1103 is a wrong value, TS1104 what cannot be done here", () => {
  const user = { uid: 0, gid: 0, additionalGids: [5] };
  const process = (more: object) => ({ ...BASE, process: { cwd: "/", args: ["a"], user: { uid: 0, gid: 0 }, ...more } });
  expect(codeOf({ ...BASE, linux: {}, root: { path: "rootfs", readonly: true } })).toBe("TS1103");
  expect(codeOf({ ...BASE, linux: { ...BASE.linux, memoryPolicy: { mode: "MPOL_BIND", nodes: "3-1" } } })).toBe("TS1103");
  expect(codeOf(process({ user }), "rootless")).toBe("TS1104");
  expect(codeOf({ ...BASE, mounts: [{ destination: "/x", options: ["remount", "idmap"] }] })).toBe("TS1104");
});

test("compile: a bind mount with filesystem options warns", () => {
  const plan = compile({ ...BASE, mounts: [{ destination: "/x", source: "/y", options: ["bind", "size=5m"] }] });
  expect(plan.warnings).toEqual(["/mounts/0/options: a bind mount takes no filesystem options: size=5m"]);
});

test("compile: mountLabel goes to filesystems that take it", () => {
  const label = "system_u:object_r:file_t:s0:c1,c2";
  const mounts = [
    { destination: "/proc", type: "proc" },
    { destination: "/tmp", type: "tmpfs", options: ["size=5m"] },
  ];
  const plan = compile({ ...BASE, mounts, linux: { ...BASE.linux, mountLabel: label } });
  expect(plan.ops.flatMap((op) => (op.op === "mount.fs" ? [op.data] : []))).toEqual(["", `size=5m,context="${label}"`]);
});

test("compile: labels are written while / is the host's, the key label before the keyring is made", () => {
  const process = { user: { uid: 0, gid: 0 }, cwd: "/", args: ["/bin/true"], selinuxLabel: "u:r:t:s0", apparmorProfile: "p" };
  const { cgroup, facts, options } = inputsFor("");
  const created = compileCreate({ ...BASE, process }, cgroup, facts, options).ops;
  const executed = compileExec({ ...BASE, process }, cgroup, facts, options).ops;
  for (const [ops, gate] of [[created, "root.pivot"] as const, [executed, "ns.enter"] as const]) {
    const order = ops.map((op) => (op.op === "selinux.label" ? `${op.attribute} ${op.label}` : op.op));
    for (const name of ["exec u:r:t:s0", "apparmor.exec"]) expect(order.slice(0, order.indexOf(gate))).toContain(name);
    expect(order.slice(0, order.indexOf("keyring.new"))).toContain("keycreate u:r:t:s0");
  }
  const kept = compileCreate({ ...BASE, process }, cgroup, facts, { ...options, noNewKeyring: true }).ops;
  expect(kept.flatMap((op) => (op.op === "selinux.label" ? [op.attribute] : []))).toEqual(["exec"]);
});

test("compile: privileges are dropped in the order that the kernel allows", () => {
  const user = { uid: 1000, gid: 1000 };
  const { ops } = compile({ ...BASE, process: { cwd: "/a", args: ["a"], user, noNewPrivileges: true, rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }] } });
  const order = [
    "cwd.make",
    "rlimit.set",
    "stdio.own",
    "cred.bounding",
    "cred.ids",
    "cred.caps",
    "cred.ambient",
    "cred.no_new_privs",
    "fds.close",
    "exec.lookup",
    "start.wait",
    "exec.run",
  ];
  expect(ops.map((op) => op.op as string).filter((name) => order.includes(name))).toEqual(order);
});

test("compile: CVE-2016-9962 init is hidden before it is in a namespace that others are in, and as root of it again", () => {
  for (const types of [["pid"], ["network"], ["user", "pid"], ["user"]]) {
    const joined = types.map((type) => ({ type, path: `/proc/42/ns/${type}` })) as NonNullable<Config["linux"]>["namespaces"];
    const { ops } = compile({ ...BASE, linux: { namespaces: [{ type: "mount" }, ...(joined ?? [])] } });
    const names = ops.map((op) => op.op);
    expect(names.indexOf("cred.undumpable")).toBeLessThan(names.indexOf("ns.join"));
    if (types.includes("user")) expect(names.lastIndexOf("cred.undumpable")).toBe(names.indexOf("user.become_root") + 1);
  }
});

test("compile: an exec is hidden before it enters, and again as root of the user namespace", () => {
  const { cgroup, facts, options } = inputsFor("");
  const config: Config = { ...BASE, linux: { namespaces: [{ type: "mount" }, { type: "pid" }, { type: "user" }] } };
  const names = compileExec(config, cgroup, facts, options).ops.map((op) => op.op);
  expect(names.indexOf("cred.undumpable")).toBeLessThan(names.indexOf("ns.enter"));
  expect(names.lastIndexOf("cred.undumpable")).toBe(names.indexOf("user.become_root") + 1);
  expect(names.lastIndexOf("cred.undumpable")).toBeLessThan(names.indexOf("init.fork"));
});

test("sysctl: both spellings of a key", () => {
  expect(sysctlPath("net.ipv4.ip_forward")).toBe("net/ipv4/ip_forward");
  expect(sysctlPath("net/ipv4/conf/eth0.1/mtu")).toBe("net/ipv4/conf/eth0.1/mtu");
  expect(sysctlPath("net.ipv4.conf.eth0/1.mtu")).toBe("net/ipv4/conf/eth0.1/mtu");
});

test("paths: by text", () => {
  expect(cleanPath("/dev/./x/..//")).toBe("/dev");
  expect(containerPath("a/b")).toBe("/a/b");
  expect(hostPath("a", "/b")).toBe("/b/a");
  expect(hostPath("/a", "/b")).toBe("/a");
  expect(isWithin("/dev/x", "/dev")).toBe(true);
  expect(isWithin("/devices", "/dev")).toBe(false);
  expect(pointerPart("a/b~c")).toBe("a~1b~0c");
});
