// What a container sees of its cgroups: a mount of type cgroup, with and without a cgroup namespace, read-only or not, on every layout.
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { isV2 } from "../helpers/cgroups.ts";
import { MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { ok } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { findCgroups } from "../helpers/leftovers.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { type Notes, needs, oracle, ROOT, spec } from "../helpers/spec.ts";
import { ranges, released, unprivileged } from "../helpers/unprivileged.ts";

const POINT = "/sys/fs/cgroup";
const UNIFIED = `${POINT}/unified`;
const OPTIONS = ["nosuid", "noexec", "nodev", "relatime"];

interface Layout {
  readonly name: string;
  readonly notes: Notes;
  /** A command that makes it of the machine's own, for its own mount namespace. */
  readonly prefix: readonly string[];
  /** A hierarchy that rules something, as the container sees it. */
  readonly inner: string;
  readonly v2: boolean;
}

const hybrid: Notes = { needs: [{ name: "a hybrid layout", ci: false, isThere: () => existsSync(UNIFIED) && !isV2("pids") }] };
const LAYOUTS: readonly Layout[] = [
  { name: "v2", notes: needs("cgroupV2"), prefix: [], inner: POINT, v2: true },
  { name: "hybrid", notes: hybrid, prefix: [], inner: `${POINT}/pids`, v2: false },
  {
    name: "v1",
    notes: needs("cgroupV1"),
    prefix: ["unshare", "--mount", "sh", "-c", `! test -d ${UNIFIED} || umount ${UNIFIED}; exec "$@"`, "-"],
    inner: `${POINT}/pids`,
    v2: false,
  },
];

const seeing = (inner: string) => probe("mounts", "cgroup", `ls:${inner}`, `read:${inner}/cgroup.procs`, `mkdir:${inner}/made`);

function withCgroupMount(base: Bundle, readonly: boolean, namespace: boolean): Bundle {
  return base.rewrite({
    mounts: [...MOUNTS, { destination: POINT, type: "cgroup", source: "cgroup", options: readonly ? [...OPTIONS, "ro"] : OPTIONS }],
    linux: { namespaces: namespace ? [...NAMESPACES, { type: "cgroup" }] : NAMESPACES },
  });
}

for (const { name, notes, prefix, inner, v2 } of LAYOUTS)
  for (const readonly of [true, false])
    for (const namespace of [true, false]) {
      const title = `8.33 the cgroup mount on ${name}, ${namespace ? "with" : "without"} a namespace, ${readonly ? "read-only" : "writable"}: its own cgroup alone`;
      spec(title, notes, oracle(v2 && !namespace ? { runc: "shows the host's whole tree", crun: "shows the host's whole tree" } : {}), async () => {
        const b = withCgroupMount(bundle(seeing(inner)), readonly, namespace);
        const f = new Facts(ok(await exec([...prefix, ...COMMAND, "--root", ROOT, "run", "--bundle", b.directory, b.name])).stdout);
        const mount = f.mount(inner);
        expect(mount.type).toBe(v2 ? "cgroup2" : "cgroup");
        expect(mount.options).toContain(readonly ? "ro" : "rw");
        for (const option of ["nosuid", "noexec", "nodev"]) expect(mount.options).toContain(option);
        // Without a namespace a part of the host's tree is mounted, and mountinfo says which.
        expect(mount.root).toEndWith(namespace ? "/" : b.name);
        const names = f.get(`ls:${inner}`).split(" ");
        // The root of a hierarchy has no events, or a release agent.
        expect(names.includes(v2 ? "cgroup.events" : "notify_on_release")).toBe(true);
        expect([names.includes("release_agent"), names.some((each) => each.includes("tsrun"))]).toEqual([false, false]);
        expect(f.get(`read:${inner}/cgroup.procs`).trim()).toMatch(/^\d+$/);
        expect(f.get(`mkdir:${inner}/made`)).toBe(readonly ? "EROFS" : "ok");
        if (namespace) for (const line of f.all("cgroup")) if (/^0::|pids/.test(line)) expect(line).toEndWith(":/");
        expect(findCgroups(b.name)).toEqual([]);
      });
    }

spec("on v1 alone a container has its limits, can be joined, and leaves nothing", needs("cgroupV1"), async () => {
  const prefix = LAYOUTS[2]?.prefix ?? [];
  const b = bundle(probe("pause"), { linux: { resources: { pids: { limit: 9 } } } });
  const run = (...words: string[]) => exec([...prefix, ...COMMAND, "--root", ROOT, ...words]);
  ok(await run("create", "--bundle", b.directory, b.name));
  ok(await run("start", b.name));
  const cgroups = ok(await run("exec", b.name, "/bin/cat", "/proc/self/cgroup")).stdout;
  expect(cgroups).toMatch(new RegExp(`:pids:.*${b.name}\n`));
  expect(cgroups).toMatch(/^0::(?!.*tsrun-t-)/m);
  ok(await run("delete", "--force", b.name));
  expect(findCgroups(b.name)).toEqual([]);
});

spec("CVE-2023-25809 without root the host's cgroups are not writable behind a read-only /sys", released, needs("cgroupV2"), async () => {
  const tries = [`mkdir ${POINT}/made`, `mkdir ${POINT}/user.slice/made`, `echo 0 > ${POINT}/cgroup.procs`, `echo 0 > ${POINT}/user.slice/cgroup.procs`];
  const { b, call } = await unprivileged(ranges, `${tries.join(" && echo written; ")} && echo written; grep ' ${POINT} ' /proc/self/mountinfo`);
  b.rewrite({
    mounts: [
      ...MOUNTS.filter(({ destination }) => destination === "/proc"),
      { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"] },
      { destination: POINT, type: "cgroup", source: "cgroup", options: [...OPTIONS, "ro"] },
    ],
  });
  const { stdout } = await call("run", "--bundle", b.directory, "r");
  expect(stdout).not.toContain("written");
  expect(stdout.trim().split("\n").at(-1)).toMatch(/ ro[ ,]/);
});

spec(
  "CVE-2023-25809 root of a user namespace cannot write the host's cgroups either",
  oracle({ runc: "shows the whole tree" }),
  released,
  needs("cgroupV2"),
  async () => {
    const { b, callAs } = await unprivileged({ linux: { uidMappings: undefined, gidMappings: undefined } }, `mkdir ${POINT}/made && echo written; ls ${POINT}`);
    b.rewrite({
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: POINT, type: "cgroup", source: "cgroup", options: OPTIONS },
      ],
      linux: { namespaces: [{ type: "pid" }, { type: "mount" }, { type: "ipc" }, { type: "uts" }, { type: "network" }] },
    });
    const nested = { prefix: ["unshare", "--user", "--map-root-user"], env: { USER: "tsrun-test" } };
    const { stdout } = await callAs(nested, "run", "--bundle", b.directory, "r");
    expect(stdout).toBe("");
  },
);
