// BUNDLE/image.json: which image a bundle was unpacked from, for repack; and whether all of it is there.
import { open, readFile, rename } from "node:fs/promises";
import Type from "typebox";
import Value from "typebox/value";
import { ImageError } from "../errors.ts";
import { descriptor, platform } from "../spec/schema.ts";

const { Object: object, Optional: optional, String: string } = Type;

const NAME = "image.json";

const bundleRecord = object({
  version: Type.Literal(1),
  state: Type.Union([Type.Literal("unpacking"), Type.Literal("complete")]),
  /** Absolute path. */
  layout: string(),
  /** Undefined: it has none. */
  name: optional(string()),
  /** Of the manifest. */
  manifest: descriptor,
  platform,
  rootless: Type.Boolean(),
  /** RFC 3339. */
  created: string(),
});

export type BundleRecord = Type.Static<typeof bundleRecord>;

export async function writeRecord(bundle: string, record: BundleRecord): Promise<void> {
  const path = `${bundle}/${NAME}`;
  const file = await open(`${path}.new`, "w", 0o644);
  try {
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** Of a bundle that was unpacked to its end. */
export async function readRecord(bundle: string): Promise<BundleRecord> {
  const path = `${bundle}/${NAME}`;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      throw new ImageError("TS7020", `"${bundle}" is no bundle of tsrun image unpack`, { blob: path, cause });
    if (cause instanceof SyntaxError) throw new ImageError("TS7020", `it is no JSON document: ${cause.message}`, { blob: path, cause });
    throw cause;
  }
  const [problem] = Value.Errors(bundleRecord, value);
  if (problem !== undefined) throw new ImageError("TS7020", `${problem.instancePath || "the document"}: ${problem.message}`, { blob: path });
  const record = value as BundleRecord;
  if (record.state !== "complete")
    throw new ImageError("TS7020", `"${bundle}" was not unpacked to its end`, { blob: path, hint: "remove it and unpack the image again" });
  return record;
}
