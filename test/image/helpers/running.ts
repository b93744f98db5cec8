// Images that run: a static busybox in a layer, `tsrun run --image` on private directories, and nothing left behind.
/// <reference types="bun" />
import { afterAll, afterEach, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import type { Member } from "./archive.ts";
import { scratch } from "./scratch.ts";
import { type Ran, REPOSITORY, type RunOptions, run } from "./tool.ts";

export const TSRUN = `${REPOSITORY}/dist/tsrun`;
export const IS_ROOT = process.geteuid?.() === 0;
const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path)) ?? "/bin/busybox";
const APPLETS = ["sh", "cat", "echo", "env", "id", "ls", "pwd", "sleep", "touch", "rm", "mkdir", "stat", "find", "kill", "tty", "ln", "true", "mount", "chmod"];

/** The first layer of every image here. */
export function busybox(): Member[] {
  return [
    { path: "bin/" },
    { path: "bin/busybox", content: readFileSync(BUSYBOX), mode: 0o755 },
    ...APPLETS.map((applet): Member => ({ path: `bin/${applet}`, link: "busybox" })),
    ...["etc/", "proc/", "dev/", "sys/", "tmp/"].map((path): Member => ({ path, mode: path === "tmp/" ? 0o1777 : 0o755 })),
    { path: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\nweb:x:1234:1235:web:/srv:/bin/sh\n" },
    { path: "etc/group", content: "root:x:0:\nweb:x:1235:\nlogs:x:77:web\n" },
  ];
}

/** A store and a state directory; `run` is `tsrun run --image` with them. */
export interface Place {
  readonly root: string;
  readonly store: string;
  readonly tsrun: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** `tsrun run --image IMAGE FLAGS ID -- COMMAND`, with an id of its own. */
  readonly run: (image: string, command?: readonly string[], options?: PlaceOptions) => Promise<Ran>;
  /** The same with --detach: the id. The container keeps its streams, so they are no pipes. */
  readonly start: (image: string, command: readonly string[], options?: PlaceOptions) => Promise<string>;
}

export interface PlaceOptions extends RunOptions {
  readonly flags?: readonly string[];
  readonly id?: string;
}

const at = scratch();

/** Where tsrun finds the program that runs the image tool: Bun alone with TSRUN_IMAGE_HOST=bun. */
function toolPath(): string {
  if (process.env["TSRUN_IMAGE_HOST"] !== "bun") return process.env["PATH"] ?? "";
  const folder = at("bun");
  mkdirSync(folder);
  symlinkSync(process.execPath, `${folder}/bun`);
  return folder;
}

export const TOOL_PATH = toolPath();
const places: Place[] = [];
let count = 0;

export function newId(): string {
  return `img-${process.pid}-${++count}`;
}

export function place(directory = at("place")): Place {
  const root = `${directory}/state`;
  const store = `${directory}/store`;
  const tsrun = (args: readonly string[], options: RunOptions = {}) =>
    run([TSRUN, "--root", root, ...args], { ...options, env: { PATH: TOOL_PATH, ...options.env } });
  const made: Place = {
    root,
    store,
    tsrun,
    run: (image, command = [], { flags = [], id = newId(), ...options } = {}) =>
      tsrun(["run", "--image", image, "--store", store, ...flags, id, ...(command.length === 0 ? [] : ["--", ...command])], options),
    start: async (image, command, { flags = [] } = {}) => {
      const id = newId();
      const errors = at("errors");
      const child = Bun.spawn([TSRUN, "--root", root, "run", "--detach", "--image", image, "--store", store, ...flags, id, "--", ...command], {
        env: { PATH: TOOL_PATH },
        stdin: "ignore",
        stdout: "ignore",
        stderr: Bun.file(errors),
      });
      if ((await child.exited) !== 0) throw new Error(readFileSync(errors, "utf8"));
      return id;
    },
  };
  mkdirSync(directory, { recursive: true });
  places.push(made);
  return made;
}

/** What a place has besides layers and images: containers, what is half done, mounts. */
export function remains({ root, store }: Place): string[] {
  const list = (path: string) => (existsSync(path) ? readdirSync(path).map((name) => `${path}/${name}`) : []);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${store}/`));
  return [...list(root).filter((path) => !path.endsWith("/~seccomp")), ...list(`${store}/containers`), ...list(`${store}/half-done`), ...mounts];
}

// Every test leaves nothing.
afterEach(async () => {
  for (const one of places) {
    const left = remains(one);
    for (const id of existsSync(one.root) ? readdirSync(one.root) : []) if (id !== "~seccomp") await one.tsrun(["delete", "--force", id]);
    expect(left).toEqual([]);
  }
});

afterAll(() => {
  for (const { root, store } of places) for (const path of [root, store]) rmSync(path, { recursive: true, force: true });
});
