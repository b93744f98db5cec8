// The one description of the image tool's native ABI (native/image): file operations under a root descriptor, which Node has
// none of. From it come the binding for Node-API (native/gen/image-napi.gen.h), the prototypes and the type of `native`.
// A result is >= 0, or -errno. `bytes` results are a Buffer, or a negative number (-errno).
// Parameter kinds: num = int64_t; raw = const char * (a Raw, src/image/raw.ts; a NUL in it is refused with -EINVAL);
// bytes = const uint8_t *, size_t.
// More than one result: native.out(i) reads the i-th extra number of the last call that documents one.
import type { Raw } from "./raw.ts";

export type NativeKind = "num" | "raw" | "bytes";
export interface NativeRow {
  readonly params: readonly NativeKind[];
  readonly result: "num" | "bytes";
  readonly doc: string;
}

export const NATIVE = {
  out: { params: ["num"], result: "num", doc: "(index): extra result of the last call." },
  open_root: {
    params: ["raw"],
    result: "num",
    doc: "(path): fd of a directory that names are resolved under, O_PATH | O_CLOEXEC; a link at its end is not followed.",
  },
  write_fd: { params: ["num", "bytes"], result: "num", doc: "(fd, data): all of it." },
  read_link: { params: ["num", "raw"], result: "bytes", doc: "(root, path): the text of the symbolic link at this path under the root." },
  close: { params: ["num"], result: "num", doc: "(fd)" },
} as const satisfies Record<string, NativeRow>;

type Param<K extends NativeKind> = K extends "num" ? number : K extends "raw" ? Raw : Uint8Array;
type Params<P extends readonly NativeKind[]> = { -readonly [I in keyof P]: Param<P[I]> };
type Result<R extends "num" | "bytes"> = R extends "num" ? number : Buffer | number;

export type Native = { readonly [N in keyof typeof NATIVE]: (...args: Params<(typeof NATIVE)[N]["params"]>) => Result<(typeof NATIVE)[N]["result"]> };
