// Locks on a layout between processes of this tool. Writers share the layout's directory from their first blob until the index names
// it, and gc has it alone: what is not reachable yet is not garbage. The file oci-layout, which is never replaced, is locked while
// index.json is read, changed and written. Readers need no lock: blobs and index.json are replaced in one step.
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "../../errors.ts";
import { ImageError } from "../errors.ts";
import { native } from "../native.ts";

const LAYOUT = "the layout";
const LAYOUT_WAIT_MS = 30_000;
const FIRST_PAUSE_MS = 5;
const MOST_PAUSE_MS = 200;
const EAGAIN = 11;

export interface Lock {
  release(): Promise<void>;
}

export interface Waiting {
  /** What others use. */
  readonly what: string;
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

export function lockLayout(path: string, mode: "shared" | "exclusive", signal?: AbortSignal): Promise<Lock> {
  return lock(path, mode, { what: LAYOUT, limitMs: LAYOUT_WAIT_MS, ...(signal === undefined ? {} : { signal }) });
}

/** Waits its turn, for a limited time. */
export async function lock(path: string, mode: "shared" | "exclusive", waiting: Waiting): Promise<Lock> {
  const file = await open(path, "r");
  try {
    await waitForLock(file, path, mode, waiting);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { release: () => file.close() };
}

async function waitForLock(file: FileHandle, path: string, mode: "shared" | "exclusive", { what, limitMs, signal }: Waiting): Promise<void> {
  const end = Date.now() + limitMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, MOST_PAUSE_MS)) {
    const result = native.lock(file.fd, mode === "exclusive" ? 1 : 0);
    if (result !== -EAGAIN) return void check(result, "lock", path, "flock");
    if (Date.now() > end)
      throw new ImageError("TS7021", `another process has been using ${what} for ${limitMs / 1000} s`, { blob: path, hint: "try again when it is done" });
    await sleep(pause, undefined, signal === undefined ? {} : { signal });
  }
}
