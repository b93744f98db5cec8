// Every option word of rules 6.04 to 6.06, seen at work in the container: on filesystems, on bind mounts, and on the trees of bind mounts.
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { facts, ok } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import type { Facts, Mount } from "../helpers/facts.ts";
import { oracle, spec } from "../helpers/spec.ts";

/**
 * What the kernel says of a mount; relatime is its default, and strictatime shows by the absence of both others. "ro" and "rw" are
 * the mount's: those of the filesystem are another matter.
 */
const shown = ({ options, superOptions }: Mount) => [...options, ...superOptions.filter((word) => word !== "ro" && word !== "rw")];

/** Words, and what they show (or, after a "!", do not show). */
type Case = readonly [words: string, expected: string];

function check(f: Facts, point: string, [words, expected]: Case): void {
  const seen = shown(f.mount(point));
  for (const word of expected.split(" ")) {
    const isThere = seen.includes(word.replace("!", ""));
    expect({ words, word, seen, isRight: isThere === !word.startsWith("!") }).toEqual({ words, word, seen, isRight: true });
  }
}

const ATTRIBUTES: readonly Case[] = [
  ["ro", "ro !rw"],
  ["ro rw", "rw !ro"],
  ["nosuid", "nosuid"],
  ["nosuid suid", "!nosuid"],
  ["nodev", "nodev"],
  ["nodev dev", "!nodev"],
  ["noexec", "noexec"],
  ["noexec exec", "!noexec"],
  ["noatime", "noatime !relatime"],
  ["noatime atime", "!noatime relatime"],
  ["nodiratime", "nodiratime"],
  ["nodiratime diratime", "!nodiratime"],
  ["relatime", "relatime !noatime"],
  ["norelatime", "relatime !noatime"],
  ["strictatime", "!relatime !noatime"],
  ["strictatime nostrictatime", "relatime !noatime"],
  ["nostrictatime", "relatime"],
  ["defaults", "rw relatime !nosuid !nodev !noexec !sync !dirsync !lazytime"],
];

const SUPERBLOCK: readonly Case[] = [
  ["sync", "sync"],
  ["sync async", "!sync"],
  ["dirsync", "dirsync"],
  ["lazytime", "lazytime"],
  ["lazytime nolazytime", "!lazytime"],
  ["silent", "rw"],
  ["silent loud", "rw"],
  ["iversion", "rw"],
  ["iversion noiversion", "rw"],
];

/** All of them in one container, each on a mount point of its own. */
async function withCases(cases: readonly Case[], mount: (options: string[]) => JsonObject): Promise<Facts> {
  const mounts = cases.map(([words], i) => ({ destination: `/mnt/${i}`, ...mount(words.split(" ")) }));
  return facts(bundle({ ...probe("mounts"), mounts: [...MOUNTS, ...mounts] }));
}

const tmpfs = (options: string[]): JsonObject => ({ type: "tmpfs", source: "t", options });

spec("6.04 words of the mount on a filesystem", oracle({ runc: "1.1 hands some of them to tmpfs", crun: "adds up what words undo" }), async () => {
  const f = await withCases(ATTRIBUTES, tmpfs);
  for (const [i, one] of ATTRIBUTES.entries()) check(f, `/mnt/${i}`, one);
});

spec("6.04 words of the filesystem: sync, dirsync, lazytime, iversion, silent and their opposites", oracle({ crun: "some are unknown" }), async () => {
  const f = await withCases(SUPERBLOCK, tmpfs);
  for (const [i, one] of SUPERBLOCK.entries()) check(f, `/mnt/${i}`, one);
});

