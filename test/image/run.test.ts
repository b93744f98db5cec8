// tsrun run --image: from an image to a running container, and nothing left of it.
/// <reference types="bun" />
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { asUser } from "../helpers/as-user.ts";
import type { Member } from "./helpers/archive.ts";
import { addToIndex, type ImageSpec, makeLayout, writeImage, writeJson } from "./helpers/layout.ts";
import { INDEX } from "./helpers/read.ts";
import { busybox, IS_ROOT, newId, type Place, place, remains, TOOL_PATH, TSRUN } from "./helpers/running.ts";
import { scratch } from "./helpers/scratch.ts";
import { imageOk, ok, type Ran, REPOSITORY, run } from "./helpers/tool.ts";

setDefaultTimeout(60_000);
const at = scratch();
const rooted = test.if(IS_ROOT);
/** A PATH without a program that could run the image tool. */
const NO_NODE = { env: { PATH: "/nonexistent" } };

const EXECUTION = { Cmd: ["/bin/sh", "-c", "echo hello"], Env: ["PATH=/bin", "COLOR=green"] };

/** A layout with one image named "a": busybox, and these layers above it. */
function layout(spec: ImageSpec = {}, ...above: readonly Member[][]): string {
  return makeLayout(at("layout"), { name: "a", config: EXECUTION, layers: [busybox(), ...above], ...spec });
}

function out(ran: Ran): string {
  if (ran.code !== 0) throw new Error(`exit code ${ran.code}\n${ran.err}`);
  return ran.out;
}

async function until<T>(what: string, condition: () => T | undefined | false): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end; await Bun.sleep(10)) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
  }
  throw new Error(`waited in vain: ${what}`);
}

const layersOf = (p: Place) => readdirSync(`${p.store}/layers`).sort();

rooted("run --image: the image's program is run, and its exit code is the command's", async () => {
  const p = place();
  const image = layout();
  expect(out(await p.run(image))).toBe("hello\n");
  expect(out(await p.run(`${image}:a`))).toBe("hello\n");
  expect((await p.run(image, ["/bin/sh", "-c", "exit 7"])).code).toBe(7);
  expect((await p.run(image, ["/bin/sh", "-c", "sh -c 'kill -9 $$'; exit $?"])).code).toBe(137);
});

rooted("run --image: arguments replace Cmd, and Entrypoint stays; without --, flags are tsrun's", async () => {
  const p = place();
  const image = layout({ config: { ...EXECUTION, Entrypoint: ["/bin/echo", "entry"], Cmd: ["cmd", "-n"] } });
  expect(out(await p.run(image))).toBe("entry cmd -n\n");
  expect(out(await p.run(image, ["-x", "--image", "y z"]))).toBe("entry -x --image y z\n");
  expect(out(await p.tsrun(["run", newId(), "one", "--store", p.store, "two", "--image", image]))).toBe("entry one two\n");
  const refused = await p.tsrun(["run", "--image", image, "--store", p.store, newId(), "ls", "-l"]);
  expect(refused.err).toContain("unknown flag: -l");
});

rooted("run --image: environment, working directory, user by name with its groups", async () => {
  const p = place();
  const image = layout({ config: { ...EXECUTION, User: "web", WorkingDir: "/srv/www" } });
  const ran = out(
    await p.run(image, ["/bin/sh", "-c", "echo $COLOR $HOME; pwd; id -u; id -g; id -G; cat /proc/self/mountinfo | grep -c ' / overlay'; exit 0"]),
  );
  expect(ran.split("\n").slice(0, 5)).toEqual(["green /srv", "/srv/www", "1234", "1235", "1235 77"]);
  expect((await p.run(image, ["/bin/touch", "/etc/new"])).code).toBe(1);
});

rooted("run --image: a user that only an upper layer has", async () => {
  const p = place();
  const image = layout({ config: { ...EXECUTION, User: "late" } }, [{ path: "etc/passwd", content: "late:x:500:501::/home/late:/bin/sh\n" }]);
  expect(out(await p.run(image, ["/bin/id", "-u"]))).toBe("500\n");
});

