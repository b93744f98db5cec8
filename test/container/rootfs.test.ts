// root, hostname, masked and read-only paths, rootfsPropagation, sysctl.
import { expect } from "bun:test";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MASKED_PATHS, MOUNTS, NAMESPACES, READONLY_PATHS } from "../helpers/config.ts";
import { Container, facts, ok, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { withHolder } from "../helpers/holder.ts";
import { oracle, spec } from "../helpers/spec.ts";

spec("5.01 a relative root.path counts from the bundle, an absolute one is taken", async () => {
  const b = bundle(probe("read:/marker"));
  b.file("marker", "mine");
  expect((await facts(b)).get("read:/marker")).toBe("mine");
  expect((await facts(b.rewrite({ root: { path: b.rootfs } }))).get("read:/marker")).toBe("mine");
  expect((await facts(b.rewrite({ root: { path: "./rootfs/" } }))).get("read:/marker")).toBe("mine");
});

spec("5.02 a rootfs that is a link to a directory", oracle({ runc: "refuses links" }), async () => {
  const b = bundle(probe("read:/marker"));
  b.file("marker", "mine");
  symlinkSync("rootfs", `${b.directory}/link`);
  expect((await facts(b.rewrite({ root: { path: "link" } }))).get("read:/marker")).toBe("mine");
});

spec("5.01 5.02 a missing root, path or directory is an error", async () => {
  await refused(bundle({ root: undefined }));
  await refused(bundle({ root: { path: undefined } }));
  await refused(bundle({ root: { path: "nosuch" } }), /no such file|not exist/i);
  const b = bundle({ root: { path: "file" } });
  writeFileSync(`${b.directory}/file`, "");
  await refused(b, /not a directory|ENOTDIR/i);
});

spec("5.03 root.readonly", async () => {
  const f = await facts(bundle(probe("open:c,/new", "open:c,/tmp/new", "open:c,/dev/shm/new", "mounts"), { root: { readonly: true } }));
  expect(f.get("open:c,/new")).toBe("EROFS");
  expect(f.get("open:c,/tmp/new")).toBe("EROFS");
  expect(f.get("open:c,/dev/shm/new")).toBe("ok");
  expect(f.mount("/").options).toContain("ro");
});

spec("5.03 root.readonly defaults to false", async () => {
  const f = await facts(bundle(probe("open:c,/new")));
  expect(f.get("open:c,/new")).toBe("ok");
});

spec("5.03 with root.readonly missing mount targets can still be made", async () => {
  const f = await facts(
    bundle(probe("mounts"), { root: { readonly: true }, mounts: [...MOUNTS, { destination: "/new/target", type: "tmpfs", source: "tmpfs" }] }),
  );
  expect(f.mount("/new/target").type).toBe("tmpfs");
});

spec("a rootfs that is itself a mount point", async () => {
  const b = bundle(probe("read:/marker", "mounts"));
  mkdirSync(`${b.directory}/point`);
  Bun.spawnSync(["mount", "--rbind", b.rootfs, `${b.directory}/point`]);
  b.file("marker", "mine");
  try {
    expect((await facts(b.rewrite({ root: { path: "point" } }))).get("read:/marker")).toBe("mine");
  } finally {
    Bun.spawnSync(["umount", `${b.directory}/point`]);
  }
});

spec("a rootfs on a shared mount", async () => {
  const b = bundle(probe("mounts"));
  mkdirSync(`${b.directory}/point`);
  Bun.spawnSync(["mount", "--bind", b.directory, `${b.directory}/point`]);
  Bun.spawnSync(["mount", "--make-shared", `${b.directory}/point`]);
  try {
    const f = await facts(b.rewrite({ root: { path: "point/rootfs" } }));
    expect(f.mount("/").propagation.filter((word) => word.startsWith("shared"))).toEqual([]);
    expect(
      readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .filter((line) => line.includes(b.name)),
    ).toHaveLength(1);
  } finally {
    Bun.spawnSync(["umount", "-R", `${b.directory}/point`]);
  }
});

spec("7.17 hostname", async () => {
  expect((await facts(bundle(probe("uts"), { hostname: "my-host.example" }))).get("hostname")).toBe("my-host.example");
});

spec("7.17 domainname", oracle({ runc: "unknown to 1.1" }), async () => {
  expect((await facts(bundle(probe("uts"), { domainname: "example.org" }))).get("domainname")).toBe("example.org");
});

spec("7.17 hostname without a UTS namespace of its own is an error", async () => {
  const own = readFileSync("/proc/sys/kernel/hostname", "utf8");
  await refused(bundle({ linux: { namespaces: NAMESPACES.filter((one) => one["type"] !== "uts") } }), /uts|hostname/i);
  expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).toBe(own);
});

