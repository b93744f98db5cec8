// The state directory: <root>/<id>/ with state.json, config.json and start.sock. Ids are checked before any path is made of them.
import { check, checkText, StateError } from "../errors.ts";
import { O_PATH, sys } from "../sys.ts";
import type { StateRecord } from "./record.ts";

const EEXIST = 17;
const ENOENT = 2;
const ENOTDIR = 20;
const LOCK_TIMEOUT_MS = 30_000;

/** runc's rule for ids, and a length that every file system takes. */
export function checkId(id: string): string {
  if (!/^[\w+.-]+$/.test(id) || id === "." || id === ".." || id.length > 1024) {
    throw new StateError("TS4001", `invalid container id: ${JSON.stringify(id.slice(0, 80))}`, {
      hint: "an id has letters, digits and _ + - . only, and is not . or ..",
    });
  }
  return id;
}

export function directoryOf(root: string, id: string): string {
  return `${root}/${checkId(id)}`;
}

/** The directory of a container that is being made. */
export interface Claim {
  readonly directory: string;
  /** Takes it back. After a delete by force has removed it, another create may have the id: that one's directory stays. */
  readonly remove: () => void;
}

/** Makes the container's directory; that it is new is what makes the id unique (spec 2.02, 3.02). */
export function claim(root: string, id: string): Claim {
  const directory = directoryOf(root, id);
  let made = sys.mkdir(directory, 0o700);
  if (made === -ENOENT) {
    makeDirectories(root, 0o700);
    made = sys.mkdir(directory, 0o700);
  }
  if (made === -EEXIST) {
    throw new StateError("TS4002", `container with given ID already exists: "${id}"`, { hint: `use another id, or "tsrun delete ${id}"` });
  }
  check(made, "make the container's directory", directory, "mkdir");
  const fd = sys.open(directory, O_PATH, 0);
  if (fd < 0) sys.rmdir(directory);
  check(fd, "open the container's directory", directory, "open");
  return {
    directory,
    remove: () => {
      if (isStillAt(directory, fd)) remove(directory);
    },
  };
}

/** With its missing parents; `mode` is the last one's. */
export function makeDirectories(directory: string, mode: number): void {
  for (let slash = directory.indexOf("/", 1); ; slash = directory.indexOf("/", slash + 1)) {
    const path = slash < 0 ? directory : directory.slice(0, slash);
    const made = sys.mkdir(path, slash < 0 ? mode : 0o755);
    if (made < 0 && made !== -EEXIST) check(made, "make the directory", path, "mkdir");
    if (slash < 0) return;
  }
}

export function doesNotExist(id: string): StateError {
  return new StateError("TS4003", `container does not exist: "${id}"`, {
    hint: 'see "tsrun list"; --root must be the one that the container was created with',
  });
}

/**
 * The record of a container, or undefined when there is none: a half made one has no record, and one that a crash of the machine has cut
 * is as good as none. Neither keeps the others from being listed; delete --force removes it.
 */
export function find(root: string, id: string): StateRecord | undefined {
  const path = `${directoryOf(root, id)}/state.json`;
  const text = sys.read_text(path);
  if (text === -ENOENT || text === -ENOTDIR) return undefined;
  return parseRecord(checkText(text, "read the container's state", path, "open"));
}

function parseRecord(text: string): StateRecord | undefined {
  try {
    return (JSON.parse(text) as StateRecord | null) ?? undefined;
  } catch {
    return undefined;
  }
}

export function load(root: string, id: string): StateRecord {
  const record = find(root, id);
  if (record === undefined) throw doesNotExist(id);
  return record;
}

export function listIds(root: string): string[] {
  const names = sys.read_dir(root);
  if (names === -ENOENT) return [];
  return checkText(names, "list the state directory", root, "open")
    .split("\0")
    .filter((name) => name !== "" && /^[\w+.-]+$/.test(name))
    .sort();
}

/**
 * One command at a time may change a container. The lock goes with the fd, so a killed command leaves none. It is on the directory
 * itself: a file of its own could not be made when the disk is full, and would come back under a delete that has just removed it.
 */
export function lock(root: string, id: string): number {
  const fd = tryLock(root, id);
  if (fd === undefined) throw doesNotExist(id);
  return fd;
}

/** Undefined: the container is gone, or was deleted while we waited; another may have its id since. */
function tryLock(root: string, id: string): number | undefined {
  const directory = directoryOf(root, id);
  const fd = sys.open(directory, 0, 0);
  if (fd === -ENOENT) return undefined;
  check(fd, "open the container's directory", directory, "open");
  check(sys.flock(fd, 1, LOCK_TIMEOUT_MS), `wait ${LOCK_TIMEOUT_MS / 1000} s for another command on the container`, id, "flock");
  if (isStillAt(directory, fd)) return fd;
  sys.close(fd);
  return undefined;
}

export interface Locked {
  readonly record: StateRecord;
  readonly held: number;
}

/** The lock of just this container, with its record of now. Undefined when it is gone. */
export function lockOf(root: string, { id, pid, pidStart }: StateRecord): Locked | undefined {
  const held = tryLock(root, id);
  if (held === undefined) return undefined;
  const record = find(root, id);
  if (record?.pid === pid && record.pidStart === pidStart) return { record, held };
  sys.close(held);
  return undefined;
}

/** The open directory is what is found under its path. */
function isStillAt(directory: string, fd: number): boolean {
  const there = sys.inode(directory);
  if (there === -ENOENT) return false;
  check(there, "look at the container's directory", directory, "stat");
  const own = `/proc/self/fd/${fd}`;
  return there === check(sys.inode(own), "look at the container's directory", own, "stat");
}

/** The record comes last: as long as it is there, the container can be deleted again. */
const FILES = ["state.json.new", "config.json", "config.json.new", "start.sock", "hooks.log", "notify/notify.sock", "state.json"];

/** Removes the container's directory; what is missing is fine. */
export function remove(directory: string): void {
  for (const name of FILES) {
    const path = `${directory}/${name}`;
    const removed = sys.unlink(path);
    if (removed !== -ENOENT && removed !== -ENOTDIR) check(removed, "remove the container's file", path, "unlink");
  }
  sys.rmdir(`${directory}/notify`);
  const removed = sys.rmdir(directory);
  if (removed !== -ENOENT) check(removed, "remove the container's directory", directory, "rmdir");
}
