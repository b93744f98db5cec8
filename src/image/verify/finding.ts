// One thing that is wrong in a layout, and the rule that says so.
import { TsrunError } from "../../errors.ts";
import { ImageError } from "../errors.ts";

export interface Finding {
  readonly code: string;
  /** Digest of the blob, or a file of the layout. */
  readonly blob: string;
  /** Document of the image-spec, and its section or property. */
  readonly rule: string;
  readonly message: string;
  /** From index.json to the descriptor that leads to the blob. */
  readonly path: string;
}

/** The rule behind an error's code, where it is not the document's own. */
const RULES: Readonly<Record<string, string>> = {
  TS7001: 'image-layout.md, "Blobs"',
  TS7003: 'descriptor.md, "Digests"',
  TS7004: 'descriptor.md, "Verification"',
  TS7005: "a limit of tsrun's",
  TS7010: 'layer.md, "Distributable Format"',
  TS7011: 'layer.md, "Distributable Format"',
};

/** `rule`: of the document that was read. Errors of the system are no findings. */
export function findingOf(error: unknown, blob: string, rule: string, path: string): Finding {
  if (!(error instanceof TsrunError)) throw error;
  const place = error instanceof ImageError && error.entry !== undefined ? `entry "${error.entry}": ` : "";
  return { code: error.code, blob, rule: RULES[error.code] ?? rule, message: `${place}${error.message}`, path };
}
