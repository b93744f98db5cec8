// linux.netDevices (8.20 to 8.24): the runtime is in a network namespace of the test's own, with a veth pair in it.
import { expect } from "bun:test";
import { type Bundle, bundle } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { fails, ok } from "../helpers/container.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

const old = oracle({ runc: "1.1 does not know them", crun: "1.8 does not know them" });

/** The device, with what is to be kept (8.22): attributes, permanent global addresses; and what is not: a lifetime, another scope. */
const SET_UP = [
  "ip link add v0 type veth peer name v1",
  "ip link set v0 mtu 1400 txqueuelen 77 address 02:00:00:00:00:42",
  "ip addr add 10.9.8.7/24 dev v0",
  "ip addr add 10.9.9.7/16 broadcast 10.9.255.255 dev v0",
  "ip addr add 10.8.8.8/24 dev v0 valid_lft 1000 preferred_lft 1000",
  "ip addr add 169.254.3.4/16 scope link dev v0",
  "ip -6 addr add 2001:db8::5/64 dev v0 nodad",
  "ip link set v0 up",
].join(" && ");

const shell = (...words: string[]) => [...COMMAND, "--root", ROOT, ...words].join(" ");

/** A script where v0 is there; afterwards what is left of devices in that namespace. */
function where(script: string, setUp = SET_UP): Promise<Result> {
  return exec([
    "unshare",
    "--net",
    "sh",
    "-c",
    `${setUp} && ${script}; code=$?; ip -o link | sed 's/^/left: /'; ip -o addr | sed 's/^/address: /'; exit $code`,
  ]);
}

const runWith = (b: Bundle, setUp = SET_UP) => where(shell("run", "--bundle", b.directory, b.name), setUp);

const moving = (netDevices: JsonObject, patch: JsonObject = {}) => bundle({ process: { args: ["/bin/busybox", "ip", "addr"] }, linux: { netDevices } }, patch);

spec("8.20 8.22 8.23 a device is moved with its attributes and its permanent global addresses, and is up", old, async () => {
  const { stdout } = ok(await runWith(moving({ v0: {} })));
  const [inside = "", left = ""] = stdout.split("left: 1:");
  expect(inside).toMatch(/v0@\S+: <[^>]*\bUP\b[^>]*> mtu 1400/);
  expect(inside).toMatch(/qlen 77[\s\S]*link\/ether 02:00:00:00:00:42/);
  expect(inside).toContain("inet 10.9.8.7/24");
  expect(inside).toContain("inet 10.9.9.7/16 brd 10.9.255.255");
  expect(inside).toContain("inet6 2001:db8::5/64");
  for (const address of ["10.8.8.8", "169.254.3.4"]) expect(inside).not.toContain(address);
  expect(left).not.toContain("v0:");
});

spec("8.23 a device that was down is up", old, async () => {
  expect(ok(await runWith(moving({ v0: {} }), `${SET_UP} && ip link set v0 down`)).stdout).toMatch(/v0@\S+: <[^>]*\bUP\b/);
});

spec("8.20 several devices", old, async () => {
  const { stdout } = ok(await runWith(moving({ v0: { name: "first" }, v1: {} })));
  const [inside = "", left = ""] = stdout.split("left: 1:");
  expect(inside).toMatch(/first@v1[\s\S]*10\.9\.8\.7/);
  expect(inside).toMatch(/v1@first/);
  expect(left).not.toMatch(/v[01]/);
});

spec("8.21 a new name, and one that the kernel completes", old, async () => {
  expect(ok(await runWith(moving({ v0: { name: "eth0" } }))).stdout).toMatch(/eth0@\S+: <[^>]*\bUP\b[\s\S]*10\.9\.8\.7/);
  expect(ok(await runWith(moving({ v0: { name: "net%d" } }))).stdout).toMatch(/net0@\S+: <[^>]*\bUP\b[\s\S]*10\.9\.8\.7/);
});

spec("8.20 8.21 a device that is not there, and a name that is taken, are errors; the device stays as it was", old, async () => {
  const missing = fails(await runWith(moving({ v0: {}, nosuch0: {} })), /nosuch0/);
  const taken = fails(await runWith(moving({ v0: { name: "lo" } })), /"lo"/);
  const long = fails(await runWith(moving({ v0: { name: "a-name-of-16-chars" } })), /v0/);
  for (const { stdout } of [missing, taken, long]) {
    expect(stdout).toMatch(/left: .*v0@\S+: <[^>]*\bUP\b.*mtu 1400/);
    expect(stdout).toMatch(/address: .*v0\s+inet 10\.9\.8\.7\/24/);
  }
  // Also one that the namespace given by path has.
  const b = moving({ v0: { name: "v9" } });
  b.rewrite({ linux: { namespaces: [...NAMESPACES.filter(({ type }) => type !== "network"), { type: "network", path: "/proc/NETNS/ns/net" }] } });
  const script = `
    unshare --net sleep 60 & p=$!
    while [ /proc/$p/ns/net -ef /proc/self/ns/net ]; do sleep 0.02; done
    nsenter --net=/proc/$p/ns/net ip link add v9 type veth peer name v8
    sed -i "s/NETNS/$p/" config.json
    ${shell("run", "--bundle", b.directory, b.name)}; code=$?
    kill -9 $p
    exit $code`;
  fails(await where(`(cd ${b.directory}; ${script})`), /"v9"/);
});

