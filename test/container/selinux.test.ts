// process.selinuxLabel (7.13) and linux.mountLabel (8.64): under the policy of vm-run --selinux, and on machines without SELinux.
import { expect } from "bun:test";
import { chownSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { Facts } from "../helpers/facts.ts";
import { FAKE_ATTRIBUTES, withHolder } from "../helpers/holder.ts";
import { needs, oracle, spec, tsrunOnly } from "../helpers/spec.ts";
import { onTerminal } from "../helpers/terminal.ts";

const CURRENT = "read:/proc/self/attr/current";
const RUNTIME_LABEL = "test_u:test_r:kernel_t:s0";
const LABEL = "test_u:test_r:container_t:s0:c1,c2";
const OTHER = "test_u:test_r:other_t:s0:c3";
const FORBIDDEN = "test_u:test_r:forbidden_t:s0";
const UNKNOWN = "test_u:test_r:no_such_t:s0";
const FILES = "test_u:object_r:container_file_t:s0:c1,c2";
const UNLABELED = "test_u:object_r:unlabeled_t:s0";

const labelled = (selinuxLabel: string, words: string[], ...more: JsonObject[]) => bundle(probe(...words), { process: { selinuxLabel } }, ...more);

const USER_NAMESPACE: JsonObject = {
  linux: {
    namespaces: [...NAMESPACES, { type: "user" }],
    uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
  },
};

function inUserNamespace(b: Bundle): Bundle {
  chownSync(b.rootfs, 100000, 100000);
  return b.rewrite(USER_NAMESPACE);
}

/** Without the NUL that the kernel ends it with. */
const label = (f: Facts) => f.get(CURRENT).replace("\0", "");

async function execFacts(container: Container, flags: string[], ...words: string[]): Promise<Facts> {
  return new Facts(ok(await container.command("exec", { flags }, ...words)).stdout);
}

spec("7.13 the program has the SELinux label", needs("selinux"), async () => {
  for (const process of [{}, { noNewPrivileges: false }, { user: { uid: 1000, gid: 1000 } }])
    expect(label(await facts(labelled(LABEL, [CURRENT], { process })))).toBe(LABEL);
  expect(label(await facts(inUserNamespace(labelled(LABEL, [CURRENT]))))).toBe(LABEL);
  expect(label(await facts(labelled(LABEL, [CURRENT], { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } })))).toBe(LABEL);
});

spec("7.13 without a label the program has the runtime's", needs("selinux"), async () => {
  expect(label(await facts(labelled("", [CURRENT])))).toBe(RUNTIME_LABEL);
});

spec("7.13 a created container's program gets its label by start", needs("selinux"), async () => {
  const container = new Container(labelled(LABEL, [CURRENT, "pause"]));
  ok(await container.create());
  const { pid } = await container.state();
  const current = () => readFileSync(`/proc/${pid}/attr/current`, "utf8").replace("\0", "");
  expect(current()).toBe(RUNTIME_LABEL);
  ok(await container.start());
  await container.said(LABEL);
  expect(current()).toBe(LABEL);
});

spec("7.13 exec has the container's label, or the one of --process-label or of the process document", needs("selinux"), async () => {
  for (const b of [labelled(LABEL, ["pause"]), inUserNamespace(labelled(LABEL, ["pause"]))]) {
    const container = await new Container(b).up();
    const words = ["/probe", CURRENT];
    expect(label(await execFacts(container, [], ...words))).toBe(LABEL);
    expect(label(await execFacts(container, ["--process-label", OTHER], ...words))).toBe(OTHER);
    const path = `${b.directory}/process.json`;
    const document = { cwd: "/", args: words, user: { uid: 0, gid: 0 } };
    writeFileSync(path, JSON.stringify({ ...document, selinuxLabel: OTHER }));
    expect(label(await execFacts(container, ["--process", path]))).toBe(OTHER);
    writeFileSync(path, JSON.stringify(document));
    expect(label(await execFacts(container, ["--process", path]))).toBe(LABEL);
  }
});