spec("7.17 a hostname that is too long is an error", async () => {
  await refused(bundle({ hostname: "x".repeat(65) }));
});

spec("8.63 masked paths cannot be read, read-only ones cannot be written", async () => {
  const f = await facts(bundle(probe("mounts", "read:/proc/keys", "open:w,/proc/sysrq-trigger", "open:w,/proc/sys/kernel/domainname", "ls:/sys/firmware")));
  expect(f.get("read:/proc/keys")).toBe("");
  expect(f.get("open:w,/proc/sysrq-trigger")).toMatch(/EROFS|ENOENT/);
  expect(f.get("open:w,/proc/sys/kernel/domainname")).toBe("EROFS");
  expect(f.get("ls:/sys/firmware")).toBe("");
});

spec("8.63 a masked file is the null device, a masked directory an empty read-only tmpfs", async () => {
  const b = bundle(probe("stat:/secret", "read:/secret", "ls:/private", "open:c,/private/x", "mounts"), {
    linux: { maskedPaths: ["/secret", "/private"], readonlyPaths: ["/fixed", "/fixed-file"] },
  });
  b.file("secret", "s");
  b.file("private/file", "p");
  b.file("fixed/file", "f");
  b.file("fixed-file", "f");
  const f = await facts(b);
  expect(f.get("stat:/secret")).toContain(" 1:3 ");
  expect(f.get("read:/secret")).toBe("");
  expect(f.get("ls:/private")).toBe("");
  expect(f.get("open:c,/private/x")).toBe("EROFS");
  expect(f.mount("/fixed").options).toContain("ro");
  expect(f.mount("/fixed-file").options).toContain("ro");
});

spec("8.63 a read-only path takes its submounts along", oracle({ runc: "1.1 leaves submounts", crun: "leaves submounts" }), async () => {
  const f = await facts(
    bundle(probe("open:c,/ro/sub/x"), { mounts: [...MOUNTS, { destination: "/ro/sub", type: "tmpfs", source: "tmpfs" }], linux: { readonlyPaths: ["/ro"] } }),
  );
  expect(f.get("open:c,/ro/sub/x")).toBe("EROFS");
});

spec("8.63 a read-only path keeps nosuid, nodev, noexec", async () => {
  const f = await facts(
    bundle(probe("mounts"), {
      mounts: [...MOUNTS, { destination: "/ro", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "noexec"] }],
      linux: { readonlyPaths: ["/ro"] },
    }),
  );
  expect(f.mount("/ro").options).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]));
});

spec("8.63 missing paths are passed over", async () => {
  ok(await new Container(bundle({ linux: { maskedPaths: [...MASKED_PATHS, "/no/such"], readonlyPaths: [...READONLY_PATHS, "/no/such/2"] } })).run());
});

spec("8.63 relative paths are errors", oracle({ runc: "1.1 takes them", crun: "takes them" }), async () => {
  await refused(bundle({ linux: { maskedPaths: ["proc/keys"] } }));
  await refused(bundle({ linux: { readonlyPaths: ["proc/sys"] } }));
});

spec("8.63 a masked path of the image that is a link masks what it points to, inside", async () => {
  const b = bundle(probe("read:/target"), { linux: { maskedPaths: ["/link"] } });
  b.file("target", "t");
  b.link("link", "target");
  expect((await facts(b)).get("read:/target")).toBe("");
});

