// The flags of commands that take an image: run and spec.
import { UsageError } from "../errors.ts";
import type { ImageChoice } from "../lifecycle/image-store.ts";
import { defaultStore } from "../state/image-store.ts";
import { sys } from "../sys.ts";
import type { FlagRow, Parsed } from "./flags.ts";
import { absolute } from "./paths.ts";

export const IMAGE_FLAGS: readonly FlagRow[] = [
  { name: "image", value: "LAYOUT[:REF]", doc: "an image of an image layout, in place of a bundle (needs the image tool)" },
  { name: "platform", value: "OS/ARCH", doc: "with --image: for another platform than this machine's, os/arch[/variant]" },
];

/** Undefined without --image. */
export function imageChoice(parsed: Parsed): ImageChoice | undefined {
  const image = parsed.values.get("image");
  const platform = parsed.values.get("platform");
  if (image === "") throw new UsageError("--image names no image layout", "LAYOUT[:REF], for example ./alpine:3.20");
  // Part of a file's name in the store.
  if (platform !== undefined && !/^\w[\w.-]*(\/\w[\w.-]*){1,2}$/.test(platform))
    throw new UsageError(`--platform: "${platform}" is no platform`, "os/arch[/variant], for example linux/arm64/v8");
  return image === undefined ? undefined : { image, platform };
}

export function storePath(parsed: Parsed): string {
  const given = parsed.values.get("store");
  if (given === "" || given === "/") throw new UsageError(`--store must be a directory of its own, not "${given}"`);
  const path = given ?? defaultStore(sys.geteuid(), variable);
  if (path === undefined) throw new UsageError("HOME is not set", "give --store a directory of your own");
  return absolute(path);
}

function variable(name: string): string | undefined {
  const value = sys.getenv(name);
  return typeof value === "string" ? value : undefined;
}