spec("7.13 the session keyring has the label, in create and in exec", needs("selinux", "keyring"), oracle({ crun: "exec has no keyring" }), async () => {
  for (const b of [labelled(LABEL, ["keyring", "pause"]), inUserNamespace(labelled(LABEL, ["keyring", "pause"]))]) {
    const container = await new Container(b).up();
    await container.said("keyring.label");
    for (const f of [container.facts(), await execFacts(container, [], "/probe", "keyring")]) {
      expect(f.get("keyring")).toContain(b.name);
      expect(f.get("keyring.label")).toBe(LABEL);
    }
  }
  const kept = await facts(labelled(LABEL, ["keyring"]), { flags: ["--no-new-keyring"] });
  expect(kept.get("keyring.label")).not.toBe(LABEL);
});

spec(
  "7.13 8.64 labels that the policy does not know are errors that name their lines, and nothing is left",
  needs("selinux"),
  oracle({ runc: "names no line", crun: "names no line" }),
  async () => {
    const words = (pointer: string) => new RegExp(`#/${pointer}\\): .*no_such_t.* policy .*does not know(.|\n)*hint: `);
    await refused(labelled(UNKNOWN, []), words("process/selinuxLabel"));
    await refused(bundle({ linux: { mountLabel: "test_u:object_r:no_such_t:s0" } }), words("linux/mountLabel"));
    const container = await new Container(labelled(LABEL, ["pause"])).up();
    const failed = await container.command("exec", { flags: ["--process-label", UNKNOWN] }, "/probe");
    expect(fails(failed, /no_such_t.* policy .*does not know/).code).toBe(255);
  },
);

spec(
  "7.13 a label that the policy does not let the program have fails start",
  needs("selinux"),
  oracle({ runc: "start does not say it", crun: "start does not say it" }),
  async () => {
    fails(await new Container(labelled(FORBIDDEN, [])).run(), /permission denied/i);
    const container = new Container(labelled(FORBIDDEN, []));
    ok(await container.create());
    fails(await container.start(), /permission denied(.|\n)*hint: .*policy/i);
  },
);

spec("7.13 CVE-2025-52881 a /proc that is none is not written to", needs("selinux"), tsrunOnly, () =>
  withHolder(FAKE_ATTRIBUTES, async (patch, root) => {
    await refused(labelled(LABEL, [], patch), /SELinux label.*EXDEV(.|\n)*hint: another filesystem is mounted over \/proc/);
    for (const name of ["exec", "keycreate"]) expect(readFileSync(`${root}/proc/thread-self/attr/${name}`, "utf8")).toBe("");
  }),
);

spec("8.64 new filesystems have the mount label", needs("selinux"), async () => {
  const b = bundle(
    probe("mounts", "open:c,/dev/shm/file", "label:/dev/shm/file", "label:/dev/shm", "label:/dev", "label:/dev/null", "label:/dev/pts", "label:/dev/mqueue"),
    { linux: { mountLabel: FILES } },
  );
  for (const one of [b, inUserNamespace(b)]) {
    const f = await facts(one);
    for (const path of ["/dev/shm/file", "/dev/shm", "/dev", "/dev/pts", "/dev/mqueue"]) expect([path, f.get(`label:${path}`)]).toEqual([path, FILES]);
    expect(f.mount("/dev/shm").superOptions.join(",")).toContain(`context="${FILES}"`);
  }
});

spec("8.64 with data that the kernel parses, and with none", needs("selinux"), async () => {
  const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: "tmpfs", source: "tmpfs", options });
  const f = await facts(
    bundle(probe("label:/mnt/a", "label:/mnt/b", "label:/mnt/c", "mounts"), {
      mounts: [...MOUNTS, tmpfs("/mnt/a"), tmpfs("/mnt/b", "ro", "size=64k", "nr_inodes=10"), tmpfs("/mnt/c", "tmpcopyup")],
      linux: { mountLabel: FILES },
    }),
  );
  for (const path of ["/mnt/a", "/mnt/b", "/mnt/c"]) expect(f.get(`label:${path}`)).toBe(FILES);
  expect(f.mount("/mnt/b").superOptions).toContain("size=64k");
});

