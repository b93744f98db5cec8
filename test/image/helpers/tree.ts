// What a directory tree is, as values that can be compared: every name, and all that an image can say of it. Python reads the tree,
// which has no code with the image tool in common.
/// <reference types="bun" />
import { execFileSync } from "node:child_process";

const SCRIPT = `
import os, sys, json, stat, hashlib
root = os.fsencode(sys.argv[1])
first = {}
out = {}
def visit(path):
    name = os.path.relpath(path, root).decode("latin1")
    s = os.lstat(path)
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFCHR: "character", stat.S_IFBLK: "block", stat.S_IFIFO: "fifo"}.get(stat.S_IFMT(s.st_mode), "socket")
    facts = {"kind": kind, "mode": "%o" % stat.S_IMODE(s.st_mode), "owner": "%d:%d" % (s.st_uid, s.st_gid), "mtime": "%d.%09d" % divmod(s.st_mtime_ns, 10**9)}
    if kind == "link": facts["target"] = os.readlink(path).decode("latin1")
    if kind in ("character", "block"): facts["device"] = "%d:%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))
    if kind == "file":
        facts["size"] = s.st_size
        try:
            with open(path, "rb") as f: facts["content"] = hashlib.file_digest(f, "sha256").hexdigest()[:16]
        except PermissionError: facts["content"] = "closed"
    if kind != "directory" and s.st_nlink > 1: facts["same as"] = first.setdefault((s.st_dev, s.st_ino), name)
    try: xattrs = {x: os.getxattr(path, x, follow_symlinks=False).hex() for x in sorted(os.listxattr(path, follow_symlinks=False)) if x != "security.selinux"}
    except PermissionError: xattrs = {"closed": ""}
    if xattrs: facts["xattrs"] = xattrs
    out[name] = facts
    if kind == "directory":
        for child in sorted(os.listdir(path)): visit(path + b"/" + child)
sys.setrecursionlimit(10000)
visit(root)
json.dump(out, sys.stdout)
`;

export interface Facts {
  readonly kind: string;
  /** Octal. */
  readonly mode: string;
  readonly owner: string;
  readonly mtime: string;
  readonly target?: string;
  readonly device?: string;
  readonly size?: number;
  readonly content?: string;
  /** The first name of the inode. */
  readonly "same as"?: string;
  /** Values in hexadecimal. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Names are one byte per character; "." is the root. `as`: words before the program, for another user. */
export function treeOf(root: string, as: readonly string[] = []): Record<string, Facts> {
  const [program = "python3", ...words] = [...as, "python3", "-c", SCRIPT, root];
  return JSON.parse(execFileSync(program, words, { encoding: "utf8", maxBuffer: 256 << 20 }));
}
