// Makes bundles: a private directory with config.json and a rootfs that holds the probe and busybox.
/// <reference types="bun" />
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { type Json, type JsonObject, merge, STANDARD, stringify } from "./config.ts";
import { BUILD } from "./runtime.ts";

const BUSYBOX = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path));
const APPLETS = ["sh", "cat", "ls", "true", "false", "sleep", "id", "echo", "mkdir", "touch", "env", "mount", "sha256sum"];
const DIRECTORIES = ["bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sys", "tmp", "usr", "var"];

/** Name of the directory below each cgroup hierarchy that holds the containers of the tests. */
export const CGROUP_PARENT = "/tsrun-test";

export interface Bundle {
  readonly directory: string;
  readonly rootfs: string;
  /** Unique on the machine: part of the directory's, the container's and the cgroup's names. */
  readonly name: string;
  readonly config: JsonObject;
  /** Writes config.json anew with more changes. */
  readonly rewrite: (patch: JsonObject) => Bundle;
  /** Makes a file (and its directories) in the rootfs; returns its host path. */
  readonly file: (path: string, content?: string, mode?: number) => string;
  readonly dir: (path: string, mode?: number) => string;
  readonly link: (path: string, target: string) => string;
}

const prefix = `tsrun-t-${process.pid.toString(36)}${(Date.now() % 46656).toString(36)}`;
let count = 0;

function makeRootfs(rootfs: string): void {
  for (const directory of DIRECTORIES) mkdirSync(`${rootfs}/${directory}`, { recursive: true });
  chmodSync(`${rootfs}/tmp`, 0o1777);
  copyFileSync(`${BUILD}/probe`, `${rootfs}/probe`);
  chmodSync(`${rootfs}/probe`, 0o755);
  if (BUSYBOX !== undefined) {
    copyFileSync(BUSYBOX, `${rootfs}/bin/busybox`);
    chmodSync(`${rootfs}/bin/busybox`, 0o755);
    for (const applet of APPLETS) symlinkSync("busybox", `${rootfs}/bin/${applet}`);
  }
  writeFileSync(`${rootfs}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n");
  writeFileSync(`${rootfs}/etc/group`, "root:x:0:\nuser:x:1000:\n");
}

/** args as a shorthand: probe words. */
export function probe(...words: string[]): JsonObject {
  return { process: { args: ["/probe", ...words] } };
}

/** A bundle with the standard config, changed by the patches one after the other. */
export function bundle(...patches: JsonObject[]): Bundle {
  const name = `${prefix}-${++count}`;
  const directory = mkdtempSync(`${tmpdir()}/${name}-`);
  chmodSync(directory, 0o755);
  const rootfs = `${directory}/rootfs`;
  makeRootfs(rootfs);
  const base = merge(STANDARD, { linux: { cgroupsPath: `${CGROUP_PARENT}/${name}` } });
  const at = (path: string) => {
    const full = `${rootfs}/${path}`;
    mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    return full;
  };
  const write = (config: JsonObject): Bundle => {
    writeFileSync(`${directory}/config.json`, stringify(config));
    return {
      directory,
      rootfs,
      name,
      config,
      rewrite: (patch) => write(merge(config, patch)),
      file: (path, content = "", mode = 0o644) => {
        const full = at(path);
        writeFileSync(full, content);
        chmodSync(full, mode);
        return full;
      },
      dir: (path, mode = 0o755) => {
        const full = at(`${path}/x`).slice(0, -2);
        chmodSync(full, mode);
        return full;
      },
      link: (path, target) => {
        const full = at(path);
        symlinkSync(target, full);
        return full;
      },
    };
  };
  const made = write(patches.reduce(merge, base));
  track(made);
  return made;
}

/** Reads an array of the config, to append to it. */
export function list(config: JsonObject, ...path: string[]): readonly Json[] {
  let at: Json | undefined = config;
  for (const key of path) at = typeof at === "object" && at !== null && !Array.isArray(at) ? (at as JsonObject)[key] : undefined;
  return Array.isArray(at) ? at : [];
}

const made: Bundle[] = [];
function track(one: Bundle): void {
  made.push(one);
}

/** The bundles made since the last call: the clean-up after each test takes them. */
export function takeBundles(): Bundle[] {
  return made.splice(0);
}