spec("8.64 7.01 the terminal and /dev/console have it", needs("selinux"), async () => {
  const patch = { process: { selinuxLabel: LABEL }, linux: { mountLabel: FILES } };
  const { output } = await onTerminal([CURRENT, "label:/dev/console", "label:/dev/pts/0", "open:rw,/dev/console"], patch);
  expect([label(output), output.get("label:/dev/console"), output.get("label:/dev/pts/0")]).toEqual([LABEL, FILES, FILES]);
  expect(output.get("open:rw,/dev/console")).toBe("ok");
});

spec("8.64 the directory and the socket of NOTIFY_SOCKET have it", needs("selinux"), tsrunOnly, async () => {
  const b = bundle(
    { process: { args: ["/probe", "label:/run/notify", "label:/run/notify/notify.sock", "pause"], selinuxLabel: LABEL } },
    { linux: { mountLabel: FILES } },
  );
  const container = new Container(b);
  const env = { PATH: process.env["PATH"] ?? "", NOTIFY_SOCKET: "/run/manager.sock" };
  ok(await container.create({ env }));
  // It waits for a word that does not come.
  const started = container.start({ env, timeoutMs: 30_000 });
  await container.said("label:/run/notify/notify.sock");
  const f = container.facts();
  expect([f.get("label:/run/notify"), f.get("label:/run/notify/notify.sock")]).toEqual([FILES, FILES]);
  ok(await container.kill("KILL"));
  await started;
});

spec("8.64 masked directories have it; proc, sysfs, cgroups and bind mounts keep their own", needs("selinux"), async () => {
  const f = await facts(
    bundle(probe("label:/proc/tty", "label:/proc/irq", "label:/proc", "label:/sys", "label:/sys/fs/cgroup", "label:/mnt/bound"), {
      mounts: [
        ...MOUNTS,
        { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
        { destination: "/mnt/bound", source: "/tmp", options: ["bind"] },
      ],
      linux: { mountLabel: FILES, maskedPaths: ["/proc/tty", "/proc/irq"] },
    }),
  );
  for (const path of ["/proc/tty", "/proc/irq"]) expect([path, f.get(`label:${path}`)]).toEqual([path, FILES]);
  for (const path of ["/proc", "/sys", "/sys/fs/cgroup", "/mnt/bound"]) expect([path, f.get(`label:${path}`)]).toEqual([path, UNLABELED]);
});

spec("7.13 8.64 without SELinux a label is refused by its line, never skipped", oracle({ runc: "names no line", crun: "ignores both" }), async () => {
  if (existsSync("/sys/fs/selinux/enforce")) return;
  const words = (pointer: string) => new RegExp(`#/${pointer}\\): .*label "some:label" cannot be applied: SELinux is not enabled(.|\n)*hint: `);
  await refused(bundle({ process: { selinuxLabel: "some:label" } }), words("process/selinuxLabel"));
  await refused(bundle({ linux: { mountLabel: "some:label" } }), words("linux/mountLabel"));
  const container = await new Container(bundle(probe("pause"))).up();
  const failed = await container.command("exec", { flags: ["--process-label", "some:label"] }, "/probe");
  expect(fails(failed, /SELinux label "some:label" cannot be applied: SELinux is not enabled/).code).toBe(255);
  const path = `${container.bundle.directory}/process.json`;
  writeFileSync(path, '{"cwd":"/","args":["/probe"],"user":{"uid":0,"gid":0},\n"selinuxLabel":"some:label"}');
  fails(await container.command("exec", { flags: ["--process", path] }), /process\.json:2:.*#\/selinuxLabel\): .*SELinux is not enabled/);
});

spec("7.13 8.64 what is no label is refused", tsrunOnly, async () => {
  // The kernel takes a line break for "no label", and a quote would end the mount option.
  await refused(bundle({ process: { selinuxLabel: "\n" } }), /is not an SELinux label/);
  await refused(bundle({ linux: { mountLabel: 'x",size=1,y="' } }), /is not an SELinux label/);
});
