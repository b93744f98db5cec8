// The documents of an image layout (image-spec 1.1) in TypeBox: their types, and the checks of them. Unknown properties are kept and
// ignored (image-spec, considerations.md, "Extensibility"). There is no null in them: see withoutNulls.
import Type from "typebox";

const { Object: object, Array: list, Optional: optional, String: string } = Type;

const strings = list(string());
/** Names of any form: by default one with a line break would be none. */
const anyName = string({ pattern: "^[\\s\\S]*$" });
const stringMap = Type.Record(anyName, string());
const mediaType = string({ pattern: "^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$" });
const digest = string({ pattern: "^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$" });
const size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const platform = object({
  architecture: string(),
  os: string(),
  variant: optional(string()),
  "os.version": optional(string()),
  "os.features": optional(strings),
});

const ofDescriptor = {
  mediaType,
  digest,
  size,
  urls: optional(strings),
  annotations: optional(stringMap),
  data: optional(string()),
  artifactType: optional(mediaType),
};
export const descriptor = object(ofDescriptor);
/** Only in an index does a descriptor have a platform. */
export const indexEntry = object({ ...ofDescriptor, platform: optional(platform) });

export const index = object({
  schemaVersion: Type.Literal(2),
  mediaType: optional(mediaType),
  artifactType: optional(mediaType),
  manifests: list(indexEntry),
  subject: optional(descriptor),
  annotations: optional(stringMap),
});

export const manifest = object({
  schemaVersion: Type.Literal(2),
  mediaType: optional(mediaType),
  artifactType: optional(mediaType),
  config: descriptor,
  layers: list(descriptor),
  subject: optional(descriptor),
  annotations: optional(stringMap),
});

const emptyObjects = Type.Record(anyName, object({}));

/** What a container of the image is to be: `config` of the image's configuration. */
const execution = object({
  User: optional(string()),
  ExposedPorts: optional(emptyObjects),
  Env: optional(strings),
  Entrypoint: optional(strings),
  Cmd: optional(strings),
  Volumes: optional(emptyObjects),
  WorkingDir: optional(string()),
  Labels: optional(stringMap),
  StopSignal: optional(string()),
  ArgsEscaped: optional(Type.Boolean()),
});

export const historyEntry = object({
  created: optional(string()),
  created_by: optional(string()),
  author: optional(string()),
  comment: optional(string()),
  empty_layer: optional(Type.Boolean()),
});

export const imageConfig = object({
  created: optional(string()),
  author: optional(string()),
  architecture: string(),
  os: string(),
  variant: optional(string()),
  "os.version": optional(string()),
  "os.features": optional(strings),
  config: optional(execution),
  rootfs: object({ type: Type.Literal("layers"), diff_ids: list(digest) }),
  history: optional(list(historyEntry)),
});

export const layoutFile = object({ imageLayoutVersion: string() });

export type Static<S extends Type.TSchema> = Type.Static<S>;
export type Platform = Type.Static<typeof platform>;
export type Descriptor = Type.Static<typeof indexEntry>;
export type Index = Type.Static<typeof index>;
export type Manifest = Type.Static<typeof manifest>;
export type ImageConfig = Type.Static<typeof imageConfig>;
export type HistoryEntry = Type.Static<typeof historyEntry>;

/** Lists that must be there: an encoder of Go's writes null for one that is empty. */
const LISTS = new Set(["manifests", "layers", "diff_ids"]);

/**
 * For JSON.parse: members that are null are as if they were not there, as programs in Go write what is not set, or empty. (The official
 * schema allows it for some of them only.) An item of a list stays what it is.
 */
export function withoutNulls(this: unknown, name: string, value: unknown): unknown {
  if (value !== null || Array.isArray(this)) return value;
  return LISTS.has(name) ? [] : undefined;
}