rooted("run --image: what is written is gone at the end, and not in the store", async () => {
  const p = place();
  const image = layout({}, [{ path: "data/file", content: "old\n" }]);
  const script = "cat /data/file; ls /data; echo new > /data/file; echo more > /data/more; rm -r /etc; mkdir /etc; touch /top; chmod 700 /tmp";
  for (let i = 0; i < 2; i++) expect(out(await p.run(image, ["/bin/sh", "-c", script]))).toBe("old\nfile\n");
  const [base, upper] = [busybox().length > 0, layersOf(p)];
  expect(base).toBe(true);
  expect(upper.map((name) => readdirSync(`${p.store}/layers/${name}`).sort().join())).toContain("data");
});

rooted("run --image: whatever a container has made is removed", async () => {
  const p = place();
  // Deeper than any path can be long, names that are no text, directories that nobody may enter, links to elsewhere.
  const deep = "i=0; while [ $i -lt 600 ]; do mkdir deep-deep && cd -P deep-deep || exit 9; i=$((i+1)); done; echo $i";
  const script = `mkdir /a && cd /a; (${deep}); touch /a/$(echo -e '\\377\\n'); ln -s / /a/root; mkdir /a/b; touch /a/b/c; chmod 0 /a/b; ls -d /a/root/bin`;
  expect(out(await p.run(layout(), ["/bin/sh", "-c", script]))).toBe("600\n/a/root/bin\n");
  expect(remains(p)).toEqual([]);
});

rooted("run --image: the second run needs no image tool", async () => {
  const p = place();
  const image = layout({}, [{ path: "x", content: "x" }]);
  const refused = await p.run(image, [], NO_NODE);
  expect(refused.err).toContain("images need Node");
  expect(refused.code).toBe(1);
  expect(remains(p)).toEqual([]);
  expect(out(await p.run(image))).toBe("hello\n");
  expect(out(await p.run(image, [], NO_NODE))).toBe("hello\n");
  expect(out(await p.run(`${image}:a`, ["/bin/cat", "/x"], NO_NODE))).toBe("x");
  // Another name for the same image, in another layout.
  const copy = at("copy");
  await ok("cp", "-a", image, copy);
  await imageOk("tag", "--image", `${copy}:a`, "b");
  expect(out(await p.run(`${copy}:b`, [], NO_NODE))).toBe("hello\n");
});

rooted("run --image: images share the layers that they have in common", async () => {
  const p = place();
  const path = at("layout");
  const shared = [busybox(), [{ path: "one", content: "1\n" }]];
  makeLayout(
    path,
    { name: "a", config: EXECUTION, layers: shared },
    { name: "b", config: EXECUTION, layers: [...shared, [{ path: "two", content: "2\n" }]] },
    // The same layers in another order are other layers, but for the first.
    { name: "c", config: EXECUTION, layers: [busybox(), [{ path: "two", content: "2\n" }], [{ path: "one", content: "1\n" }]] },
  );
  expect(out(await p.run(`${path}:a`, ["/bin/cat", "/one"]))).toBe("1\n");
  const first = layersOf(p);
  const inodes = first.map((name) => statSync(`${p.store}/layers/${name}`).ino);
  expect(out(await p.run(`${path}:b`, ["/bin/cat", "/one", "/two"]))).toBe("1\n2\n");
  expect(layersOf(p).length).toBe(3);
  expect(first.map((name) => statSync(`${p.store}/layers/${name}`).ino)).toEqual(inodes);
  expect(out(await p.run(`${path}:c`, ["/bin/cat", "/one", "/two"]))).toBe("1\n2\n");
  expect(layersOf(p).length).toBe(5);
});

rooted("run --image: several first runs at once unpack the image once", async () => {
  const p = place();
  const image = layout({}, [{ path: "x", content: "x\n" }]);
  const script = 'cat /x; echo "$0" > /x; cat /x';
  const all = await Promise.all(["1", "2", "3", "4"].map((n) => p.run(image, ["/bin/sh", "-c", script, n])));
  expect(all.map(out)).toEqual(["1", "2", "3", "4"].map((n) => `x\n${n}\n`));
  expect(layersOf(p).length).toBe(2);
});

rooted("run --image: 40 layers, and 150", async () => {
  const p = place();
  for (const count of [40, 150]) {
    const above = Array.from({ length: count - 1 }, (_, i): Member[] => [
      { path: `l/${i}`, content: `${i}` },
      { path: "last", content: `${i}` },
      ...(i > 0 ? [{ path: `l/.wh.${i - 1}` }] : []),
    ]);
    expect(out(await p.run(layout({}, ...above), ["/bin/sh", "-c", "ls /l; cat /last"]))).toBe(`${count - 2}\n${count - 2}`);
  }
});

