// Id-mapped mounts that are no bind mounts: new filesystems, and what the kernel cannot do.
// Linux 6.12 and 6.18 have them for tmpfs, hugetlbfs and those on a block device (ext4, xfs, btrfs, ...), not for ramfs, devpts, mqueue, proc,
// sysfs, cgroup and overlay.
import { expect } from "bun:test";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { facts, refused } from "../helpers/container.ts";
import { withUserNamespace } from "../helpers/holder.ts";
import { needs, oracle, spec, tsrunOnly } from "../helpers/spec.ts";

const peers = oracle({ runc: "1.1 passes the mappings over", crun: "1.8 takes the source for a file" });
const mapped = (hostID: number, size = 1000): JsonObject => {
  const map = [{ containerID: 0, hostID, size }];
  return { uidMappings: map, gidMappings: map };
};
const withMount = (mount: JsonObject, ...patches: JsonObject[]): Bundle =>
  bundle(probe("stat:/mnt", "stat:/mnt/file", "mounts"), { mounts: [...MOUNTS, { destination: "/mnt", source: "x", ...mount }] }, ...patches);
const USER: JsonObject = { linux: { namespaces: [...NAMESPACES, { type: "user" }], ...mapped(100000, 65536), sysctl: undefined } };

function owned(b: Bundle, id: number): Bundle {
  Bun.spawnSync(["chown", "-R", "--no-dereference", `${id}:${id}`, b.rootfs]);
  return b;
}

spec("6.07 6.08 a new tmpfs with mappings is id-mapped: what is root's in it is another's", peers, async () => {
  const f = await facts(withMount({ type: "tmpfs", ...mapped(1000) }));
  expect(f.get("stat:/mnt")).toContain(" 1000:1000 ");
  expect(f.mount("/mnt").options).toContain("idmapped");
});

spec("6.08 several id-mapped mounts, binds among them, and cgroups shown in between", tsrunOnly, async () => {
  const b = withMount({});
  b.file("source/file");
  const bind = (name: string, id: number) => ({ destination: `/mnt/${name}`, source: b.rootfs, options: ["bind", "idmap"], ...mapped(id) });
  const tmpfs = (name: string, id: number) => ({ destination: `/mnt/${name}`, type: "tmpfs", source: "x", ...mapped(id) });
  const cgroups = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] };
  const mounts = [...MOUNTS, bind("a", 1000), tmpfs("b", 2000), cgroups, bind("c", 3000), tmpfs("d", 4000)];
  const f = await facts(b.rewrite({ ...probe("stat:/mnt/a", "stat:/mnt/b", "stat:/mnt/c", "stat:/mnt/d"), mounts }));
  for (const [name, id] of [
    ["a", 1000],
    ["b", 2000],
    ["c", 3000],
    ["d", 4000],
  ])
    expect(f.get(`stat:/mnt/${name}`)).toContain(` ${id}:${id} `);
});

spec("6.08 what tmpcopyup puts into it is mapped as well", tsrunOnly, async () => {
  const b = withMount({ type: "tmpfs", options: ["tmpcopyup"], ...mapped(1000) });
  b.file("mnt/file");
  expect((await facts(b)).get("stat:/mnt/file")).toContain(" 1000:1000 ");
});

spec("6.07 idmap: a new filesystem has the mapping of the container's user namespace", needs("userns"), peers, async () => {
  for (const option of ["idmap", "ridmap"]) {
    const b = owned(withMount({ type: "tmpfs", options: [option] }, USER), 100000);
    expect((await facts(b)).get("stat:/mnt")).toContain(" 0:0 ");
  }
});

spec("6.08 mappings of a new filesystem win over those of the container's user namespace", needs("userns"), peers, async () => {
  const b = owned(withMount({ type: "tmpfs", options: ["idmap"], ...mapped(101000) }, USER), 100000);
  expect((await facts(b)).get("stat:/mnt")).toContain(" 1000:1000 ");
});

spec("6.07 idmap takes the mapping of a user namespace that is joined", needs("userns"), peers, () =>
  withUserNamespace("allow", async (path) => {
    const joined = { linux: { namespaces: [...NAMESPACES, { type: "user", path }], sysctl: undefined } };
    const b = withMount({ options: ["bind", "idmap"] }, joined);
    b.file("../source/file");
    // Its ids are those of the host.
    const f = await facts(b.rewrite({ mounts: [...MOUNTS, { destination: "/mnt", source: `${b.directory}/source`, options: ["bind", "idmap"] }] }));
    expect(f.get("stat:/mnt/file")).toContain(" 0:0 ");
    expect(f.mount("/mnt").options).toContain("idmapped");
  }),
);

spec("6.11 a filesystem that the kernel cannot id-map is an error that says so", peers, async () => {
  for (const type of ["ramfs", "mqueue"]) {
    const result = await refused(withMount({ type, ...mapped(1000) }), /mount_setattr: EINVAL/);
    expect(result.stderr).toContain(`#/mounts/${MOUNTS.length}`);
    expect(result.stderr).toContain(`hint: the kernel may have no id-mapped mounts of "${type}"`);
  }
});

spec("6.07 what is mounted already, cgroups, and iversion cannot be id-mapped", tsrunOnly, async () => {
  for (const [mount, words] of [
    [{ destination: "/dev", options: ["remount", "rw"] }, /there already cannot be id-mapped/],
    [{ destination: "/dev", options: ["rshared", "idmap"] }, /there already cannot be id-mapped/],
    [{ type: "cgroup" }, /cgroups cannot be id-mapped/],
    [{ type: "tmpfs", options: ["iversion"] }, /do not go with an id-mapped mount/],
  ] as const)
    await refused(withMount({ ...mount, ...mapped(1000) }), words);
});
