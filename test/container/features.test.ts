// features, help and completion: what the tool says of itself.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { bundle, probe } from "../helpers/bundle.ts";
import { cgroupValue } from "../helpers/cgroups.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { Container, facts, ok, refused, runtime } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { COMMAND, IS_BUN_HOST } from "../helpers/runtime.ts";
import { NEEDS, oracle, spec, tsrunOnly } from "../helpers/spec.ts";

const oldPeers = oracle({ runc: "1.1 knows an older document", crun: "1.8 has no features" });

/** The others that begin with r are recursive, and for bind mounts. */
const PLAIN_WITH_R = ["ro", "rw", "relatime", "remount", "rprivate", "rshared", "rslave", "runbindable"];

const ARCHITECTURES =
  "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64";

/** One static file: the checkout under Bun needs more. */
const released = { needs: [{ name: "the released executable", ci: false, isThere: () => !IS_BUN_HOST }] };

const TO_1000 = [{ containerID: 0, hostID: 1000, size: 10 }];

async function features() {
  return JSON.parse(ok(await runtime(["features"])).stdout);
}

spec("9.02 both versions are there, in order, and accepted as ociVersion", oldPeers, async () => {
  const { ociVersionMin, ociVersionMax } = await features();
  const numbers = (version: string) => /^(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number) ?? [];
  const [min, max] = [numbers(ociVersionMin), numbers(ociVersionMax)];
  expect(min.length + max.length).toBe(6);
  expect(Math.sign((max[0] ?? 0) - (min[0] ?? 0) || (max[1] ?? 0) - (min[1] ?? 0) || (max[2] ?? 0) - (min[2] ?? 0))).toBeGreaterThanOrEqual(0);
  for (const ociVersion of [ociVersionMin, ociVersionMax]) ok(await new Container(bundle(probe(), { ociVersion })).run());
});

/** Every property of the document in runtime-spec 1.3 (features.md, features-linux.md). */
const PROPERTIES = [
  "ociVersionMin",
  "ociVersionMax",
  "hooks",
  "mountOptions",
  "annotations",
  "potentiallyUnsafeConfigAnnotations",
  "linux",
  "linux.namespaces",
  "linux.capabilities",
  ...["v1", "v2", "systemd", "systemdUser", "rdma"].map((name) => `linux.cgroup.${name}`),
  ...["enabled", "actions", "operators", "archs", "knownFlags", "supportedFlags"].map((name) => `linux.seccomp.${name}`),
  "linux.apparmor.enabled",
  "linux.selinux.enabled",
  ...["enabled", "schemata", "monitoring"].map((name) => `linux.intelRdt.${name}`),
  "linux.mountExtensions.idmap.enabled",
  "linux.netDevices.enabled",
  ...["modes", "flags"].map((name) => `linux.memoryPolicy.${name}`),
];

/** Paths of all members, without those of annotations, whose names are free. */
function paths(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const path = prefix + name;
    const isOpen = typeof member === "object" && member !== null && !Array.isArray(member) && path !== "annotations";
    return [path, ...(isOpen ? paths(member, `${path}.`) : [])];
  });
}

spec("9.02 9.03 every property that the specification defines is there and not null, and no other", oldPeers, async () => {
  const document = await features();
  const seen = paths(document);
  expect(seen.filter((path) => !PROPERTIES.some((known) => known === path || known.startsWith(`${path}.`)))).toEqual([]);
  expect(PROPERTIES.filter((path) => !seen.includes(path))).toEqual([]);
  expect(JSON.stringify(document)).not.toContain("null");
});

spec("9.01 the document is the same on every machine: also where there is no /proc, no /sys and no cgroup", tsrunOnly, released, async () => {
  const { directory } = bundle();
  mkdirSync(`${directory}/bare`);
  ok(await exec(["cp", COMMAND[0] ?? "", `${directory}/bare/tsrun`]));
  const bare = ok(await exec(["unshare", "--mount", "--pid", "--fork", "chroot", `${directory}/bare`, "/tsrun", "features"])).stdout;
  expect(bare).toBe(ok(await runtime(["features"])).stdout);
});

spec("9.04 every hook that is listed is called, and every kind of the specification is listed", oracle({ crun: "1.8 has no features" }), async () => {
  const { hooks } = await features();
  expect(hooks.toSorted()).toEqual(["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"]);
  const b = bundle(probe("echo:x"));
  b.file("log");
  const call = (kind: string) => ({
    path: "/bin/sh",
    args: ["sh", "-c", `echo ${kind} >> ${kind === "startContainer" ? "/log" : `${b.rootfs}/log`}; cat > /dev/null`],
    env: ["PATH=/usr/bin:/bin"],
  });
  ok(await new Container(b.rewrite({ hooks: Object.fromEntries(hooks.map((kind: string) => [kind, [call(kind)]])) })).run());
  expect(readFileSync(`${b.rootfs}/log`, "utf8").trim().split("\n").toSorted()).toEqual(hooks.toSorted());
});