rooted("run --image: more layers than an overlay takes are unpacked into the bundle", async () => {
  const p = place();
  const above = Array.from({ length: 240 }, (_, i): Member[] => [{ path: "last", content: `${i}` }]);
  expect(out(await p.run(layout({}, ...above), ["/bin/cat", "/last"]))).toBe("239");
  expect(existsSync(`${p.store}/images`) ? readdirSync(`${p.store}/images`) : []).toEqual([]);
});

rooted("run --image: layers on one another are what unpack makes of them", async () => {
  const p = place();
  const image = layout(
    {},
    [
      { path: "./", mode: 0o751, uid: 5, gid: 6 },
      { path: "a/", mode: 0o700, uid: 1, mtime: 1000 },
      { path: "a/file", content: "file", mode: 0o4755, uid: 2, gid: 3, mtime: 1234.5, xattrs: { "user.x": "y" } },
      { path: "a/link", link: "file" },
      { path: "a/hard", link: "a/file", type: "1" },
      { path: "gone/x/y/z", content: "z" },
      { path: "opaque/" },
      { path: "opaque/old", content: "old" },
      { path: "turns/into/file", content: "x" },
      { path: "turned", content: "x" },
      { path: "usr/" },
      { path: "usr/lib/" },
      { path: "lib", link: "usr/lib" },
      { path: "pipe", type: "6" },
      { path: "device", type: "3", major: 1, minor: 3 },
    ],
    [
      { path: "a/hard2", link: "a/file", type: "1" },
      { path: "a/new", content: "n" },
      { path: ".wh.gone" },
      { path: "opaque/new", content: "new" },
      { path: "opaque/.wh..wh..opq" },
      { path: "turns", content: "a file now" },
      { path: "turned/" },
      { path: "turned/into/" },
      { path: "turned/into/directory", content: "x" },
      // Through the link of a lower layer.
      { path: "lib/libc.so", content: "c" },
      { path: "a/.wh.link" },
    ],
    [{ path: "gone/" }, { path: "gone/again", content: "x" }, { path: "device", content: "a file now" }, { path: "a/", mode: 0o711, uid: 9, mtime: 2000 }],
  );
  const id = await p.start(image, ["/bin/sleep", "100"]);
  const { rootfs } = JSON.parse(out(await p.tsrun(["state", id])));
  const bundle = at("bundle");
  await imageOk("unpack", "--image", image, bundle);
  // The root directory's own time is that of the run.
  const tree = (root: string) =>
    ok(
      "sh",
      "-c",
      `cd "$1" && stat -c "%a %u %g" . && find . -mindepth 1 -path ./dev -prune -o -path ./proc -prune -o -path ./sys -prune -o -printf '%P %y %m %U %G %T@ %l\\n' | sort`,
      "-",
      root,
    );
  const content = (root: string) => ok("sh", "-c", 'cd "$1" && find . -xdev -type f -exec sha256sum {} + | sort', "-", root);
  expect(await tree(rootfs)).toBe(await tree(`${bundle}/rootfs`));
  expect(await content(rootfs)).toBe(await content(`${bundle}/rootfs`));
  out(await p.tsrun(["delete", "--force", id]));
});

rooted("run --image --detach: state shows the bundle; delete removes it", async () => {
  const p = place();
  const image = layout();
  const id = await p.start(image, ["/bin/sh", "-c", "touch /started; exec sleep 100"]);
  const state = JSON.parse(out(await p.tsrun(["state", id])));
  expect(state.bundle).toStartWith(`${p.store}/containers/${id}-`);
  expect(state.status).toBe("running");
  expect(statSync(`${p.store}/containers`).mode & 0o777).toBe(0o700);
  await until("/started", () => existsSync(`${state.rootfs}/started`));
  expect(out(await p.tsrun(["exec", id, "/bin/ls", "/started"]))).toBe("/started\n");
  // A run beside it takes nothing of it away.
  expect(out(await p.run(image))).toBe("hello\n");
  expect(existsSync(`${state.rootfs}/started`)).toBe(true);
  expect((await p.tsrun(["delete", id])).err).toContain("not stopped");
  expect(existsSync(`${state.rootfs}/started`)).toBe(true);
  out(await p.tsrun(["kill", id, "KILL"]));
  await until("its end", () => Bun.spawnSync([TSRUN, "--root", p.root, "state", id]).stdout.toString().includes('"stopped"'));
  // Stopped and not deleted: a run keeps it.
  expect(out(await p.run(image))).toBe("hello\n");
  expect(existsSync(`${state.rootfs}/started`)).toBe(true);
  out(await p.tsrun(["delete", id]));
  expect(remains(p)).toEqual([]);
});

