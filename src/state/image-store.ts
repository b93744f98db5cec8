// The image store on disk, as the runtime and the image tool (src/image) both know it: names and forms, no file is touched here.
//   lock                 shared: a run takes layers into use; exclusive: layers or what is left of containers is taken away
//   prepare.lock         one image at a time is unpacked into layers/
//   images/KEY           what an image is made of: found without the image tool when all of it is there
//   layers/CHAIN/        one layer, as overlayfs has it: the hexadecimal part of its ChainID (image-spec, config.md, "Layer ChainID")
//   half-done/           what is being made, or taken away: nobody may use it
//   containers/NAME/     one container's own bundle: owner.json (locked by a run), image.json, upper/, work/, bundle/{config.json,rootfs/}
import type { Config } from "../spec/config.ts";
import { TSRUN_VERSION } from "../spec/version.ts";

/** Of the files in images/, image.json and the layers: another version makes its own. */
export const STORE_FORMAT = `${TSRUN_VERSION}/1`;

/** An image that can be run. In the store, as images/KEY; and beside the bundle of each container of it, as image.json. */
export interface PreparedImage {
  readonly format: string;
  /** Where it was taken from, for people: LAYOUT[:REF]. */
  readonly name: string;
  /** The image's configuration, converted; its process has no terminal. */
  readonly config: Config;
  /** How many of process.args are the image's Entrypoint; the others are its Cmd, which arguments replace. */
  readonly entrypoint: number;
  /** Names in layers/, the lowest first. None: the root filesystem is in the bundle. */
  readonly layers: readonly string[];
  /** Of the root directory: overlayfs shows the upper directory's. */
  readonly root: { readonly mode: number; readonly uid: number; readonly gid: number };
}

/** Whose bundle it is. */
export interface BundleOwner {
  /** --root of the container. */
  readonly root: string;
  readonly id: string;
}

/** Of a store whose layers are not all of the same user's making nothing may be run. */
export const STORE_MODE = 0o700;

export function defaultStore(euid: number, variable: (name: string) => string | undefined): string | undefined {
  if (euid === 0) return "/var/lib/tsrun";
  const data = variable("XDG_DATA_HOME");
  if (data?.startsWith("/")) return `${data}/tsrun`;
  const home = variable("HOME");
  return home?.startsWith("/") ? `${home}/.local/share/tsrun` : undefined;
}

/** Key of an image: the digest that the layout's index has under its name, and the platform if one was asked for. */
export function imageKey(digest: string, platform: string | undefined): string {
  const name = digest.replace(":", "-");
  return platform === undefined ? name : `${name}@${platform.replaceAll("/", "-")}`;
}

/** The store's directory of a container, from its bundle. */
export function directoryOfBundle(bundle: string): string {
  return bundle.slice(0, bundle.lastIndexOf("/"));
}
