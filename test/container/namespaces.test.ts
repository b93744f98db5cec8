// linux.namespaces, uidMappings, gidMappings, timeOffsets.
import { expect } from "bun:test";
import { chownSync, readlinkSync, statSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { type Json, type JsonObject, MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { Container, facts, ok, refused } from "../helpers/container.ts";
import { Facts } from "../helpers/facts.ts";
import { needs, oracle, spec } from "../helpers/spec.ts";

const KINDS: readonly [string, string][] = [
  ["pid", "pid"],
  ["network", "net"],
  ["mount", "mnt"],
  ["ipc", "ipc"],
  ["uts", "uts"],
  ["cgroup", "cgroup"],
  ["time", "time"],
  ["user", "user"],
];
const own = (name: string) => readlinkSync(`/proc/self/ns/${name}`);
const without = (type: string) => NAMESPACES.filter((one) => one["type"] !== type);
const MAPPINGS: JsonObject = { uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }], gidMappings: [{ containerID: 0, hostID: 200000, size: 65536 }] };
const withUser = (...patches: JsonObject[]) => {
  const b = bundle({ linux: { namespaces: [...NAMESPACES, { type: "user" }], ...MAPPINGS, sysctl: undefined } }, ...patches);
  chownSync(b.rootfs, 100000, 200000);
  return b;
};

spec("8.03 8.04 new namespaces for the listed types, the caller's for the others", async () => {
  const f = await facts(bundle(probe("ns")));
  for (const [type, name] of KINDS) {
    if (NAMESPACES.some((one) => one["type"] === type)) expect(f.get(`ns.${name}`)).not.toBe(own(name));
    else expect(f.get(`ns.${name}`)).toBe(own(name));
  }
});

spec(
  "8.01 8.03 every type at once is made anew, and exec enters all of them",
  needs("userns", "timens"),
  oracle({ runc: "1.1 does not know time", crun: "1.8 does not know time" }),
  async () => {
    const timeOffsets = { boottime: { secs: 604800, nanosecs: 0 } };
    const container = await new Container(withUser({ ...probe("ns", "pause"), linux: { namespaces: KINDS.map(([type]) => ({ type })), timeOffsets } })).up();
    await container.said("ns.uts");
    const { pid } = await container.state();
    const seen = new Facts(ok(await container.command("exec", {}, "/probe", "ns", "clock", "ids")).stdout);
    for (const [, name] of KINDS) {
      expect(container.facts().get(`ns.${name}`)).not.toBe(own(name));
      expect(seen.get(`ns.${name}`)).toBe(container.facts().get(`ns.${name}`));
      expect(readlinkSync(`/proc/${pid}/ns/${name}`)).toBe(seen.get(`ns.${name}`));
    }
    expect(Number(seen.get("clock.boottime"))).toBeGreaterThan(604800);
    // In the container's pid namespace, as a process of its own.
    expect(Number(seen.get("pid"))).toBeGreaterThan(1);
    expect(Number(seen.get("pid"))).toBeLessThan(100);
  },
);

for (const [type, name] of KINDS)
  spec(
    `8.03 8.04 a new ${type} namespace does not depend on the others, nor they on it`,
    needs("userns", "timens"),
    oracle(type === "time" ? { runc: "1.1 does not know it" } : {}),
    async () => {
      // As few as the kernel lets be: mounts want a namespace of their own, and so do the masks.
      const namespaces = [...new Set(["mount", type])].map((one) => ({ type: one }));
      const mappings = type === "user" ? MAPPINGS : {};
      const b = bundle(probe("ns"), {
        hostname: undefined,
        mounts: MOUNTS.filter((mount) => mount["type"] === "proc" || mount["destination"] === "/dev"),
        linux: { namespaces, ...mappings },
      });
      // A new proc of the host's pid namespace is not for another user namespace to mount.
      const bound = { destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] };
      const dev = MOUNTS.filter((mount) => mount["destination"] === "/dev");
      const changed = type === "user" ? b.rewrite({ mounts: [bound, ...dev], linux: { maskedPaths: [], readonlyPaths: [] } }) : b;
      if (type === "user") chownSync(b.rootfs, 100000, 200000);
      const f = await facts(changed);
      for (const [other, otherName] of KINDS) {
        if (other === type || other === "mount") expect(f.get(`ns.${otherName}`)).not.toBe(own(otherName));
        else expect(f.get(`ns.${otherName}`)).toBe(own(otherName));
      }
      expect(f.get(`ns.${name}`)).not.toBe(own(name));
    },
  );