rooted("run --image --keep: the bundle stays until delete", async () => {
  const p = place();
  const id = newId();
  expect(out(await p.run(layout(), ["/bin/touch", "/kept"], { id, flags: ["--keep"] }))).toBe("");
  const { status, rootfs } = JSON.parse(out(await p.tsrun(["state", id])));
  expect(status).toBe("stopped");
  expect(existsSync(`${rootfs}/kept`)).toBe(true);
  out(await p.tsrun(["delete", id]));
  expect(remains(p)).toEqual([]);
});

rooted("run --image: a run that fails leaves nothing", async () => {
  const p = place();
  const image = layout();
  const broken = async (why: RegExp, ran: Promise<Ran>) => {
    const { code, err } = await ran;
    expect(err).toMatch(why);
    expect(code).toBe(1);
    expect(remains(p)).toEqual([]);
  };
  await broken(/no such file or directory/, p.run(image, ["/no/such/program"]));
  await broken(/invalid container id/, p.run(image, [], { id: "../x" }));
  await broken(/no image "b"/, p.run(`${image}:b`));
  await broken(/no image layout/, p.run(at("nothing")));
  const platforms = makeLayout(at("layout"));
  const other = writeImage(platforms, { config: EXECUTION, layers: [busybox()] });
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...other, platform: { os: "linux", architecture: "s390x" } }] };
  addToIndex(platforms, writeJson(platforms, index, INDEX));
  await broken(/it has linux\/s390x/, p.run(platforms));
  expect(out(await p.run(platforms, [], { flags: ["--platform", "linux/s390x"] }))).toBe("hello\n");
  expect(out(await p.run(platforms, [], { flags: ["--platform", "linux/s390x"], ...NO_NODE }))).toBe("hello\n");
  await broken(/no user "nobody-here"/i, p.run(layout({ config: { ...EXECUTION, User: "nobody-here" } })));
  await broken(/is no platform/, p.run(image, [], { flags: ["--platform", "../x"] }));
  const id = await p.start(image, ["/bin/sleep", "100"]);
  const taken = await p.run(image, [], { id });
  expect(taken.err).toContain("already exists");
  expect(readdirSync(`${p.store}/containers`).length).toBe(1);
  expect(JSON.parse(out(await p.tsrun(["state", id]))).status).toBe("running");
  out(await p.tsrun(["delete", "-f", id]));
});

rooted("run --image: a layer that is not what it says is never run, not even the second time", async () => {
  const p = place();
  const path = at("layout");
  makeLayout(path, {
    name: "a",
    config: EXECUTION,
    layers: [busybox(), { members: [{ path: "evil", content: "x" }], diffId: `sha256:${"1".repeat(64)}` }],
  });
  for (let i = 0; i < 2; i++) {
    const { code, err } = await p.run(path);
    expect(err).toContain("unpacks to");
    expect(code).toBe(1);
    expect(remains(p)).toEqual([]);
    expect(readdirSync(`${p.store}/images`)).toEqual([]);
  }
  expect(layersOf(p)).toEqual([]);
});

rooted("run --image: hostile layers reach nothing outside, and do not speak to overlayfs", async () => {
  const p = place();
  const outside = at("outside");
  mkdirSync(outside);
  const up = "../".repeat(20);
  for (const members of [
    [{ path: `${up}${outside.slice(1)}/x`, content: "x" }],
    [
      { path: "d", link: outside },
      { path: "d/x", content: "x" },
    ],
    [
      { path: "d", link: `${up}${outside.slice(1)}` },
      { path: "d/x", content: "x" },
    ],
    [{ path: "h", type: "1", link: `${up}etc/passwd` }],
  ] as Member[][]) {
    await p.run(layout({}, members));
    expect(readdirSync(outside)).toEqual([]);
    expect(remains(p)).toEqual([]);
  }
  // A whiteout as overlayfs has it, and its attributes: on the store they would hide or redirect what is below.
  const tricks: Member[][] = [
    [{ path: "etc/passwd", type: "3", major: 0, minor: 0 }],
    [{ path: "etc/", xattrs: { "trusted.overlay.opaque": "y" } }],
    [{ path: "etc/", xattrs: { "trusted.overlay.redirect": "/tmp" } }],
    [{ path: "etc/passwd", content: "", xattrs: { "trusted.overlay.metacopy": "" } }],
  ];
  for (const members of tricks) {
    const { code, out: text, err } = await p.run(layout({}, members), ["/bin/sh", "-c", "ls -d /etc/group"]);
    if (code !== 0) expect(err).toMatch(/etc/);
    else expect(text).toBe("/etc/group\n");
    expect(remains(p)).toEqual([]);
  }
});