for (const word of ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"])
  spec(`5.09 rootfsPropagation ${word}`, oracle(/shared|unb/.test(word) ? { runc: "gives it to the host's / before the rootfs is bound" } : {}), async () => {
    const f = await facts(bundle(probe("mounts"), { linux: { rootfsPropagation: word } }));
    const { propagation } = f.mount("/");
    if (word.endsWith("shared")) expect(propagation.join()).toContain("shared:");
    else expect(propagation.join()).not.toContain("shared:");
    if (word.endsWith("unbindable")) expect(propagation).toContain("unbindable");
  });

spec(
  "5.09 on a rootfs that the host shares: slave follows the host, private does not, shared is a group of its own",
  oracle({ runc: "gives it to the host's / before the rootfs is bound" }),
  async () => {
    const b = bundle(probe("mounts"));
    const point = `${b.directory}/point`;
    mkdirSync(point);
    ok(await exec(["mount", "--rbind", b.rootfs, point]));
    ok(await exec(["mount", "--make-shared", point]));
    try {
      const hostGroups = readFileSync("/proc/self/mountinfo", "utf8").match(/shared:\d+/g) ?? [];
      for (const [word, expected] of [
        ["slave", /^master:\d+$/],
        ["private", /^$/],
        ["unbindable", /^unbindable$/],
        // A slave that is shared in turn: with a group of the container's own.
        ["shared", /^shared:\d+( master:\d+)?$/],
      ] as const) {
        const f = await facts(b.rewrite({ root: { path: "point" }, linux: { rootfsPropagation: word } }));
        const propagation = f.mount("/").propagation.join(" ");
        expect({ word, propagation }).toEqual({ word, propagation: expect.stringMatching(expected) });
        expect(hostGroups).not.toContain(/^shared:\d+/.exec(propagation)?.[0] ?? "none");
      }
      // What the host mounts there later.
      for (const [word, appears] of [
        ["slave", true],
        ["private", false],
      ] as const) {
        const container = await new Container(b.rewrite({ ...probe("pause"), root: { path: "point" }, linux: { rootfsPropagation: word } })).up();
        ok(await exec(["mount", "-t", "tmpfs", "later", `${point}/mnt`]));
        const seen = new Facts(ok(await container.command("exec", {}, "/probe", "mounts")).stdout).mounts("/mnt").length > 0;
        ok(await exec(["umount", `${point}/mnt`]));
        expect({ word, seen }).toEqual({ word, seen: appears });
        ok(await container.delete({ flags: ["--force"] }));
      }
    } finally {
      ok(await exec(["umount", "--recursive", point]));
    }
  },
);

spec("5.09 an unknown rootfsPropagation is an error", async () => {
  await refused(bundle({ linux: { rootfsPropagation: "public" } }));
});

spec("5.09 shared is a new peer group, not one with the host", async () => {
  const f = await facts(bundle(probe("mounts"), { linux: { rootfsPropagation: "shared" } }));
  const group = f.mount("/").propagation.find((word) => word.startsWith("shared:"));
  expect(
    readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(` ${group} `)),
  ).toEqual([]);
});

spec("8.61 sysctl of the network, ipc and uts namespaces", async () => {
  const f = await facts(
    bundle(
      probe(
        "read:/proc/sys/net/ipv4/ip_forward",
        "read:/proc/sys/kernel/msgmax",
        "read:/proc/sys/fs/mqueue/msg_max",
        "read:/proc/sys/net/ipv4/ping_group_range",
        "uts",
      ),
      {
        hostname: undefined,
        linux: {
          sysctl: {
            "net.ipv4.ip_forward": "1",
            "kernel.msgmax": "65535",
            "fs.mqueue.msg_max": "99",
            "net.ipv4.ping_group_range": "0 2147483647",
            "kernel.domainname": "dom",
          },
        },
      },
    ),
  );
  expect(f.get("read:/proc/sys/net/ipv4/ip_forward")).toBe("1");
  expect(f.get("read:/proc/sys/kernel/msgmax")).toBe("65535");
  expect(f.get("read:/proc/sys/fs/mqueue/msg_max")).toBe("99");
  expect(f.get("read:/proc/sys/net/ipv4/ping_group_range")).toBe("0\t2147483647");
  expect(f.get("domainname")).toBe("dom");
});

spec("8.61 sysctl with slashes", async () => {
  expect(
    (await facts(bundle(probe("read:/proc/sys/net/ipv4/ip_forward"), { linux: { sysctl: { "net/ipv4/ip_forward": "1" } } }))).get(
      "read:/proc/sys/net/ipv4/ip_forward",
    ),
  ).toBe("1");
});