spec("6.05 nosymfollow and symfollow", oracle({ crun: "unknown to 1.8" }), async () => {
  const cases: Case[] = [
    ["nosymfollow", "nosymfollow"],
    ["nosymfollow symfollow", "!nosymfollow"],
  ];
  const b = bundle();
  b.file("target", "seen\n");
  const mounts = cases.map(([words], i) => ({ destination: `/mnt/${i}`, ...tmpfs(words.split(" ")) }));
  const script = "for i in 0 1; do ln -s /target /mnt/$i/link; cat /mnt/$i/link 2> /dev/null || echo refused; done; cat /proc/self/mountinfo";
  b.link("bin/ln", "busybox");
  const f = await facts(b.rewrite({ process: { args: ["/bin/sh", "-c", `${script} | sed 's/^[0-9]/mount=&/'`] }, mounts: [...MOUNTS, ...mounts] }));
  expect(f.text.split("\n").slice(0, 2)).toEqual(["refused", "seen"]);
  for (const [i, one] of cases.entries()) check(f, `/mnt/${i}`, one);
});

spec("6.06 mand and nomand are understood, and mean nothing since Linux 5.15", oracle({ crun: "unknown to 1.8" }), async () => {
  const f = await withCases(
    [
      ["mand", "rw"],
      ["mand nomand", "rw !mand"],
    ],
    tmpfs,
  );
  check(f, "/mnt/1", ["mand nomand", "!mand"]);
  expect(f.mount("/mnt/0").type).toBe("tmpfs");
});

const ALL = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"];

/** A tree of two mounts on the host, below the bundle: a tmpfs on another. `options`: of both. It is gone afterwards. */
async function withTree(b: Bundle, name: string, options: string, body: (source: string) => Promise<void>): Promise<void> {
  const source = `${b.directory}/${name}`;
  mkdirSync(source);
  ok(await exec(["mount", "-t", "tmpfs", "tree", source]));
  try {
    mkdirSync(`${source}/sub`);
    ok(await exec(["mount", "-t", "tmpfs", "-o", options, "tree", `${source}/sub`]));
    ok(await exec(["mount", "-o", `remount,bind,${options}`, source]));
    await body(source);
  } finally {
    ok(await exec(["umount", "--recursive", source]));
  }
}

/** Binds of both trees: of one without options, and of one with all of them. */
async function withBinds(cases: readonly (readonly [tree: "plain" | "full", words: string, top: string, sub: string])[]): Promise<void> {
  const b = bundle(probe("mounts"));
  await withTree(b, "plain", "rw", (plain) =>
    withTree(b, "full", ALL.join(), async (full) => {
      const mounts = cases.map(([tree, words], i) => ({
        destination: `/mnt/${i}`,
        source: tree === "plain" ? plain : full,
        options: words.split(" "),
      }));
      const f = await facts(b.rewrite({ mounts: [...MOUNTS, ...mounts] }));
      for (const [i, [, words, top, sub]] of cases.entries()) {
        check(f, `/mnt/${i}`, [words, top]);
        if (sub === "") expect({ words, sub: f.mounts(`/mnt/${i}/sub`) }).toEqual({ words, sub: [] });
        else check(f, `/mnt/${i}/sub`, [words, sub]);
      }
    }),
  );
}

spec("6.04 bind takes the mount alone, rbind its tree; words without an r are those of the topmost mount", async () => {
  await withBinds([
    ["plain", "bind", "rw relatime", ""],
    ["plain", "rbind", "rw relatime", "rw relatime"],
    ["plain", "bind ro", "ro", ""],
    ["plain", "rbind ro nosuid nodev noexec", "ro nosuid nodev noexec", "rw !nosuid !nodev !noexec"],
    ["plain", "rbind noatime nodiratime", "noatime nodiratime", "relatime !nodiratime"],
    ["plain", "rbind strictatime", "!relatime !noatime", "relatime"],
  ]);
});

spec("6.04 what the words of a bind mount do not say stays as the source has it", oracle({ runc: "1.1 resets it", crun: "resets it" }), async () => {
  await withBinds([
    ["full", "rbind", ALL.join(" "), ALL.join(" ")],
    ["full", "rbind ro", ALL.join(" "), ALL.join(" ")],
  ]);
});