spec("8.01 cgroup namespace", async () => {
  const f = await facts(bundle(probe("ns", "cgroup"), { linux: { namespaces: [...NAMESPACES, { type: "cgroup" }] } }));
  expect(f.get("ns.cgroup")).not.toBe(own("cgroup"));
  for (const line of f.all("cgroup").filter((one) => /:(memory|pids|cpu):/.test(one))) expect(line).toMatch(/:\/$/);
});

for (const type of ["pid", "network", "ipc", "uts"])
  spec(`8.04 without the ${type} namespace the container stays in the caller's`, async () => {
    const name = type === "network" ? "net" : type;
    const f = await facts(
      bundle(probe("ns", "ids"), {
        hostname: undefined,
        mounts: MOUNTS.filter((mount) => mount["type"] !== "mqueue" && mount["type"] !== "sysfs"),
        linux: { namespaces: without(type) },
      }),
    );
    expect(f.get(`ns.${name}`)).toBe(own(name));
    if (type === "pid") expect(Number(f.get("pid"))).toBeGreaterThan(1);
  });

spec("8.02 namespaces by path are joined", async () => {
  const holder = await new Container(bundle(probe("pause"))).up();
  const { pid } = await holder.state();
  for (const [type, name] of [
    ["network", "net"],
    ["ipc", "ipc"],
    ["uts", "uts"],
    ["pid", "pid"],
  ] as const) {
    const f = await facts(
      bundle(probe("ns", "ids"), { hostname: undefined, linux: { namespaces: [...without(type), { type, path: `/proc/${pid}/ns/${name}` }] } }),
    );
    expect(f.get(`ns.${name}`)).toBe(readlinkSync(`/proc/${pid}/ns/${name}`));
    if (type === "pid") expect(Number(f.get("pid"))).toBeGreaterThan(1);
  }
});

spec(
  "8.02 the mount, cgroup and time namespace by path",
  needs("timens"),
  oracle({ runc: "1.1 does not know time", crun: "1.8 does not know time" }),
  async () => {
    const timeOffsets = { monotonic: { secs: 86400 } };
    const others = [{ type: "cgroup" }, { type: "time" }];
    const holder = await new Container(bundle(probe("pause"), { linux: { namespaces: [...NAMESPACES, ...others], timeOffsets } })).up();
    const { pid } = await holder.state();
    for (const [type, name] of [
      ["cgroup", "cgroup"],
      ["time", "time"],
    ] as const) {
      const f = await facts(bundle(probe("ns", "clock"), { linux: { namespaces: [...NAMESPACES, { type, path: `/proc/${pid}/ns/${name}` }] } }));
      expect(f.get(`ns.${name}`)).toBe(readlinkSync(`/proc/${pid}/ns/${name}`));
      if (type === "time") expect(Number(f.get("clock.monotonic"))).toBeGreaterThan(86400);
    }
    // Nothing of its own is mounted there, and its rootfs is that namespace's own root.
    const namespaces = [...without("mount"), { type: "mount", path: `/proc/${pid}/ns/mnt` }];
    const joined = bundle(probe("pause"), { linux: { namespaces, maskedPaths: [], readonlyPaths: [] }, root: { path: "/" }, mounts: [] });
    const container = await new Container(joined).up();
    expect(readlinkSync(`/proc/${(await container.state()).pid}/ns/mnt`)).toBe(readlinkSync(`/proc/${pid}/ns/mnt`));
  },
);

