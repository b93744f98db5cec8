// The edits of `tsrun image config`, which are umoci's: on a config and on the annotations of its manifest. Pure.
import { UsageError } from "../../errors.ts";
import type { ImageConfig } from "../spec/schema.ts";

/** The options as they were given, by their names without the dashes. */
export interface Edits {
  readonly "config.user"?: string;
  readonly "config.exposedports"?: string[];
  readonly "config.env"?: string[];
  readonly "config.entrypoint"?: string[];
  readonly "config.cmd"?: string[];
  readonly "config.volume"?: string[];
  readonly "config.label"?: string[];
  readonly "config.workingdir"?: string;
  readonly "config.stopsignal"?: string;
  readonly created?: string;
  readonly author?: string;
  readonly architecture?: string;
  readonly os?: string;
  readonly "manifest.annotation"?: string[];
  readonly clear?: readonly Clearable[];
}

/** What --clear can empty. */
export const CLEARABLE = [
  "config.labels",
  "manifest.annotations",
  "config.exposedports",
  "config.env",
  "config.entrypoint",
  "config.cmd",
  "config.volume",
] as const;
export type Clearable = (typeof CLEARABLE)[number];

type Execution = NonNullable<ImageConfig["config"]>;
type Pairs = Record<string, string>;

export function editConfig(config: ImageConfig, edits: Edits): ImageConfig {
  const { created, author, architecture, os } = edits;
  return withoutUnset({
    ...config,
    created: created ?? config.created,
    author: author ?? config.author,
    architecture: architecture ?? config.architecture,
    os: os ?? config.os,
    config: editExecution(config.config ?? {}, edits),
  });
}

export function editAnnotations(annotations: Pairs | undefined, edits: Edits): Record<string, string> | undefined {
  return nothingIfEmpty({ ...kept(annotations, "manifest.annotations", edits), ...pairs("manifest.annotation", edits["manifest.annotation"]) });
}

/** What was there is emptied first: --clear does not undo what the same command sets. */
function editExecution(config: Execution, edits: Edits): Execution {
  return withoutUnset({
    ...config,
    User: edits["config.user"] ?? config.User,
    ExposedPorts: nothingIfEmpty({ ...kept(config.ExposedPorts, "config.exposedports", edits), ...emptyObjects(edits["config.exposedports"]) }),
    Env: nothingIfEmpty(withVariables(kept(config.Env, "config.env", edits) ?? [], edits["config.env"] ?? [])),
    Entrypoint: nothingIfEmpty(edits["config.entrypoint"] ?? kept(config.Entrypoint, "config.entrypoint", edits)),
    Cmd: nothingIfEmpty(edits["config.cmd"] ?? kept(config.Cmd, "config.cmd", edits)),
    Volumes: nothingIfEmpty({ ...kept(config.Volumes, "config.volume", edits), ...emptyObjects(edits["config.volume"]) }),
    Labels: nothingIfEmpty({ ...kept(config.Labels, "config.labels", edits), ...pairs("config.label", edits["config.label"]) }),
    WorkingDir: edits["config.workingdir"] ?? config.WorkingDir,
    StopSignal: edits["config.stopsignal"] ?? config.StopSignal,
  });
}

function kept<T>(value: T | undefined, name: Clearable, edits: Edits): T | undefined {
  return edits.clear?.includes(name) ? undefined : value;
}

/** Each variable once: a new value stands where the old one was. */
function withVariables(present: readonly string[], added: readonly string[]): string[] {
  const variables = [...present];
  for (const one of added) {
    const name = one.slice(0, one.indexOf("=") + 1);
    if (name.length < 2) throw new UsageError(`--config.env: "${one}" is no variable`, "NAME=VALUE");
    const at = variables.findIndex((old) => old.startsWith(name));
    if (at < 0) variables.push(one);
    else variables[at] = one;
  }
  return variables;
}

function pairs(option: string, values: readonly string[] = []): Pairs {
  return Object.fromEntries(
    values.map((one) => {
      const at = one.indexOf("=");
      if (at < 1) throw new UsageError(`--${option}: "${one}" has no name or no value`, "NAME=VALUE");
      return [one.slice(0, at), one.slice(at + 1)];
    }),
  );
}

function emptyObjects(names: readonly string[] = []): Record<string, Record<string, never>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function nothingIfEmpty<T extends object>(value: T | undefined): T | undefined {
  return value === undefined || Object.keys(value).length === 0 ? undefined : value;
}

/** Members that are undefined are no members. */
function withoutUnset<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
