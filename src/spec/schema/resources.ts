// linux.resources (runtime-spec, config-linux.md, "Control groups").
import { boolean, form, int64, integer, list, map, object, oneOf, optional, string, stringMap, uint16, uint32, uint64 } from "./kinds.ts";

const deviceRule = object({
  allow: boolean,
  type: optional(oneOf<string>("a", "b", "c", "")),
  major: optional(int64),
  minor: optional(int64),
  access: optional(string),
});

const memory = object({
  limit: optional(int64),
  reservation: optional(int64),
  swap: optional(int64),
  kernel: optional(int64),
  kernelTCP: optional(int64),
  swappiness: optional(integer(0, 100)),
  disableOOMKiller: optional(boolean),
  useHierarchy: optional(boolean),
  checkBeforeUpdate: optional(boolean),
});

const cpu = object({
  shares: optional(uint64),
  quota: optional(int64),
  burst: optional(uint64),
  period: optional(uint64),
  realtimeRuntime: optional(int64),
  realtimePeriod: optional(uint64),
  cpus: optional(string),
  mems: optional(string),
  idle: optional(integer(0, 1)),
});

const throttle = optional(list(object({ major: uint32, minor: uint32, rate: uint64 })));
const weight = optional(uint16);
const blockIO = object({
  weight,
  leafWeight: weight,
  weightDevice: optional(list(object({ major: uint32, minor: uint32, weight, leafWeight: weight }))),
  throttleReadBpsDevice: throttle,
  throttleWriteBpsDevice: throttle,
  throttleReadIOPSDevice: throttle,
  throttleWriteIOPSDevice: throttle,
});

export const resources = object({
  unified: optional(stringMap),
  devices: optional(list(deviceRule)),
  // Engines that know spec 1.3 leave limit out when there is none: wider than the official schema.
  pids: optional(object({ limit: optional(int64) })),
  blockIO: optional(blockIO),
  cpu: optional(cpu),
  hugepageLimits: optional(list(object({ pageSize: form("^[1-9][0-9]*[KMG]B$"), limit: uint64 }))),
  memory: optional(memory),
  network: optional(object({ classID: optional(uint32), priorities: optional(list(object({ name: string, priority: uint32 }))) })),
  rdma: optional(map(object({ hcaHandles: optional(uint32), hcaObjects: optional(uint32) }))),
});