spec("8.02 all of a pod's namespaces at once", async () => {
  const holder = await new Container(bundle(probe("pause"))).up();
  const { pid } = await holder.state();
  const namespaces = [
    { type: "mount" },
    ...[
      ["network", "net"],
      ["ipc", "ipc"],
      ["uts", "uts"],
      ["pid", "pid"],
    ].map(([type = "", name = ""]) => ({ type, path: `/proc/${pid}/ns/${name}` })),
  ];
  const f = await facts(bundle(probe("ns", "uts"), { hostname: undefined, linux: { namespaces } }));
  for (const name of ["net", "ipc", "uts", "pid"]) expect(f.get(`ns.${name}`)).toBe(readlinkSync(`/proc/${pid}/ns/${name}`));
  expect(f.get("hostname")).toBe("box");
});

spec("8.02 3.21 a namespace given by path outlives the container", async () => {
  const holder = await new Container(bundle(probe("pause"))).up();
  const { pid } = await holder.state();
  ok(await new Container(bundle({ linux: { namespaces: [...without("network"), { type: "network", path: `/proc/${pid}/ns/net` }] } })).run());
  expect(await holder.status()).toBe("running");
});

spec("8.02 a namespace of another type, a file that is none, and a missing path are errors", async () => {
  await refused(bundle({ linux: { namespaces: [...without("network"), { type: "network", path: "/proc/self/ns/ipc" }] } }));
  await refused(bundle({ linux: { namespaces: [...without("network"), { type: "network", path: "/etc/passwd" }] } }));
  await refused(bundle({ linux: { namespaces: [...without("network"), { type: "network", path: "/no/such/path" }] } }), /no such file|not exist/i);
});

spec("8.02 a relative path is an error", async () => {
  await refused(bundle({ linux: { namespaces: [...without("network"), { type: "network", path: "proc/self/ns/net" }] } }));
});

spec("8.01 an unknown type is an error", async () => {
  await refused(bundle({ linux: { namespaces: [...NAMESPACES, { type: "nosuch" }] } }));
});

spec("8.05 the same type twice is an error", async () => {
  await refused(bundle({ linux: { namespaces: [...NAMESPACES, { type: "ipc" }] } }), /dup|twice/i);
});

spec("a new network namespace has only a loopback, and it is up", async () => {
  expect((await facts(bundle(probe("net")))).all("if").filter((one) => one.startsWith("lo "))).toEqual(["lo up"]);
});

spec("8.06 user namespace with mappings", needs("userns"), async () => {
  const container = new Container(withUser(probe("user", "ns", "read:/proc/self/uid_map", "read:/proc/self/gid_map", "stat:/", "pause")));
  await container.up();
  await container.said("stat:/");
  const f = container.facts();
  expect(f.get("uid")).toBe("0 0 0");
  expect(f.get("read:/proc/self/uid_map").trim().split(/\s+/)).toEqual(["0", "100000", "65536"]);
  expect(f.get("read:/proc/self/gid_map").trim().split(/\s+/)).toEqual(["0", "200000", "65536"]);
  expect(f.get("stat:/")).toContain(" 0:0 ");
  const status = await Bun.file(`/proc/${(await container.state()).pid}/status`).text();
  expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe("100000");
  expect(/^Gid:\s+(\d+)/m.exec(status)?.[1]).toBe("200000");
});

spec("8.06 a user of the user namespace, with groups", needs("userns"), async () => {
  const f = await facts(withUser({ process: { args: ["/probe", "user", "caps"], user: { uid: 1000, gid: 1000, additionalGids: [7] } } }));
  expect([f.get("uid"), f.get("gid")]).toEqual(["1000 1000 1000", "1000 1000 1000"]);
  expect(f.get("groups").split(" ")).toContain("7");
});