rooted("run --image: an image with a device 0:0, which no layer of an overlay can have, is unpacked into the bundle", async () => {
  const p = place();
  const image = layout(
    {},
    [
      { path: "etc/mark", content: "below" },
      { path: "etc/other", content: "other" },
    ],
    [{ path: "etc/mark", type: "3", major: 0, minor: 0 }],
  );
  for (let i = 0; i < 2; i++)
    expect(out(await p.run(image, ["/bin/sh", "-c", "stat -c '%F %t:%T' /etc/mark; cat /etc/other"]))).toBe("character special file 0:0\nother");
  expect(readdirSync(`${p.store}/layers`)).toEqual([]);
});

rooted("run --image: a full store: nothing is left of the run", async () => {
  const image = layout();
  const mount = at("small");
  mkdirSync(mount);
  const tsrun = `${TSRUN} --root ${mount}/state run --store ${mount}/store --image ${image}`;
  // One run that fills the store, then one that finds no room for its own files, with all that there can be of it left.
  const script = `mount -t tmpfs -o size=6m none ${mount} && ${tsrun} one && dd if=/dev/zero of=${mount}/filler bs=1k 2>/dev/null
${tsrun} two; echo $?; ls -A ${mount}/store/containers; rm ${mount}/filler; ${tsrun} three`;
  const ran = await run(["unshare", "--mount", "sh", "-c", script], { env: { PATH: `${TOOL_PATH}:/usr/bin:/bin` } });
  expect(ran.out).toBe("hello\n1\nhello\n");
  expect(ran.err).toMatch(/^tsrun: cannot write the file ".*owner.json": write: ENOSPC/);
});

/** A PATH whose `node` says its version, then writes its pid to `started`, and takes its time. */
function slowNode(started: string): string {
  const folder = at("path");
  mkdirSync(folder);
  writeFileSync(`${folder}/node`, `#!/bin/sh\n[ "$1" = --version ] && exec echo v20.0.0\necho $$ > ${started}\nexec /bin/sleep 100\n`);
  chmodSync(`${folder}/node`, 0o755);
  return folder;
}

rooted("run --image: the next run removes what a killed one has left", async () => {
  const p = place();
  const image = layout();
  const argv = [TSRUN, "--root", p.root, "run", "--image", image, "--store", p.store];
  // Killed while the image tool is at work.
  const started = at("started");
  const unpacking = Bun.spawn([...argv, newId()], { env: { PATH: slowNode(started) } });
  const tool = await until("its image tool", () => existsSync(started) && Number(readFileSync(started, "utf8")));
  unpacking.kill("SIGKILL");
  await unpacking.exited;
  process.kill(tool, "SIGKILL");
  expect(remains(p).length).toBe(1);
  expect(out(await p.run(image))).toBe("hello\n");
  expect(remains(p)).toEqual([]);
});

rooted("run --image: the image tool ends with the run that has started it", async () => {
  const p = place();
  const image = layout();
  out(await p.run(image));
  // Somebody else is unpacking: the tool waits.
  const other = Bun.spawn(["flock", "--no-fork", `${p.store}/prepare.lock`, "/bin/sleep", "100"]);
  const waiting = Bun.spawn([TSRUN, "--root", p.root, "run", "--image", layout({}, [{ path: "x" }]), "--store", p.store, newId()], {
    env: { PATH: TOOL_PATH },
  });
  const tools = () => processesWith("prepare", p.store);
  await until("the image tool", () => tools().length > 0);
  waiting.kill("SIGKILL");
  await waiting.exited;
  await until("its end", () => tools().length === 0);
  other.kill("SIGKILL");
  await other.exited;
  expect(out(await p.run(image))).toBe("hello\n");
});