spec("6.04 words that undo what the source of a bind mount has", oracle({ runc: "1.1 clears nothing", crun: "clears nothing" }), async () => {
  const undone: readonly Case[] = [
    ["rw", "rw !ro"],
    ["suid", "!nosuid"],
    ["dev", "!nodev"],
    ["exec", "!noexec"],
    ["atime", "relatime !noatime"],
    ["diratime", "!nodiratime"],
    ["relatime", "relatime !noatime"],
    ["strictatime", "!relatime !noatime"],
    ["symfollow", "!nosymfollow"],
  ];
  await withBinds(undone.map(([word, top]) => ["full", `rbind ${word}`, top, ALL.join(" ")] as const));
});

spec("6.05 every recursive word is that of the whole tree", oracle({ runc: "1.1 fails on ratime", crun: "some are unknown" }), async () => {
  const set: readonly Case[] = [
    ["rro", "ro"],
    ["rnosuid", "nosuid"],
    ["rnodev", "nodev"],
    ["rnoexec", "noexec"],
    ["rnoatime", "noatime !relatime"],
    ["rnodiratime", "nodiratime"],
    ["rnosymfollow", "nosymfollow"],
    ["rstrictatime", "!relatime !noatime"],
  ];
  const cleared: readonly Case[] = [
    ["rrw", "rw !ro"],
    ["rsuid", "!nosuid nodev"],
    ["rdev", "!nodev nosuid"],
    ["rexec", "!noexec"],
    ["ratime", "!noatime relatime"],
    ["rrelatime", "!noatime relatime"],
    ["rnorelatime", "!noatime relatime"],
    ["rnostrictatime", "!noatime relatime"],
    ["rdiratime", "!nodiratime"],
    ["rsymfollow", "!nosymfollow"],
  ];
  await withBinds([
    ...set.map(([word, seen]) => ["plain", `rbind ${word}`, seen, seen] as const),
    ...cleared.map(([word, seen]) => ["full", `rbind ${word}`, seen, seen] as const),
    // The words of the topmost mount and of the tree are of different kinds, in either order.
    ["plain", "rbind rro rw", "ro", "ro"],
    ["plain", "rbind ro rrw", "rw", "rw"],
  ]);
});

spec("6.05 read-only trees are read-only for the program, and nosuid, noexec hold", async () => {
  const b = bundle();
  await withTree(b, "plain", "rw", async (source) => {
    ok(await exec(["cp", `${b.rootfs}/probe`, `${source}/sub/probe`]));
    const mounts = [
      { destination: "/mnt/ro", source, options: ["rbind", "rro"] },
      { destination: "/mnt/noexec", source, options: ["rbind", "rnoexec"] },
    ];
    const f = await facts(
      b.rewrite({
        ...probe("open:c,/mnt/ro/x", "open:c,/mnt/ro/sub/x", "open:x,/mnt/ro/sub/probe", "exec:/mnt/noexec/sub/probe"),
        mounts: [...MOUNTS, ...mounts],
      }),
    );
    expect([f.get("open:c,/mnt/ro/x"), f.get("open:c,/mnt/ro/sub/x")]).toEqual(["EROFS", "EROFS"]);
    expect([f.get("open:x,/mnt/ro/sub/probe"), f.get("exec:/mnt/noexec/sub/probe")]).toEqual(["ok", "EACCES"]);
  });
});

const REMOUNTS: readonly (readonly [first: string, then: string, expected: string])[] = [
  ["rw", "ro", "ro"],
  ["ro", "rw", "rw !ro"],
  ["size=1m", "size=2m", "size=2048k"],
  ["nosuid", "suid", "!nosuid"],
  ["rw", "nosuid nodev noexec", "nosuid nodev noexec"],
  ["relatime", "noatime", "noatime"],
  ["noatime", "strictatime", "!noatime !relatime"],
  ["rw", "sync lazytime", "sync lazytime"],
  ["sync", "async", "!sync"],
  ["lazytime", "nolazytime", "!lazytime"],
];