/** Options of filesystems, which are not to be listed (each has its own). */
const OF_FILESYSTEMS = /^(size|mode|uid|gid|nr_inodes|data|lowerdir|newinstance|ptmxmode|hidepid|subset)/;

spec("9.04 every mount option that is listed is recognised", oldPeers, async () => {
  const { mountOptions } = await features();
  expect(mountOptions).toEqual(expect.arrayContaining(["ro", "rbind", "rro", "tmpcopyup", "nosymfollow"]));
  expect(mountOptions.filter((option: string) => OF_FILESYSTEMS.test(option))).toEqual([]);
  // Not /usr: what id-mapped mounts need, not every filesystem has. All in one container, each at a place of its own.
  const source = bundle().directory;
  const mounts = (mountOptions as string[]).flatMap((option, i): JsonObject[] => {
    const destination = `/mnt/${i}`;
    const tmpfs = { destination, type: "tmpfs", source: "tmpfs" };
    if (option === "remount") return [tmpfs, { ...tmpfs, options: ["remount", "rw"] }];
    const isBind = /^r?bind$|idmap$/.test(option) || (option.startsWith("r") && !PLAIN_WITH_R.includes(option));
    const mapping = /idmap$/.test(option) ? { uidMappings: TO_1000, gidMappings: TO_1000 } : {};
    return [isBind ? { destination, type: "bind", source, options: ["rbind", option], ...mapping } : { ...tmpfs, options: [option] }];
  });
  const f = await facts(bundle(probe("mounts"), { mounts: [...MOUNTS.slice(0, 2), ...mounts] }));
  for (const i of mountOptions.keys()) expect(f.mounts(`/mnt/${i}`)).toHaveLength(1);
});

spec("9.04 every capability that is listed is granted by its name, as far as the runtime has it itself", oldPeers, async () => {
  const { linux } = await features();
  expect(linux.capabilities.length).toBe(41);
  const own = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`);
  // Six sets tell every name from every other: those whose number has a bit.
  for (let bit = 0; bit < 6; bit++) {
    const all = (linux.capabilities as string[]).filter((name) => (capabilityNumber(name) >> bit) & 1);
    const f = await facts(bundle(probe("caps"), { process: { capabilities: { bounding: all, permitted: all, effective: all } } }));
    const mask = all.reduce((sum, name) => sum | (1n << BigInt(capabilityNumber(name))), 0n);
    expect({ bit, seen: f.get("caps.bounding") }).toEqual({ bit, seen: (own & mask).toString(16) });
  }
});

/** Its place in the kernel's list, by another source than the runtime's. */
function capabilityNumber(name: string): number {
  const header = readFileSync("/usr/include/linux/capability.h", "utf8");
  return Number(new RegExp(`^#define ${name}\\s+(\\d+)`, "m").exec(header)?.[1]);
}

spec("9.04 the lists of namespaces, seccomp and memory policies are those of the specification: their tests run each of them", oldPeers, async () => {
  const { linux } = await features();
  const words = (prefix: string, text: string) => text.split(" ").map((word) => prefix + word);
  expect(linux.namespaces.toSorted()).toEqual(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]);
  const { seccomp, memoryPolicy } = linux;
  expect(seccomp.actions.toSorted()).toEqual(words("SCMP_ACT_", "ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG NOTIFY TRACE TRAP"));
  expect(seccomp.operators.toSorted()).toEqual(words("SCMP_CMP_", "EQ GE GT LE LT MASKED_EQ NE"));
  expect(seccomp.archs.toSorted()).toEqual(words("SCMP_ARCH_", ARCHITECTURES).toSorted());
  const flags = words("SECCOMP_FILTER_FLAG_", "LOG SPEC_ALLOW TSYNC WAIT_KILLABLE_RECV");
  expect([seccomp.knownFlags.toSorted(), seccomp.supportedFlags.toSorted()]).toEqual([flags, flags]);
  expect(memoryPolicy.modes.toSorted()).toEqual(words("MPOL_", "BIND DEFAULT INTERLEAVE LOCAL PREFERRED PREFERRED_MANY WEIGHTED_INTERLEAVE"));
  expect(memoryPolicy.flags.toSorted()).toEqual(words("MPOL_F_", "NUMA_BALANCING RELATIVE_NODES STATIC_NODES"));
});

