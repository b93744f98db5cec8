// Overlay mounts for unpacking: each layer is made in the upper directory of a mount on the layers below it. They are in a mount namespace
// of this process's own: nobody else sees them, and they end with it.
import { mkdir, stat } from "node:fs/promises";
import { check } from "../../errors.ts";
import { setUpRoot } from "../layer/unpack.ts";
import { debug } from "../log.ts";
import { native } from "../native.ts";
import { rawOf } from "../raw.ts";
import type { ImageStore } from "./store.ts";

/** The kernel takes one page of options, with up to 18 bytes for each layer. */
export const MOST_LAYERS = 200;

export class LayerMounts {
  readonly #folder: string;
  /** An empty directory below all layers: an overlay has at least two. */
  readonly #lowest: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#lowest = `${folder}/lowest`;
  }

  /** In half-done/, which is empty. Undefined where there can be none: in a user namespace, or where the store is on an overlay itself. */
  static async make(store: ImageStore): Promise<LayerMounts | undefined> {
    const mounts = new LayerMounts(`${store.path}/half-done`);
    await mkdir(mounts.#lowest, { mode: 0o700 });
    const result = native.private_mounts();
    const root = result < 0 ? result : await mounts.#mountNew("probe", []);
    debug(() => `overlay mounts for the layers: ${root < 0 ? `none, errno ${-root}` : "yes"}`);
    if (root < 0) return undefined;
    mounts.#unmount("probe", root);
    return mounts;
  }

  /** Lets `fill` make a new layer on the others (paths, the lowest first), under a descriptor of native.open_root. The layer's path. */
  async add(name: string, lowers: readonly string[], fill: (root: number) => Promise<void>): Promise<string> {
    const root = check(await this.#mountNew(name, lowers), "mount the layers for", name, "mount");
    try {
      await setUpLayer(root, lowers.at(-1));
      await fill(root);
    } finally {
      this.#unmount(name, root);
    }
    return `${this.#folder}/${name}`;
  }

  /** Lets `use` look at these layers, under a descriptor of native.open_root. */
  async look<T>(layers: readonly string[], use: (root: number) => T): Promise<T> {
    await mkdir(`${this.#folder}/look.mount`, { mode: 0o700 });
    const root = check(this.#mount("look", layers, "", ""), "mount the layers", this.#folder, "mount");
    try {
      return use(root);
    } finally {
      this.#unmount("look", root);
    }
  }

  /** A descriptor of its root, or -errno. */
  async #mountNew(name: string, lowers: readonly string[]): Promise<number> {
    const [upper, work] = [`${this.#folder}/${name}`, `${this.#folder}/${name}.work`];
    for (const path of [upper, work, `${this.#folder}/${name}.mount`]) await mkdir(path, { mode: 0o700 });
    return this.#mount(name, lowers, upper, work);
  }

  #mount(name: string, lowers: readonly string[], upper: string, work: string): number {
    const list = [...lowers].reverse().map((path) => `${path}\0`);
    return native.overlay_mount(Buffer.from(`${list.join("")}${this.#lowest}\0`), rawOf(upper), rawOf(work), rawOf(`${this.#folder}/${name}.mount`));
  }

  #unmount(name: string, root: number): void {
    native.close(root);
    const target = `${this.#folder}/${name}.mount`;
    check(native.unmount(rawOf(target)), "unmount", target, "umount2");
  }
}

/** The root directory: unless the layer has an entry for it, it is as it was below. */
async function setUpLayer(root: number, below: string | undefined): Promise<void> {
  if (below === undefined) return setUpRoot(root);
  const { mode, uid, gid, mtimeNs } = await stat(below, { bigint: true });
  const fd = check(native.open_dir(root, rawOf(".")), "open", "the root filesystem", "openat2");
  try {
    check(native.set_owner(fd, Number(uid), Number(gid)), "give away", "the root filesystem", "fchown");
    check(native.set_mode(fd, Number(mode & 0o7777n)), "set the mode of", "the root filesystem", "fchmod");
    const nanoseconds = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    check(native.set_times(fd, Number((mtimeNs - nanoseconds) / 1_000_000_000n), Number(nanoseconds)), "set the times of", "the root filesystem", "utimensat");
  } finally {
    native.close(fd);
  }
}