/** Whose command line has these words. */
function processesWith(...words: readonly string[]): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return words.every((word) => line.includes(word));
    } catch {
      return false;
    }
  });
}

rooted("run --image: a container outlives the kill of its run; delete --force removes all of it", async () => {
  const p = place();
  const image = layout();
  const id = newId();
  const argv = [TSRUN, "--root", p.root, "run", "--image", image, "--store", p.store];
  const running = Bun.spawn([...argv, id, "--", "/bin/sh", "-c", "touch /started; exec sleep 100"], { stdin: "ignore", env: { PATH: TOOL_PATH } });
  const rootfs = await until("the container's state", () => {
    const state = Bun.spawnSync([TSRUN, "--root", p.root, "state", id]);
    return state.exitCode === 0 && (JSON.parse(state.stdout.toString()).rootfs as string);
  });
  await until("/started", () => existsSync(`${rootfs}/started`));
  running.kill("SIGKILL");
  await running.exited;
  // It is in use still: a run beside it must not take it for a leftover.
  expect(out(await p.run(image))).toBe("hello\n");
  expect(out(await p.tsrun(["exec", id, "/bin/ls", "/started"]))).toBe("/started\n");
  out(await p.tsrun(["delete", "--force", id]));
  expect(remains(p)).toEqual([]);
});

rooted("run --image: a state that is gone (a restart of the machine) makes its bundle a leftover", async () => {
  const p = place();
  const image = layout();
  const id = await p.start(image, ["/bin/sleep", "100"]);
  const { pid } = JSON.parse(out(await p.tsrun(["state", id])));
  process.kill(pid, "SIGKILL");
  await until("its end", () => Bun.spawnSync([TSRUN, "--root", p.root, "state", id]).stdout.toString().includes('"stopped"'));
  const state = `${p.root}/${id}`;
  const kept = at("state");
  await ok("mv", state, kept);
  expect(out(await p.run(image))).toBe("hello\n");
  expect(remains(p)).toEqual([]);
  // For its cgroup.
  await ok("mv", kept, state);
  await p.tsrun(["delete", "--force", id]);
});

rooted("image store: ls lists, gc removes what no container uses, and the next run makes it again", async () => {
  const p = place();
  const [one, two] = [layout({}, [{ path: "one", content: "1\n" }]), layout({}, [{ path: "two", content: "2\n" }])];
  const id = await p.start(one, ["/bin/sleep", "100"]);
  expect(out(await p.run(two, ["/bin/cat", "/two"]))).toBe("2\n");
  const listed = JSON.parse(await imageOk("store", "ls", "--json", "--store", p.store));
  expect(listed.map(({ image, containers }: { image: string; containers: string[] }) => [image, containers.length]).sort()).toEqual(
    [
      [one, 1],
      [two, 0],
    ].sort(),
  );
  expect(layersOf(p).length).toBe(3);
  expect(await imageOk("store", "gc", "--dry-run", "--store", p.store)).toBe("1 layers and 1 images would be removed\n");
  expect(layersOf(p).length).toBe(3);
  expect(await imageOk("store", "gc", "--store", p.store)).toBe("1 layers and 1 images removed\n");
  expect(layersOf(p).length).toBe(2);
  expect(out(await p.tsrun(["exec", id, "/bin/cat", "/one"]))).toBe("1\n");
  expect(out(await p.run(one, ["/bin/cat", "/one"], NO_NODE))).toBe("1\n");
  expect(out(await p.run(two, ["/bin/cat", "/two"]))).toBe("2\n");
  out(await p.tsrun(["delete", "--force", id]));
  expect(await imageOk("store", "gc", "--store", p.store)).toBe("3 layers and 2 images removed\n");
  expect(layersOf(p)).toEqual([]);
});

rooted("image store: one that others could write to is refused", async () => {
  const p = place();
  mkdirSync(p.store);
  chmodSync(p.store, 0o755);
  const { code, err } = await p.run(layout());
  expect(err).toContain("is not private");
  expect(code).toBe(1);
  rmSync(p.store, { recursive: true });
});

