// linux, without the parts that have a schema of their own (runtime-spec, config-linux.md).
import type { NamespaceType } from "../config.ts";
import { idMappings, int64, integer, list, map, object, oneOf, optional, string, stringMap, strings, uint32 } from "./kinds.ts";

const namespace = object({ type: oneOf<NamespaceType>("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"), path: optional(string) });

const device = object({
  type: oneOf<string>("c", "b", "u", "p"),
  path: string,
  major: optional(uint32),
  minor: optional(uint32),
  // Engines write the whole st_mode, with the bits of the file type: wider than the official schema.
  fileMode: optional(uint32),
  uid: optional(uint32),
  gid: optional(uint32),
});

export const linux = object({
  namespaces: optional(list(namespace)),
  uidMappings: optional(idMappings),
  gidMappings: optional(idMappings),
  timeOffsets: optional(map(object({ secs: optional(int64), nanosecs: optional(integer(0, 999_999_999)) }))),
  devices: optional(list(device)),
  netDevices: optional(map(object({ name: optional(string) }))),
  cgroupsPath: optional(string),
  // An empty word is none: Go programs write it so.
  rootfsPropagation: optional(oneOf<string>("", "shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable")),
  sysctl: optional(stringMap),
  maskedPaths: optional(strings),
  readonlyPaths: optional(strings),
  mountLabel: optional(string),
  personality: optional(object({ domain: oneOf<string>("LINUX", "LINUX32"), flags: optional(strings) })),
});
