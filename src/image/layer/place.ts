// The name of an entry -> the directory that it is in and its name there, or what is wrong with it.
import type { Raw } from "../raw.ts";

export interface Place {
  /** From the root, without a slash at either end; "" is the root itself. */
  readonly parent: Raw;
  /** "" only for the root. */
  readonly name: Raw;
}

export const WHITEOUT = ".wh.";
export const OPAQUE = ".wh..wh..opq";

/** PATH_MAX without the NUL, and NAME_MAX. */
const MOST_PATH = 4095;
const MOST_NAME = 255;

/** Empty parts, "." and "..". */
const ODD_PARTS = /(?:^|\/)\.{0,2}(?:\/|$)/;

/** A text says what is wrong. An absolute name counts from the root, as every other does. */
export function placeOf(path: Raw): Place | string {
  if (path.length > MOST_PATH) return `its name has ${path.length} bytes`;
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  const start = path.startsWith("./") ? 2 : 0;
  let whole = path.slice(start, end);
  if (ODD_PARTS.test(whole)) {
    const parts = partsOf(path);
    if (parts.includes("..")) return 'its name has a ".."';
    whole = parts.join("/");
  }
  const slash = whole.lastIndexOf("/");
  if (whole.length - slash - 1 > MOST_NAME) return `the last part of its name has ${whole.length - slash - 1} bytes`;
  const parent = (slash < 0 ? "" : whole.slice(0, slash)) as Raw;
  if (parent.includes(WHITEOUT) && parent.split("/").some((part) => part.startsWith(WHITEOUT))) return "a whiteout is no directory";
  return { parent, name: whole.slice(slash + 1) as Raw };
}

export function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

export function joined({ parent, name }: Place): Raw {
  return (parent === "" ? name : `${parent}/${name}`) as Raw;
}