/** Each makes create fail after the device was moved. */
const FAILING: readonly [string, JsonObject][] = [
  ["a program that is not there", { process: { args: ["/nosuch"] } }],
  ["a mount that the kernel refuses", { mounts: [...MOUNTS, { destination: "/mnt", type: "nosuchfs", source: "x" }] }],
  ["a hook that fails", { hooks: { createRuntime: [{ path: "/bin/false" }] } }],
];

for (const [what, patch] of FAILING)
  spec(`1.08 8.20 ${what}: the device is back, with its name, its addresses, and up as it was`, tsrunOnly, async () => {
    for (const state of ["up", "down"]) {
      const { stdout } = fails(await runWith(moving({ v0: { name: "inside%d" } }, patch), `${SET_UP} && ip link set v0 ${state}`));
      const link = /left: .*v0@.*/.exec(stdout)?.[0] ?? "";
      expect(link).toContain("mtu 1400");
      expect(/<[^>]*\bUP\b/.test(link)).toBe(state === "up");
      expect(stdout).toMatch(/address: .*v0\s+inet 10\.9\.8\.7\/24/);
      expect(stdout).toMatch(/address: .*v0\s+inet 10\.9\.9\.7\/16/);
      // Down, the kernel itself takes the addresses of IPv6 away.
      if (state === "up") expect(stdout).toMatch(/address: .*v0\s+inet6 2001:db8::5\/64/);
    }
  });

spec("8.24 afterwards the device is left alone: what the program makes of it stays, and delete does not move it back", old, async () => {
  // A namespace that outlives the container.
  const args = ["/bin/sh", "-c", "/bin/busybox ip link set v0 down; /bin/busybox ip addr flush dev v0; echo changed; sleep 60"];
  const b = moving(
    { v0: {} },
    { process: { args, capabilities: { bounding: ["CAP_NET_ADMIN"], effective: ["CAP_NET_ADMIN"], permitted: ["CAP_NET_ADMIN"] } } },
  );
  b.rewrite({ linux: { namespaces: [...NAMESPACES.filter(({ type }) => type !== "network"), { type: "network", path: "/proc/NETNS/ns/net" }] } });
  const inside = (words: string) => `nsenter --net=/proc/$p/ns/net ${words}`;
  const script = `
    unshare --net sleep 60 & p=$!
    while [ /proc/$p/ns/net -ef /proc/self/ns/net ]; do sleep 0.02; done
    sed -i "s/NETNS/$p/" config.json
    ${shell("run", "--detach", "--bundle", b.directory, b.name)} > out || exit 1
    until grep -q changed out; do sleep 0.02; done
    ${shell("exec", b.name, "/bin/true")}; ${shell("state", b.name)} > /dev/null
    ${inside("ip -o link show v0")} | sed 's/^/running: /'; ${inside("ip -o -4 addr show dev v0")} | sed 's/^/running: /'
    ${shell("delete", "--force", b.name)}
    ${inside("ip -o link show v0")} | sed 's/^/deleted: /'
    kill -9 $p`;
  const { stdout } = ok(await where(`(cd ${b.directory}; ${script})`));
  const running = /running: .*/g;
  expect(stdout.match(running)).toEqual([expect.stringMatching(/v0@\S+: <(?![^>]*\bUP\b)/)]);
  expect(stdout).toMatch(/deleted: .*v0@/);
  expect(stdout).not.toMatch(/left: .*v0@/);
});

spec("8.20 3.07 when the container's namespaces cannot be had, that is the error, and the device stays", tsrunOnly, async () => {
  const b = moving({ v0: {} }, { linux: { namespaces: [...NAMESPACES.filter(({ type }) => type !== "network"), { type: "network", path: "/no/such/ns" }] } });
  expect(fails(await runWith(b), /"\/no\/such\/ns"/).stdout).toMatch(/left: .*v0@/);
});

spec("8.20 without a network namespace of its own netDevices are an error", old, async () => {
  const b = moving({ v0: {} });
  fails(await runWith(b.rewrite({ linux: { namespaces: NAMESPACES.filter(({ type }) => type !== "network") } })), /network/);
});