spec("8.61 sysctls that are not of a namespace, or of one that the container does not own, are errors", async () => {
  const before = readFileSync("/proc/sys/vm/swappiness", "utf8");
  await refused(bundle({ linux: { sysctl: { "vm.swappiness": "11" } } }), /sysctl/i);
  expect(readFileSync("/proc/sys/vm/swappiness", "utf8")).toBe(before);
  await refused(bundle({ linux: { sysctl: { "kernel.core_pattern": "|/x" } } }), /sysctl/i);
  await refused(
    bundle({ linux: { namespaces: NAMESPACES.filter((one) => one["type"] !== "network"), sysctl: { "net.ipv4.ip_forward": "1" } } }),
    /sysctl|namespace/i,
  );
  await refused(bundle({ linux: { namespaces: NAMESPACES.filter((one) => one["type"] !== "ipc"), sysctl: { "kernel.msgmax": "1" } } }), /sysctl|namespace/i);
});

const joins = oracle({ runc: "1.1 wants mappings with a joined user namespace", crun: "1.8 wants a /proc" });

// Where init may not make a procfs of its own it takes the one at /proc, which may be anything.
spec("8.61 CVE-2025-52881 a sysctl goes to a true procfs, or is an error", joins, async () => {
  const joining = (patch: JsonObject, sysctl: JsonObject) => bundle(probe("read:/proc/sys/net/ipv4/ip_forward"), patch, { linux: { sysctl } });
  const forward = { "net.ipv4.ip_forward": "1" };
  await withHolder("true", async (patch) => {
    const b = joining(patch, forward).rewrite({ mounts: [{ destination: "/proc", source: "/proc", options: ["rbind"] }] });
    expect((await facts(b)).get("read:/proc/sys/net/ipv4/ip_forward")).toBe("1");
  });
  const fake = "proc/sys/net/ipv4";
  await withHolder(`mount -t tmpfs tmpfs /proc && mkdir -p /${fake} && echo 0 > /${fake}/ip_forward`, async (patch, root) => {
    await refused(joining(patch, forward), /sysctl.*EXDEV(.|\n)*hint: another filesystem is mounted over \/proc/);
    expect(readFileSync(`${root}/${fake}/ip_forward`, "utf8")).toBe("0\n");
  });
  await withHolder("mount -t tmpfs tmpfs /proc/sys/kernel && echo 0 > /proc/sys/kernel/msgmax", async (patch, root) => {
    await refused(joining(patch, { "kernel.msgmax": "1" }), /sysctl.*EXDEV/);
    expect(readFileSync(`${root}/proc/sys/kernel/msgmax`, "utf8")).toBe("0\n");
  });
});

spec("8.61 an unknown sysctl and a wrong value are errors", async () => {
  await refused(bundle({ linux: { sysctl: { "net.no.such": "1" } } }));
  await refused(bundle({ linux: { sysctl: { "net.ipv4.ip_forward": "not a number" } } }));
});

spec("8.61 a sysctl cannot leave /proc/sys", async () => {
  await refused(bundle({ linux: { sysctl: { "net.../../../sysrq-trigger": "h" } } }));
  await refused(bundle({ linux: { sysctl: { "net/../kernel/core_pattern": "h" } } }));
});

spec("--no-pivot", async () => {
  const b = bundle(probe("mounts", "ls:/", "open:c,/new"));
  const f = await facts(b, { flags: ["--no-pivot"] });
  expect(f.get("ls:/").split(" ")).toContain("probe");
});

spec("a rootfs without /dev, /proc, /sys: targets are made", async () => {
  const b = bundle(probe("mounts"));
  for (const name of ["dev", "proc", "sys"]) rmSync(`${b.rootfs}/${name}`, { recursive: true });
  expect((await facts(b)).mount("/proc").type).toBe("proc");
});

spec("no mounts at all", oracle({ runc: "needs /proc" }), async () => {
  const f = await facts(bundle(probe("cwd", "ls:/dev"), { mounts: [], linux: { maskedPaths: undefined, readonlyPaths: undefined } }));
  expect(f.get("cwd")).toBe("/");
});
