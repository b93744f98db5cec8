// Reads and writes of cgroup files, and the words for what the kernel refuses.
import { check, SystemError } from "../errors.ts";
import { O_PATH, sys } from "../sys.ts";

export const EPERM = 1;
export const ENOENT = 2;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const EROFS = 30;
export const EOPNOTSUPP = 95;

export const O_WRONLY = 1;

/** O_PATH fd. The slash says what O_DIRECTORY would, which has another number on arm64. */
export function openDirectory(path: string, what: string): number {
  return check(sys.open(`${path}/`, O_PATH, 0), what, path, "open");
}

/** 0 or -errno. Cgroup files are never created, and their old content does not matter. */
export function writeFile(path: string, value: string): number {
  const result = sys.write_file(path, value, 0, 0);
  return Math.min(result, 0);
}

export function writeOrThrow(path: string, value: string, at?: string): void {
  const result = writeFile(path, value);
  if (result < 0) throw writeError(path, value, result, at);
}

export function writeError(path: string, value: string, result: number, at: string | undefined, hint = hintOf(path, -result)): SystemError {
  const errno = -result;
  return new SystemError(`write "${value}" to`, path, errno === ENOENT ? "open" : "write", errno, { pointer: at, hint });
}

function hintOf(path: string, errno: number): string | undefined {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const controller = file.slice(0, file.indexOf("."));
  switch (errno) {
    case ENOENT:
      return `the controller "${controller}" is not enabled here, or this kernel has no such file`;
    case EBUSY:
      return controller === "memory" ? "the container uses more memory than this limit" : undefined;
    case EINVAL:
      return "the kernel refuses the value: it is out of range, or does not fit the cgroup above";
    case ENODEV:
      return "there is no such device";
    case EPERM:
      return controller === "devices" ? "the cgroup above does not allow this device" : undefined;
    case EACCES:
    case EROFS:
      return "cgroups are not writable here";
    default:
      return undefined;
  }
}

/** The text without its last newline; -errno. */
export function readFile(path: string): string | number {
  const text = sys.read_lossy(path);
  return typeof text === "string" ? text.trimEnd() : text;
}

export function readOrThrow(path: string): string {
  const text = readFile(path);
  if (typeof text === "number") throw new SystemError("read", path, "read", -text);
  return text;
}

/** The words of a file, none when it cannot be read. */
export function readWords(path: string): string[] {
  const text = readFile(path);
  return typeof text === "number" || text === "" ? [] : text.split(/\s+/);
}

/** The number after a word at the start of a line ("oom_kill 3"). */
export function readCounter(path: string, word: string): number | undefined {
  const words = readWords(path);
  const index = words.indexOf(word);
  return index < 0 ? undefined : Number(words[index + 1]);
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
