// The store of layers that `run --image` mounts: its directory, its locks, and what is in use. src/state/image-store.ts has its form.
import { mkdir, open, readdir, readFile, realpath, rename, stat } from "node:fs/promises";
import { check } from "../../errors.ts";
import { type PreparedImage, STORE_FORMAT, STORE_MODE } from "../../state/image-store.ts";
import { ImageError } from "../errors.ts";
import { temporaryName } from "../layout/blob-writer.ts";
import { type Lock, lock } from "../layout/lock.ts";
import { native } from "../native.ts";
import { rawOf } from "../raw.ts";

const PERMISSIONS = 0o777;
/** Somebody else may be unpacking an image of gigabytes. */
const PREPARE_WAIT_MS = 30 * 60_000;
const RUN_WAIT_MS = 30_000;

export class ImageStore {
  readonly path: string;
  private constructor(path: string) {
    this.path = path;
  }

  /** The runtime has made it. Refuses one that others could have put something into. */
  static async open(path: string): Promise<ImageStore> {
    const { mode, uid } = await stat(path).catch((cause) => {
      if (cause.code !== "ENOENT") throw cause;
      throw new ImageError("TS7001", "there is no image store", { blob: path, hint: '"tsrun run --image" makes one', cause });
    });
    if ((mode & PERMISSIONS) !== STORE_MODE || uid !== process.geteuid?.())
      throw new ImageError("TS7040", `the image store "${path}" is not private`, {
        hint: "it must be a directory of its own, of the caller's, with mode 0700: what it holds is run unread",
      });
    const store = new ImageStore(await realpath(path));
    for (const name of ["images", "layers", "half-done", "containers"]) await mkdir(`${store.path}/${name}`, { recursive: true, mode: STORE_MODE });
    return store;
  }

  layer(name: string): string {
    return `${this.path}/layers/${name}`;
  }

  /** While it is held nobody else unpacks layers, or takes any away. */
  lockPreparing(signal?: AbortSignal): Promise<Lock> {
    return this.#lock("prepare.lock", PREPARE_WAIT_MS, signal);
  }

  /** While it is held no run takes layers into use. */
  lockRuns(): Promise<Lock> {
    return this.#lock("lock", RUN_WAIT_MS);
  }

  async #lock(name: string, limitMs: number, signal?: AbortSignal): Promise<Lock> {
    const path = `${this.path}/${name}`;
    await (await open(path, "a", 0o600)).close();
    return lock(path, "exclusive", { what: "the image store", limitMs, ...(signal === undefined ? {} : { signal }) });
  }

  async names(folder: "images" | "layers" | "half-done" | "containers"): Promise<string[]> {
    return (await readdir(`${this.path}/${folder}`)).sort();
  }

  /** An image that can be run; undefined for what another version of the tool has left, or was not written to its end. */
  async image(key: string): Promise<PreparedImage | undefined> {
    const image = await readPrepared(`${this.path}/images/${key}`);
    return image?.format === STORE_FORMAT ? image : undefined;
  }

  async writeImage(key: string, image: PreparedImage): Promise<void> {
    const temporary = `${this.path}/half-done/${temporaryName()}`;
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(JSON.stringify(image));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, `${this.path}/images/${key}`);
  }

  /** What containers have mounted, or may be about to. What a killed run has left counts until it is removed. */
  async containers(): Promise<{ readonly name: string; readonly layers: readonly string[] }[]> {
    const names = await this.names("containers");
    const images = await Promise.all(names.map((name) => readPrepared(`${this.path}/containers/${name}/image.json`)));
    return names.map((name, i) => ({ name, layers: images[i]?.layers ?? [] }));
  }

  /** Waits until all that was written is on the disk. */
  sync(): void {
    check(native.sync_filesystem(rawOf(this.path)), "write to the disk", this.path, "syncfs");
  }

  /** Removes what killed processes have left half done; with the lock of lockPreparing held. */
  async sweep(): Promise<void> {
    const path = `${this.path}/half-done`;
    const root = check(native.open_root(rawOf(path)), "open the directory", path, "open");
    for (const name of await this.names("half-done")) check(native.remove(root, rawOf(name)), "remove", `${path}/${name}`, "unlink");
    native.close(root);
  }
}

/** Of whatever version. */
async function readPrepared(path: string): Promise<PreparedImage | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as PreparedImage;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