spec("7.14 a user without a mapping is an error", needs("userns"), async () => {
  await refused(withUser({ process: { user: { uid: 70000, gid: 0 } } }));
  await refused(withUser({ process: { user: { uid: 0, gid: 70000 } } }));
});

spec("8.06 mounts of a user namespace: proc, sys, tmpfs, devpts, and the default devices work", needs("userns"), async () => {
  const f = await facts(withUser(probe("mounts", "open:rw,/dev/null", "open:r,/dev/zero", "open:r,/dev/urandom", "open:rw,/dev/ptmx", "open:c,/dev/shm/x")));
  for (const word of ["open:rw,/dev/null", "open:r,/dev/zero", "open:r,/dev/urandom", "open:rw,/dev/ptmx", "open:c,/dev/shm/x"]) expect(f.get(word)).toBe("ok");
});

spec("8.06 the capabilities of a user namespace", needs("userns"), async () => {
  const f = await facts(withUser(probe("caps")));
  expect(BigInt(`0x${f.get("caps.effective")}`)).not.toBe(0n);
});

spec("8.06 a user namespace without mappings, and mappings without one, are errors", needs("userns"), async () => {
  await refused(bundle({ linux: { namespaces: [...NAMESPACES, { type: "user" }] } }));
});

spec("8.06 mappings of size 0, of negative ids, and beyond 32 bits are errors", needs("userns"), async () => {
  const bad: Json[] = [
    { containerID: 0, hostID: 1, size: 0 },
    { containerID: -1, hostID: 1, size: 1 },
    { containerID: 0, hostID: 4294967296, size: 1 },
  ];
  for (const mapping of bad) await refused(withUser({ linux: { uidMappings: [mapping] } }));
});

spec("8.06 nothing of the rootfs is chowned for the mappings", needs("userns"), async () => {
  const b = withUser(probe("stat:/marker", "stat:/mine"));
  b.file("marker");
  b.file("mine");
  chownSync(`${b.rootfs}/mine`, 100000, 200000);
  const f = await facts(b);
  // Without a mapping it is the overflow id's.
  expect([f.get("stat:/marker"), f.get("stat:/mine")]).toEqual([expect.stringContaining(" 65534:65534 "), expect.stringContaining(" 0:0 ")]);
  expect([statSync(`${b.rootfs}/marker`).uid, statSync(`${b.rootfs}/mine`).uid]).toEqual([0, 100000]);
});

spec("8.06 several mappings", needs("userns"), async () => {
  const uidMappings = [
    { containerID: 0, hostID: 100000, size: 10 },
    { containerID: 10, hostID: 300000, size: 10 },
    { containerID: 1000, hostID: 400000, size: 1 },
  ];
  const f = await facts(withUser(probe("read:/proc/self/uid_map"), { linux: { uidMappings } }));
  expect(f.get("read:/proc/self/uid_map").trim().split(/\s+/)).toEqual(["0", "100000", "10", "10", "300000", "10", "1000", "400000", "1"]);
});

spec("8.02 a user namespace by path", needs("userns"), oracle({ runc: "1.1 wants mappings as well" }), async () => {
  const holder = await new Container(withUser(probe("pause"))).up();
  const { pid } = await holder.state();
  const b = bundle(probe("ns", "user"), { linux: { namespaces: [...NAMESPACES, { type: "user", path: `/proc/${pid}/ns/user` }] } });
  chownSync(b.rootfs, 100000, 200000);
  const f = await facts(b);
  expect(f.get("ns.user")).toBe(readlinkSync(`/proc/${pid}/ns/user`));
  expect(f.get("uid")).toBe("0 0 0");
});

