// The error of the image tool. It carries data; report.ts alone makes words of it.
import { TsrunError } from "../errors.ts";
import { type Raw, shown } from "./raw.ts";

export interface ImagePlace {
  /** Digest of the blob that is wrong, or the path of a file. */
  readonly blob?: string | undefined;
  /** Name of the layer's entry that is wrong. */
  readonly entry?: Raw | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class ImageError extends TsrunError {
  readonly blob: string | undefined;
  readonly entry: string | undefined;
  constructor(code: string, message: string, place: ImagePlace = {}) {
    super(code, message, { hint: place.hint, cause: place.cause });
    this.blob = place.blob;
    this.entry = place.entry === undefined ? undefined : shown(place.entry);
  }
}

/** Node's error of a call on a descriptor, with the file's path: it has none. */
export function atPath(error: unknown, path: string): unknown {
  return error instanceof Error && "syscall" in error && !("path" in error) ? Object.assign(error, { path }) : error;
}
