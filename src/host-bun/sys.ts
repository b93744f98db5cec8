// The system port on Bun: the shim's shared library through bun:ffi. For checkouts and tests; the released tool runs on QuickJS.
import { CString, dlopen, type FFIFunction, type Pointer, ptr } from "bun:ffi";
import { type ParamKind, SYS, type Sys, type SysRow } from "../sys-table.ts";

const EINVAL = 22;
const LIBRARY = new URL("../../build/libtsrun.so", import.meta.url).pathname;
const INIT = new URL("../../build/tsrun-init", import.meta.url).pathname;

const KINDS: Readonly<Record<ParamKind, readonly string[]>> = { num: ["i64"], str: ["ptr"], blob: ["ptr", "u64"] };

function symbolOf(row: SysRow): FFIFunction {
  return { args: row.params.flatMap((kind) => KINDS[kind]), returns: "i64" } as FFIFunction;
}

function openShim() {
  const rows = Object.entries<SysRow>(SYS).map(([name, row]) => [`tsr_${name}`, symbolOf(row)] as const);
  const library = dlopen(LIBRARY, {
    ...Object.fromEntries(rows),
    tsr_text: { args: [], returns: "ptr" } as FFIFunction,
    tsr_set_init_path: { args: ["ptr"], returns: "i64" } as FFIFunction,
  });
  return library.symbols as unknown as Record<string, (...args: unknown[]) => bigint | number>;
}

/** One row of the table as a function: strings become buffers that end with a NUL, text results become strings. */
function bind(shim: Record<string, (...args: unknown[]) => bigint | number>, name: string, row: SysRow) {
  const call = shim[`tsr_${name}`];
  if (call === undefined) throw new Error(`the shim has no ${name}: rebuild it`);
  return (...values: readonly (number | string)[]): number | string => {
    const args: unknown[] = [];
    for (const [index, kind] of row.params.entries()) {
      const value = values[index];
      if (kind === "num") {
        args.push(value);
        continue;
      }
      const bytes = Buffer.from(`${value}\0`, "utf8");
      if (kind === "str" && bytes.indexOf(0) !== bytes.length - 1) return -EINVAL;
      args.push(ptr(bytes));
      if (kind === "blob") args.push(bytes.length - 1);
    }
    const result = Number(call(...args));
    return row.result === "text" && result >= 0 ? readText(shim, result) : result;
  };
}

function readText(shim: Record<string, (...args: unknown[]) => bigint | number>, length: number): string {
  const address = shim["tsr_text"]?.();
  return length === 0 || !address ? "" : new CString(Number(address) as Pointer, 0, length).toString();
}

/** `init`: another build of tsrun-init than the released one (test/fault). */
export function makeSys(init: string = INIT): Sys {
  const shim = openShim();
  shim["tsr_set_init_path"]?.(ptr(Buffer.from(`${init}\0`)));
  return Object.fromEntries(Object.entries<SysRow>(SYS).map(([name, row]) => [name, bind(shim, name, row)])) as unknown as Sys;
}
