// The directory of a bundle that is being made: new or empty before, and gone or empty again when that fails. Whoever makes rootfs in it has it.
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { check } from "../../errors.ts";
import { ImageError } from "../errors.ts";
import { namesIn, remove } from "../layer/hide.ts";
import { native } from "../native.ts";
import { rawOf } from "../raw.ts";

export class BundleDirectory {
  readonly path: string;
  /** The first directory on the way to it that was not there. */
  readonly #made: string | undefined;

  private constructor(path: string, made: string | undefined) {
    this.path = path;
    this.#made = made;
  }

  /** `path` is absolute. */
  static async make(path: string): Promise<BundleDirectory> {
    const made = await mkdir(path, { recursive: true });
    if (made === undefined && (await readdir(path)).length > 0) throw notEmpty(path);
    const directory = new BundleDirectory(path, made);
    try {
      await mkdir(`${path}/rootfs`);
    } catch (error) {
      // Another unpack has found it empty as well, and was faster: what is in it now is not ours.
      if ((error as NodeJS.ErrnoException).code === "EEXIST") throw notEmpty(path);
      await directory.discard().catch(() => {});
      throw error;
    }
    return directory;
  }

  /** Everything in it, and it itself where it was not there before. */
  async discard(): Promise<void> {
    const root = check(native.open_root(rawOf(this.path)), "open", this.path, "open");
    try {
      const fd = check(native.open_dir(root, rawOf(".")), "open", this.path, "openat2");
      try {
        // image.json last: as long as anything is there, it says that it is half done.
        for (const name of namesIn(fd)) if (!name.startsWith("image.json")) remove(fd, name);
        for (const name of namesIn(fd)) remove(fd, name);
      } finally {
        native.close(fd);
      }
    } finally {
      native.close(root);
    }
    if (this.#made === undefined) return;
    for (let path = this.path; path.length >= this.#made.length; path = dirname(path)) await rmdir(path);
  }
}

function notEmpty(path: string): ImageError {
  return new ImageError("TS7020", `"${path}" is not empty`, { hint: "a bundle is made in a new or an empty directory" });
}
