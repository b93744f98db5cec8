// An archive to a file or to standard output. A file gets its name when it is whole.
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { UsageError } from "../../errors.ts";
import { atPath } from "../errors.ts";

export interface Output {
  /** What is written so far is a file that has not got its name yet. */
  readonly isTemporary: boolean;
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Nothing is left of it. */
  discard(): Promise<void>;
}

/** "-" is standard output. */
export async function openOutput(path: string): Promise<Output> {
  if (path === "-") return standardOutput();
  // A device or a FIFO is written to; anything else is replaced.
  const isReplaced = await stat(path).then(
    (found) => found.isFile(),
    () => true,
  );
  const written = isReplaced ? `${path}.tsrun-${randomBytes(4).toString("hex")}` : path;
  return new FileOutput(await open(written, isReplaced ? "wx" : "w", 0o644), written, path);
}

class FileOutput implements Output {
  readonly #file: FileHandle;
  readonly #written: string;
  readonly #path: string;
  readonly isTemporary: boolean;

  constructor(file: FileHandle, written: string, path: string) {
    this.#file = file;
    this.#written = written;
    this.#path = path;
    this.isTemporary = written !== path;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) done += (await this.#file.write(bytes, done, bytes.length - done)).bytesWritten;
    } catch (error) {
      throw atPath(error, this.#path);
    }
  }

  async finish(): Promise<void> {
    await this.#file.close();
    if (this.isTemporary) await rename(this.#written, this.#path);
  }

  async discard(): Promise<void> {
    await this.#file.close();
    if (this.isTemporary) await rm(this.#written, { force: true });
  }
}

function standardOutput(): Output {
  if (process.stdout.isTTY)
    throw new UsageError("standard output is a terminal, which is no place for an archive", "tsrun image export LAYOUT - | docker load");
  return {
    isTemporary: false,
    write: (bytes) => new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))),
    finish: async () => {},
    discard: async () => {},
  };
}
