// The one description of the image tool's native ABI (native/image): file operations under a root descriptor, which Node has
// none of. From it come the binding for Node-API (native/gen/image-napi.gen.h), the prototypes and the type of `native`.
// A result is >= 0, or -errno. `bytes` results are a Buffer, or a negative number (-errno).
// Parameter kinds: num = int64_t; raw = const char * (a Raw, src/image/raw.ts; a NUL in it is refused with -EINVAL);
// bytes = const uint8_t *, size_t; into = uint8_t *, size_t: it gets the result, whose length is answered; what is longer has to be asked for by
// native.result.
// More than one result: native.out(i) reads the i-th extra number of the last call that documents one.
import type { Raw } from "./raw.ts";

export type NativeKind = "num" | "raw" | "bytes" | "into";
export interface NativeRow {
  readonly params: readonly NativeKind[];
  readonly result: "num" | "bytes";
  readonly doc: string;
}

export const NATIVE = {
  out: { params: ["num"], result: "num", doc: "(index): extra result of the last call." },
  result: { params: ["into"], result: "num", doc: "(into): the result of the last call, which there was no room for." },
  // --- the store of layers (src/image/store) ---
  die_with_parent: { params: ["num"], result: "num", doc: "(parent): SIGTERM when this parent ends; ESRCH: it has ended." },
  private_mounts: { params: [], result: "num", doc: "(): a mount namespace of the calling thread's own." },
  overlay_mount: {
    params: ["bytes", "raw", "raw", "raw"],
    result: "num",
    doc: "(lower directories, NUL-ended, the topmost first; upper, or nothing; work; target): fd of the root of an overlay mount, as open_root has it. E2BIG: too many.",
  },
  unmount: { params: ["raw"], result: "num", doc: "(path): detached, with all that is mounted below it." },
  sync_filesystem: { params: ["raw"], result: "num", doc: "(path): waits until all that was written to its filesystem is on the disk." },
  // --- files under a root ---
  open_root: {
    params: ["raw"],
    result: "num",
    doc: "(path): fd of a directory that names are resolved under, O_PATH | O_CLOEXEC; a link at its end is not followed.",
  },
  write_fd: { params: ["num", "bytes"], result: "num", doc: "(fd, data): all of it." },
  lock: { params: ["num", "num"], result: "num", doc: "(fd, exclusive 0|1): flock(2) without waiting; EAGAIN when somebody else has it." },
  read_link: { params: ["num", "raw"], result: "bytes", doc: "(root, path): the text of the symbolic link at this path under the root." },
  close: { params: ["num"], result: "num", doc: "(fd)" },
  read_file: {
    params: ["num", "raw", "num"],
    result: "bytes",
    doc: "(root, path, limit): a regular file under the root, links in its path followed there; -EINVAL: something else, -EFBIG: larger than the limit.",
  },
  open_dir: {
    params: ["num", "raw"],
    result: "num",
    doc: "(root, path): fd of a directory under the root, links followed there, at the end as well. Outs: device, inode (high, low half), mtime seconds and nanoseconds, mode, 1 when what is made in it inherits an ACL or a group. Who is not root is given access to it.",
  },
  open_child: { params: ["num", "raw"], result: "num", doc: "(dir, name): fd of a directory, no link. Outs as open_dir." },
  make_dir: { params: ["num", "raw", "num"], result: "num", doc: "(dir, name, inherits): fd of a new directory of mode 0700. Outs as open_dir." },
  list_dir: {
    params: ["num", "num"],
    result: "bytes",
    doc: "(dir, first 0|1): the first or the next names, some 32 KiB, each with a NUL at its end; none at the end. It moves the descriptor's position.",
  },
  stat_at: { params: ["num", "raw"], result: "num", doc: "(dir, name): mode with the kind; a link is not followed. Out: the device number." },
  remove: { params: ["num", "raw"], result: "num", doc: "(dir, name): with everything in it." },
  create_file: { params: ["num", "raw"], result: "num", doc: "(dir, name): fd of a new file of mode 0600, to be written." },
  put_file: {
    params: ["num", "raw", "bytes", "num", "num", "num", "num", "num", "num"],
    result: "num",
    doc: "(dir, name, content, mode, uid, gid, inherits, seconds, nanoseconds): a new file in one call. uid and gid of -1: left alone.",
  },
  set_new_owner: { params: ["num", "num", "num", "num"], result: "num", doc: "(fd, uid, gid, inherits): of a new file; first of all attributes." },
  set_owner: { params: ["num", "num", "num"], result: "num", doc: "(fd, uid, gid)" },
  set_mode: { params: ["num", "num"], result: "num", doc: "(fd, mode): after the owner, which takes set-user-id away." },
  set_times: { params: ["num", "num", "num"], result: "num", doc: "(fd, seconds, nanoseconds): last." },
  write_at: { params: ["num", "bytes", "num"], result: "num", doc: "(fd, data, offset): all of it." },
  set_size: { params: ["num", "num"], result: "num", doc: "(fd, size)" },
  make_link: { params: ["num", "raw", "raw", "num", "num", "num", "num"], result: "num", doc: "(dir, name, text, uid, gid, seconds, nanoseconds)" },
  make_node: {
    params: ["num", "raw", "num", "num", "num", "num", "num", "num", "num"],
    result: "num",
    doc: "(dir, name, mode with the kind, major, minor, uid, gid, seconds, nanoseconds): a device or a FIFO.",
  },
  hard_link: { params: ["num", "raw", "num", "raw"], result: "num", doc: "(from directory, its name there, dir, name): a link at the end is not followed." },
  set_xattr: { params: ["num", "raw", "bytes"], result: "num", doc: "(fd, name, value)" },
  set_xattr_at: { params: ["num", "raw", "raw", "bytes"], result: "num", doc: "(dir, name of the file, name, value): of a link or node." },
  clear_xattrs: { params: ["num"], result: "num", doc: "(fd): all but the labels of security modules." },
  zstd_open: { params: [], result: "num", doc: "(): number of a new stream that is to be decompressed." },
  zstd_read: {
    params: ["num", "bytes", "num"],
    result: "bytes",
    doc: "(stream, data, from): content of the data from there on. Outs: bytes taken, 1 in the middle of a frame, 1 when there may be more without more data.",
  },
  zstd_close: { params: ["num"], result: "num", doc: "(stream)" },
  zstd_compress_open: { params: ["num"], result: "num", doc: "(level): number of a new stream that is to be compressed." },
  zstd_compress: { params: ["num", "bytes", "num"], result: "bytes", doc: "(stream, data, end 0|1): what the frame has got of it so far, or to its end." },
  zstd_compress_close: { params: ["num"], result: "num", doc: "(stream)" },
  scan_open: {
    params: ["num", "bytes"],
    result: "num",
    doc: "(root, ignored): handle of a walk of the tree, which does not go into other mounts. Ignored: names of extended attributes, each with a 0 at its end; one that ends with a dot stands for all that begin so.",
  },
  scan_next: { params: ["num", "into"], result: "num", doc: "(handle, into): the next records of the walk (tree/packed.ts), some 256 KiB; none at its end." },
  scan_close: { params: ["num"], result: "num", doc: "(handle)" },
  open_entry: {
    params: ["num", "raw"],
    result: "num",
    doc: "(root, path): O_PATH fd of the entry at this path under the root, itself; -ELOOP when a link is on the way.",
  },
  entry_record: {
    params: ["num", "bytes", "into"],
    result: "num",
    doc: "(fd, ignored, into): the record of this entry, without depth and name; out 0: number of its device.",
  },
  open_content: { params: ["num"], result: "num", doc: "(fd of O_PATH): fd to read the file; -EINVAL for what is no file." },
  next_data: {
    params: ["num", "num"],
    result: "num",
    doc: "(fd, offset): where the next data of a file begins, out 0: where it ends; -ENXIO: only a hole follows.",
  },
} as const satisfies Record<string, NativeRow>;

type Param<K extends NativeKind> = K extends "num" ? number : K extends "raw" ? Raw : Uint8Array;
type Params<P extends readonly NativeKind[]> = { -readonly [I in keyof P]: Param<P[I]> };
type Result<R extends "num" | "bytes"> = R extends "num" ? number : Buffer | number;

export type Native = { readonly [N in keyof typeof NATIVE]: (...args: Params<(typeof NATIVE)[N]["params"]>) => Result<(typeof NATIVE)[N]["result"]> };