spec("8.01 8.07 time namespace with offsets", needs("timens"), oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" }), async () => {
  const before = (await Bun.file("/proc/uptime").text()).split(".")[0];
  const f = await facts(
    bundle(probe("clock", "ns", "read:/proc/self/timens_offsets"), {
      linux: {
        namespaces: [...NAMESPACES, { type: "time" }],
        timeOffsets: { monotonic: { secs: 172800, nanosecs: 5 }, boottime: { secs: 604800, nanosecs: 0 } },
      },
    }),
  );
  expect(f.get("ns.time")).not.toBe(own("time"));
  expect(Number(f.get("clock.boottime")) - Number(before)).toBeGreaterThanOrEqual(604800);
  expect(Number(f.get("clock.boottime")) - Number(before)).toBeLessThan(604800 + 60);
  expect(f.get("read:/proc/self/timens_offsets")).toMatch(/monotonic\s+172800\s+5/);
});

spec(
  "8.07 seconds beyond the kernel's range are an error, large ones are exact",
  needs("timens"),
  oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" }),
  async () => {
    const withSecs = (secs: Json) =>
      bundle(probe("read:/proc/self/timens_offsets"), {
        linux: { namespaces: [...NAMESPACES, { type: "time" }], timeOffsets: { monotonic: { secs, nanosecs: 999999999 } } },
      });
    expect((await facts(withSecs(4000000000))).get("read:/proc/self/timens_offsets")).toMatch(/monotonic\s+4000000000\s+999999999/);
    await refused(withSecs(9223372036854775807n));
    await refused(withSecs(9223372036854775808n));
  },
);

spec("8.07 negative offsets", needs("timens"), oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" }), async () => {
  // The kernel lets no clock go below 0, and a virtual machine is young.
  const f = await facts(
    bundle(probe("read:/proc/self/timens_offsets"), {
      linux: { namespaces: [...NAMESPACES, { type: "time" }], timeOffsets: { boottime: { secs: -1, nanosecs: 0 } } },
    }),
  );
  expect(f.get("read:/proc/self/timens_offsets")).toMatch(/boottime\s+-1\s+0/);
});

spec("8.03 a time namespace without offsets", needs("timens"), oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" }), async () => {
  expect((await facts(bundle(probe("ns"), { linux: { namespaces: [...NAMESPACES, { type: "time" }] } }))).get("ns.time")).not.toBe(own("time"));
});

spec(
  "8.07 timeOffsets without a new time namespace, with unknown clocks or beyond range, are errors",
  needs("timens"),
  oracle({ runc: "1.1 does not know it", crun: "1.8 does not know it" }),
  async () => {
    await refused(bundle({ linux: { timeOffsets: { monotonic: { secs: 1, nanosecs: 0 } } } }));
    await refused(bundle({ linux: { namespaces: [...NAMESPACES, { type: "time" }], timeOffsets: { realtime: { secs: 1, nanosecs: 0 } } } }));
    await refused(bundle({ linux: { namespaces: [...NAMESPACES, { type: "time" }], timeOffsets: { monotonic: { secs: 1, nanosecs: 1000000000 } } } }));
  },
);

spec("a host pid namespace: kill --all reaches orphans, and delete leaves none", async () => {
  const container = await new Container(bundle(probe("spawn:30000", "echo:up", "pause"), { linux: { namespaces: without("pid") } })).up();
  await container.said("up");
  const child = Number(container.facts().get("spawn:30000"));
  expect(child).toBeGreaterThan(1);
  ok(await container.kill("KILL", { flags: ["--all"] }));
  await container.stopped();
  ok(await container.delete({ flags: ["--force"] }));
});

spec("all mapped: the runtime's own user as root of the user namespace", needs("userns"), async () => {
  const one = [{ containerID: 0, hostID: 0, size: 1 }];
  const f = await facts(
    bundle(probe("user", "read:/proc/self/uid_map"), {
      linux: { namespaces: [...NAMESPACES, { type: "user" }], uidMappings: one, gidMappings: one },
      mounts: MOUNTS.filter((mount) => mount["type"] !== "devpts"),
    }),
  );
  expect(f.get("uid")).toBe("0 0 0");
});