spec("9.05 idmap is enabled, and mappings of a mount are tried", oldPeers, async () => {
  expect((await features()).linux.mountExtensions.idmap.enabled).toBe(true);
  const b = bundle(probe("stat:/mnt/file"));
  writeFileSync(`${b.directory}/file`, "");
  const mount = { destination: "/mnt", source: b.directory, options: ["bind", "idmap"], uidMappings: TO_1000, gidMappings: TO_1000 };
  expect((await facts(b.rewrite({ mounts: [mount] }))).get("stat:/mnt/file")).toContain(" 1000:1000 ");
});

spec("9.06 of what is said to be there this machine's share is at work", oldPeers, async () => {
  const { linux } = await features();
  expect(linux.cgroup).toEqual({ v1: true, v2: true, systemd: true, systemdUser: true, rdma: true });
  for (const { enabled } of [linux.seccomp, linux.apparmor, linux.selinux, linux.intelRdt, linux.netDevices]) expect(enabled).toBe(true);
  // Whichever version of cgroups this is: a limit is in force.
  const container = new Container(bundle(probe("pause"), { linux: { resources: { pids: { limit: 7 } } } }));
  ok(await container.create());
  expect(cgroupValue((await container.state()).pid, "pids", "pids.max", "pids.max")).toBe("7");
  // What the machine itself lacks is an error that names it: it is known, and not passed over.
  const missing: readonly (readonly [boolean, JsonObject, RegExp])[] = [
    [!NEEDS.apparmor.isThere(), { process: { apparmorProfile: "x" } }, /AppArmor/],
    [!existsSync("/sys/fs/selinux/enforce"), { process: { selinuxLabel: "system_u:system_r:container_t:s0" } }, /SELinux/],
    [!existsSync("/sys/fs/resctrl/schemata"), { linux: { intelRdt: { closID: "x" } } }, /resctrl/],
    [true, { linux: { netDevices: { nosuch0: {} } } }, /nosuch0/],
    [!/^rdma\t/m.test(readFileSync("/proc/cgroups", "utf8")), { linux: { resources: { rdma: { x: { hcaHandles: 1 } } } } }, /rdma/],
  ];
  for (const [isMissing, patch, words] of missing) if (isMissing) await refused(bundle(patch), words);
});

/** Of runc, crun and engines: what they act on. */
const OF_OTHERS = {
  "org.criu.config": "/etc/passwd",
  "run.oci.keep_original_groups": "1",
  "run.oci.handler": "krun",
  "run.oci.hooks.stdout": "/tmp/tsrun-t-out",
  "run.oci.mount_context_type": "rootcontext",
  "run.oci.seccomp_fail_unknown_syscall": "1",
  "run.oci.systemd.subgroup": "sub",
  "org.systemd.property.MemoryMax": "uint64 1",
  "io.tsrun.version": "9",
};

spec("9.07 annotations are strings by names, and those that change anything are listed as unsafe: no other does", tsrunOnly, async () => {
  const { annotations, potentiallyUnsafeConfigAnnotations } = await features();
  for (const [name, value] of Object.entries(annotations)) expect([name !== "", typeof value]).toEqual([true, "string"]);
  expect(potentiallyUnsafeConfigAnnotations).toEqual(["org.systemd.property."]);
  const wanted = ["user", "caps", "mounts", "cgroup", "env", "rlimits"];
  const seen = async (patch: JsonObject) => {
    const b = bundle(probe(...wanted), patch);
    const { stdout } = ok(await new Container(b).run());
    return stdout
      .replaceAll(basename(b.directory), "BUNDLE")
      .replaceAll(b.name, "NAME")
      .replaceAll(/mount=\d+ \d+ \d+:\d+/g, "mount=");
  };
  expect(await seen({ annotations: OF_OTHERS })).toBe(await seen({}));
});

spec("help names every command, and each command its flags", tsrunOnly, async () => {
  const help = ok(await runtime(["--help"])).stdout;
  for (const name of ["create", "exec", "update", "events", "features", "completion"]) {
    expect(help).toContain(`\n  ${name} `);
    expect(ok(await runtime([name, "--help"])).stdout).toContain(`usage: tsrun ${name}`);
    expect(ok(await runtime(["help", name])).stdout).toContain(`usage: tsrun ${name}`);
  }
});

spec("completion: bash finds commands, flags and containers", tsrunOnly, async () => {
  const script = ok(await runtime(["completion", "bash"])).stdout;
  const complete = async (...words: string[]) =>
    ok(
      await exec(["bash", "-c", `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tsrun; echo "\${COMPREPLY[@]}"`, "bash", "tsrun", ...words]),
    ).stdout.trim();
  expect(await complete("upd")).toBe("update");
  expect(await complete("exec", "--ign")).toBe("--ignore-paused");
  expect(await complete("--root", "/x", "--log", "y", "de")).toBe("delete");
  for (const shell of ["zsh", "fish"]) expect(ok(await runtime(["completion", shell])).stdout).toContain("tsrun");
});
