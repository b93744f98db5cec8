// What an image, or somebody who shares its root filesystem, might lead the runtime into.
import { expect } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { MOUNTS, NAMESPACES } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { withHolder } from "../helpers/holder.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

spec("8.12 a device that the image has gets the owner and the mode that are asked for", oracle({ runc: "leaves the mode", crun: "leaves both" }), async () => {
  const b = bundle(probe("stat:/devices/null", "stat:/devices/set-id"), {
    linux: {
      devices: [
        { path: "/devices/null", type: "c", major: 1, minor: 3, fileMode: 0o640, uid: 1, gid: 2 },
        { path: "/devices/set-id", type: "c", major: 1, minor: 3, fileMode: 0o6711, uid: 1, gid: 2 },
      ],
    },
  });
  b.dir("devices");
  for (const name of ["null", "set-id"]) ok(await exec(["mknod", "-m", "600", `${b.rootfs}/devices/${name}`, "c", "1", "3"]));
  const f = await facts(b);
  expect(f.get("stat:/devices/null")).toStartWith("char 0640 1:2 1:3 ");
  expect(f.get("stat:/devices/set-id")).toStartWith("char 6711 1:2 1:3 ");
});

spec("6.06 tmpcopyup keeps the capabilities of a file", needs("setcap"), oracle({ runc: "copies no attributes", crun: "copies no attributes" }), async () => {
  const b = bundle(probe("pause"), { mounts: [...MOUNTS, { destination: "/mnt", type: "tmpfs", source: "t", options: ["tmpcopyup"] }] });
  const file = b.file("mnt/program", "x", 0o755);
  ok(await exec(["chown", "5:6", file]));
  ok(await exec(["setcap", "cap_net_raw+ep", file]));
  const { pid } = await (await new Container(b).up()).state();
  const copy = `/proc/${pid}/root/mnt/program`;
  expect(ok(await exec(["getcap", copy])).stdout).toContain("cap_net_raw=ep");
  expect([lstatSync(copy).uid, lstatSync(copy).gid]).toEqual([5, 6]);
});

spec("7.01 a ptmx of the image is not opened for a terminal", tsrunOnly, async () => {
  for (const make of ["mkfifo -m 666 ptmx", ": > ptmx", "mknod -m 666 ptmx c 5 2"]) {
    const b = bundle({ process: { terminal: true }, mounts: [{ destination: "/proc", type: "proc", source: "proc" }] });
    ok(await exec(["sh", "-c", `cd ${b.dir("dev/pts")} && ${make}`]));
    fails(await new Container(b).run(), /open the terminal: fstatfs: ENXIO/);
  }
});

spec("8.07 the clock offsets are written to no procfs of a mount namespace that is joined", needs("timens"), tsrunOnly, async () => {
  const fake = "mount -t tmpfs tmpfs /proc && mkdir /proc/self && : > /proc/self/timens_offsets && chmod 666 /proc/self/timens_offsets";
  await withHolder(fake, async (patch, root) => {
    const b = bundle(patch);
    const { namespaces } = patch["linux"] as { namespaces: readonly { type: string; path?: string }[] };
    // Without the user namespace, whose root may write to nothing of this process.
    const joined = namespaces.filter(({ type }) => type !== "user");
    await refused(b.rewrite({ linux: { namespaces: [...joined, { type: "time" }], timeOffsets: { monotonic: { secs: 5 } } } }), /clock offsets.*EXDEV/);
    expect(readFileSync(`${root}/proc/self/timens_offsets`, "utf8")).toBe("");
  });
});

spec(
  "7.16 what --preserve-fds hands on is the program's, not the hooks'",
  needs("lowFds"),
  oracle({ runc: "hooks have it, and those of its own" }),
  async () => {
    const b = bundle(probe("fds"));
    const [inside, outside] = [`${b.directory}/inside`, `${b.directory}/outside`];
    const hook = (file: string) => ({ path: "/bin/sh", args: ["sh", "-c", `ls -l /proc/self/fd > ${file}`] });
    b.rewrite({ hooks: { createRuntime: [hook(outside)], createContainer: [hook(inside)] } });
    const run = [...COMMAND, "--root", ROOT, "run", "--preserve-fds", "1", "--bundle", b.directory, b.name];
    expect(ok(await exec(["sh", "-c", `exec "$@" 3< ${b.directory}/config.json`, "-", ...run])).stdout).toContain("fd=3 ");
    for (const file of [inside, outside]) expect(readFileSync(file, "utf8")).not.toContain("config.json");
  },
);

spec(
  "4.04 what a hook in the container has started ends with it when its time is over",
  oracle({ runc: "its children live on", crun: "its children live on" }),
  async () => {
    const b = bundle();
    const pids = `${b.directory}/pids`;
    const hook = { path: "/bin/sh", args: ["sh", "-c", `sleep 60 & echo $! > ${pids}; wait`], timeout: 1 };
    // In the host's pid namespace, which ends no process.
    await refused(b.rewrite({ hooks: { createContainer: [hook] }, linux: { namespaces: NAMESPACES.filter(({ type }) => type !== "pid") } }));
    const child = Number(readFileSync(pids, "utf8"));
    await until("the end of the hook's child", () => !existsSync(`/proc/${child}`) || readFileSync(`/proc/${child}/stat`, "utf8").includes(") Z "));
  },
);

spec("--pid-file follows no link that somebody has put beside it", tsrunOnly, async () => {
  const container = new Container(bundle(probe("pause")));
  const directory = `${container.bundle.directory}/pids`;
  mkdirSync(directory);
  writeFileSync(`${directory}/target`, "precious");
  symlinkSync("target", `${directory}/pid.new`);
  fails(await container.create({ flags: ["--pid-file", `${directory}/pid`] }), /ELOOP/);
  expect(readFileSync(`${directory}/target`, "utf8")).toBe("precious");
  expect(existsSync(`${directory}/pid`)).toBe(false);
});
