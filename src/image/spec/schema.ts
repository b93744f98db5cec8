// The documents of an image layout (image-spec 1.1) in TypeBox: their types, and the checks of them. Unknown properties are kept and
// ignored (image-spec, considerations.md, "Extensibility").
import Type from "typebox";

const { Object: object, Array: list, Optional: optional, String: string } = Type;

const strings = list(string());
const stringMap = Type.Record(string(), string());
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

export const descriptor = object({
  mediaType,
  digest,
  size,
  urls: optional(strings),
  annotations: optional(stringMap),
  data: optional(string()),
  artifactType: optional(mediaType),
  platform: optional(platform),
});

export const index = object({
  schemaVersion: Type.Literal(2),
  mediaType: optional(mediaType),
  artifactType: optional(mediaType),
  manifests: list(descriptor),
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

const emptyObjects = Type.Record(string(), object({}));

/** What a container of the image is to be: `config` of the image's configuration. */
const execution = object({
  User: optional(string()),
  ExposedPorts: optional(emptyObjects),
  Env: optional(strings),
  Entrypoint: optional(Type.Union([strings, Type.Null()])),
  Cmd: optional(Type.Union([strings, Type.Null()])),
  Volumes: optional(Type.Union([emptyObjects, Type.Null()])),
  WorkingDir: optional(string()),
  Labels: optional(Type.Union([stringMap, Type.Null()])),
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
  history: optional(Type.Union([list(historyEntry), Type.Null()])),
});

export const layoutFile = object({ imageLayoutVersion: string() });

export type Static<S extends Type.TSchema> = Type.Static<S>;
export type Platform = Type.Static<typeof platform>;
export type Descriptor = Type.Static<typeof descriptor>;
export type Index = Type.Static<typeof index>;
export type Manifest = Type.Static<typeof manifest>;
export type ImageConfig = Type.Static<typeof imageConfig>;
export type HistoryEntry = Type.Static<typeof historyEntry>;
