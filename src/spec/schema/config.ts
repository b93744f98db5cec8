// The top of config.json, root, mounts and hooks (runtime-spec, config.md). Unknown members are ignored everywhere (spec 1.01).
import { boolean, idMappings, int32, list, object, optional, string, stringMap, strings } from "./kinds.ts";

/** The members that have a schema of their own (process, mounts, hooks, linux) are not here. */
export const config = object({
  ociVersion: string,
  root: object({ path: string, readonly: optional(boolean) }),
  hostname: optional(string),
  domainname: optional(string),
  annotations: optional(stringMap),
});

export const mounts = list(
  object({
    destination: string,
    type: optional(string),
    source: optional(string),
    options: optional(strings),
    uidMappings: optional(idMappings),
    gidMappings: optional(idMappings),
  }),
);

const kind = optional(list(object({ path: string, args: optional(strings), env: optional(strings), timeout: optional(int32) })));

export const hooks = object({ prestart: kind, createRuntime: kind, createContainer: kind, startContainer: kind, poststart: kind, poststop: kind });
