// The rules that need a look at this machine.
import { SystemError } from "../errors.ts";
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { confinementProblems, mountLabelProblems } from "./lsm-rules.ts";
import { bindsOverProc } from "./rules/mounts.ts";
import type { Problem } from "./rules.ts";

const ENOENT = 2;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const PROC_SUPER_MAGIC = 0x9fa0;

export function hostProblems(config: Config, dir: string, rootfs: string): Problem[] {
  return [...rootProblems(rootfs), ...procProblems(config, dir), ...confinementProblems(config), ...mountLabelProblems(config)];
}

function procProblems(config: Config, dir: string): Problem[] {
  const problems: Problem[] = [];
  for (const { index, source } of bindsOverProc(config)) {
    // CVE-2019-19921: what is written to /proc/self/attr must not end up in a file of the image's author.
    if (sys.fs_magic(absolutePath(source, dir)) === PROC_SUPER_MAGIC) continue;
    problems.push({ pointer: `/mounts/${index}`, message: `"${source}" cannot be mounted at /proc because it is not a proc filesystem` });
  }
  return problems;
}

/** Spec 5.02: it must be there, and be a directory. */
function rootProblems(rootfs: string): Problem[] {
  const mode = sys.stat_mode(rootfs);
  const pointer = "/root/path";
  if (mode === -ENOENT)
    return [{ pointer, message: `the root filesystem "${rootfs}" does not exist`, hint: "a relative path counts from the bundle directory" }];
  if (mode < 0) throw new SystemError("look at the root filesystem", rootfs, "stat", -mode, { pointer });
  return (mode & S_IFMT) === S_IFDIR ? [] : [{ pointer, message: `the root filesystem "${rootfs}" is not a directory` }];
}

export function absolutePath(path: string, dir: string): string {
  return path.startsWith("/") ? path : `${dir}/${path}`;
}