spec("6.04 remount changes a mount that is there, both ways", oracle({ runc: "1.1 hands some of them to tmpfs", crun: "another way" }), async () => {
  const mounts = REMOUNTS.flatMap(([first, then], i) => {
    const destination = `/mnt/${i}`;
    return [
      { destination, type: "tmpfs", source: "t", options: first.split(" ") },
      { destination, type: "tmpfs", source: "t", options: ["remount", ...then.split(" ")] },
    ];
  });
  const f = await facts(bundle({ ...probe("mounts"), mounts: [...MOUNTS, ...mounts] }));
  for (const [i, [first, then, expected]] of REMOUNTS.entries()) {
    check(f, `/mnt/${i}`, [`${first}, then ${then}`, expected]);
    expect(f.mounts(`/mnt/${i}`)).toHaveLength(1);
  }
});

spec("6.04 bind and remount change the mount and not its filesystem", async () => {
  const b = bundle(probe("mounts", "open:c,/mnt/a/x", "open:c,/mnt/b/y"));
  await withTree(b, "plain", "rw", async (source) => {
    const mounts = [
      { destination: "/mnt/a", source, options: ["bind"] },
      { destination: "/mnt/b", source, options: ["bind"] },
      { destination: "/mnt/a", source, options: ["bind", "remount", "ro", "nosuid"] },
    ];
    const f = await facts(b.rewrite({ mounts: [...MOUNTS, ...mounts] }));
    check(f, "/mnt/a", ["bind remount ro nosuid", "ro nosuid"]);
    expect([f.get("open:c,/mnt/a/x"), f.get("open:c,/mnt/b/y")]).toEqual(["EROFS", "ok"]);
    // "ro" of the mount only: its filesystem is the one of /mnt/b.
    expect(f.mount("/mnt/a").superOptions).toContain("rw");
  });
});

const PROPAGATION: readonly (readonly [word: string, top: RegExp, sub: RegExp])[] = [
  ["private", /^$/, /^shared:\d+$/],
  ["rprivate", /^$/, /^$/],
  ["slave", /^master:\d+$/, /^shared:\d+$/],
  ["rslave", /^master:\d+$/, /^master:\d+$/],
  ["shared", /^shared:\d+$/, /^shared:\d+$/],
  ["rshared", /^shared:\d+$/, /^shared:\d+$/],
  ["unbindable", /^unbindable$/, /^shared:\d+$/],
  ["runbindable", /^unbindable$/, /^unbindable$/],
];

spec("6.04 every word of propagation, on the topmost mount or on the tree of a source that the host shares", oracle({ crun: "loses some" }), async () => {
  const b = bundle(probe("mounts"));
  await withTree(b, "plain", "rw", async (source) => {
    ok(await exec(["mount", "--make-rshared", source]));
    const mounts = PROPAGATION.map(([word], i) => ({ destination: `/mnt/${i}`, source, options: ["rbind", word] }));
    // Without it the copies that the container binds would be slaves already.
    const f = await facts(b.rewrite({ linux: { rootfsPropagation: "shared" }, mounts: [...MOUNTS, ...mounts] }));
    for (const [i, [word, top, sub]] of PROPAGATION.entries()) {
      expect({ word, seen: f.mount(`/mnt/${i}`).propagation.join() }).toEqual({ word, seen: expect.stringMatching(top) });
      expect({ word, seen: f.mount(`/mnt/${i}/sub`).propagation.join() }).toEqual({ word, seen: expect.stringMatching(sub) });
    }
  });
});

spec(
  "6.09 words of mount(8) that are not the kernel's: x- names, auto, _netdev, user and its like",
  oracle({ runc: "1.1 hands them to tmpfs", crun: "hands them to tmpfs" }),
  async () => {
    const cases: readonly Case[] = [
      ["x-systemd.automount X-mount.mkdir x-gvfs-show", "rw"],
      ["_netdev auto noauto nofail", "rw"],
      ["nouser nousers noowner nogroup", "rw !nosuid"],
      ["user", "nosuid nodev noexec"],
      ["users exec", "nosuid nodev !noexec"],
      ["owner", "nosuid nodev !noexec"],
      ["group suid", "nodev !nosuid"],
      ["comment=anything", "rw"],
    ];
    const f = await withCases(cases, tmpfs);
    for (const [i, one] of cases.entries()) check(f, `/mnt/${i}`, one);
  },
);
