// Whiteouts: removes what lower layers have put somewhere, and keeps what this layer has put there before its whiteout came.
import { check, SystemError } from "../../errors.ts";
import { native } from "../native.ts";
import { type Raw, shown } from "../raw.ts";
import type { DirectoryId, Names } from "./names.ts";

const KIND = 0o170000;
const DIRECTORY = 0o040000;
const LINK = 0o120000;
/** Below it, each level has an open descriptor. */
const MOST_DEPTH = 500;
/** Of directories that an archive has no entry of. */
export const IMPLICIT_MODE = 0o755;

export const isDirectory = (mode: number) => (mode & KIND) === DIRECTORY;
/** Names may lead through it. */
export const isOnTheWay = (mode: number) => isDirectory(mode) || (mode & KIND) === LINK;

/** Of a directory, which may have a million. They may be removed meanwhile; the descriptor must not be asked for others. */
export function* namesIn(fd: number): Generator<Raw> {
  for (let isFirst = 1; ; isFirst = 0) {
    const list = native.list_dir(fd, isFirst);
    if (typeof list === "number") throw new SystemError("read a directory of", "the image", "getdents64", -list);
    if (list.length === 0) return;
    yield* list.toString("latin1").split("\0").slice(0, -1) as Raw[];
  }
}

/** Whether anything was kept. */
export function hide(fd: number, id: DirectoryId, name: Raw, ours: Names, depth = 0): boolean {
  if (ours.size === 0) {
    remove(fd, name);
    return false;
  }
  const isOurs = ours.has(id, name);
  const mode = check(native.stat_at(fd, name), "look at", shown(name), "fstatat");
  const keeps = isDirectory(mode) ? hideIn(fd, name, isOurs, ours, depth) : isOurs;
  if (!keeps) remove(fd, name);
  return keeps;
}

export function remove(fd: number, name: Raw): void {
  check(native.remove(fd, name), "remove", shown(name), "unlinkat");
}

function hideIn(fd: number, name: Raw, isOurs: boolean, ours: Names, depth: number): boolean {
  if (depth > MOST_DEPTH) throw new RangeError("directories are nested too deeply for a whiteout");
  const child = check(native.open_child(fd, name), "open", shown(name), "openat");
  try {
    const id = { inodeHigh: native.out(1), inodeLow: native.out(2) };
    const [seconds, nanoseconds, mode] = [native.out(3), native.out(4), native.out(5)];
    let keeps = isOurs;
    for (const one of namesIn(child)) keeps = hide(child, id, one, ours, depth + 1) || keeps;
    if (isOurs) {
      native.set_mode(child, mode & 0o7777);
      native.set_times(child, seconds, nanoseconds);
    } else if (keeps) {
      // It is there as if made for what is in it: with the whiteout first, that is what would have happened.
      native.clear_xattrs(child);
      native.set_owner(child, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
      native.set_mode(child, IMPLICIT_MODE);
    }
    return keeps;
  } finally {
    native.close(child);
  }
}