rooted("run --image: where overlayfs has no overlayfs the image is unpacked into the bundle", async () => {
  const p = place();
  const image = layout({}, [{ path: "x", content: "x\n" }]);
  const id = newId();
  const base = at("overlay");
  // The store is on an overlay, which cannot be the upper directory of another one; in a mount namespace of its own.
  const script = `for d in lower upper work merged; do mkdir -p ${base}/$d; done
    mount -t overlay overlay -o lowerdir=${base}/lower,upperdir=${base}/upper,workdir=${base}/work ${base}/merged
    mkdir -m 700 ${base}/merged/store
    for i in 1 2; do ${TSRUN} --root ${p.root} run --image ${image} --store ${base}/merged/store ${id} -- /bin/sh -c 'cat /x; touch /y'; done
    ls ${base}/merged/store/containers ${base}/merged/store/half-done`;
  const ran = await run(["unshare", "--mount", "sh", "-ec", script]);
  expect(ran.err).toBe("");
  expect(ran.out).toBe(`x\nx\n${base}/merged/store/containers:\n\n${base}/merged/store/half-done:\n`);
});

rooted("run --image: a terminal when there is one on standard input and output", async () => {
  const p = place();
  const image = layout();
  expect(out(await p.run(image))).toBe("hello\n");
  const command = (more: string) => `${TSRUN} --root ${p.root} run --image ${image} --store ${p.store} ${newId()} -- /bin/sh -c 'tty; echo $TERM' ${more}`;
  // script(1) has an end of file to pass on, and the terminal echoes it.
  const shown = (await ok("script", "-qec", command(""), "/dev/null")).replaceAll("^@", "").replaceAll("^D\b\b", "");
  expect(shown).toBe("/dev/pts/0\r\nxterm\r\n");
  expect(await ok("script", "-qec", command("| cat"), "/dev/null")).toStartWith("not a tty");
});

rooted("run --image: wrong command lines", async () => {
  const p = place();
  const image = layout();
  const words = async (...args: string[]) => {
    const { code, err } = await p.tsrun(["run", ...args]);
    expect(code).toBe(1);
    return err;
  };
  expect(await words("--image", image, "--bundle", "/b", "x")).toContain("--bundle and --image");
  expect(await words("x", "ls")).toContain("needs --image");
  expect(await words("--platform", "linux/amd64", "x")).toContain("--platform needs --image");
  expect(await words("--store", "/s", "x")).toContain("--store needs --image");
  expect(await words("--image", "", "x")).toContain("names no image layout");
  expect(await words("--image", image, "--store", "/", "x")).toContain("--store must be a directory");
  expect((await p.tsrun(["spec", "--platform", "linux/amd64"])).err).toContain("--platform needs --image");
});

/** Runs as a user without privileges, on copies of the programs and of the image that he can read. */
rooted("run --image: without root the image is unpacked into the bundle, with a user namespace", async () => {
  const UID = 21600;
  const home = at("home");
  mkdirSync(home);
  const image = makeLayout(`${home}/layout`, {
    name: "a",
    config: EXECUTION,
    layers: [busybox(), [{ path: "x", content: "x\n", uid: 5, gid: 6 }]],
  });
  await ok("bash", `${REPOSITORY}/scripts/install-system.sh`, "--prefix", `${home}/prefix`);
  mkdirSync(`${home}/run`);
  await ok("chown", "-R", `${UID}:${UID}`, home);
  chmodSync(home.slice(0, home.lastIndexOf("/")), 0o755);
  const user = asUser(UID, { HOME: home, PATH: process.env["PATH"] ?? "", XDG_RUNTIME_DIR: `${home}/run` });
  const command = ["/bin/sh", "-c", "id -u; cat /x; touch /y /z; mkdir /d; touch /d/e; chmod 0 /d; cat /proc/self/uid_map"];
  for (let i = 0; i < 2; i++) {
    const ran = await run([...user, `${home}/prefix/bin/tsrun`, "run", "--image", image, newId(), "--", ...command]);
    expect(ran.err).toBe("");
    expect(ran.out.split("\n").map((line) => line.trim().split(/\s+/).join(" "))).toEqual(["0", "x", `0 ${UID} 1`, ""]);
    expect(readdirSync(`${home}/.local/share/tsrun/containers`)).toEqual([]);
  }
  expect(lstatSync(`${home}/.local/share/tsrun`).mode & 0o777).toBe(0o700);
  expect(readFileSync(`${image}/oci-layout`, "utf8")).toContain("1.0.0");
});
