// process (runtime-spec, config.md, "Process").
import { boolean, form, int32, integer, list, object, oneOf, optional, string, strings, uint32, uint64 } from "./kinds.ts";

/** Those of setrlimit(2), RLIMIT_ left out. */
const RESOURCES = [
  "AS",
  "CORE",
  "CPU",
  "DATA",
  "FSIZE",
  "LOCKS",
  "MEMLOCK",
  "MSGQUEUE",
  "NICE",
  "NOFILE",
  "NPROC",
  "RSS",
  "RTPRIO",
  "RTTIME",
  "SIGPENDING",
  "STACK",
];

const user = object({ uid: uint32, gid: uint32, umask: optional(uint32), additionalGids: optional(list(uint32)), username: optional(string) });

const set = optional(strings);
const capabilities = object({ bounding: set, effective: set, inheritable: set, permitted: set, ambient: set });

const rlimit = object({ type: oneOf(...RESOURCES.map((name) => `RLIMIT_${name}`)), soft: uint64, hard: uint64 });

const schedulerFlag = oneOf<string>(
  "SCHED_FLAG_RESET_ON_FORK",
  "SCHED_FLAG_RECLAIM",
  "SCHED_FLAG_DL_OVERRUN",
  "SCHED_FLAG_KEEP_POLICY",
  "SCHED_FLAG_KEEP_PARAMS",
  "SCHED_FLAG_UTIL_CLAMP_MIN",
  "SCHED_FLAG_UTIL_CLAMP_MAX",
);

const scheduler = object({
  policy: oneOf<string>("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"),
  nice: optional(int32),
  priority: optional(int32),
  flags: optional(list(schedulerFlag)),
  runtime: optional(uint64),
  deadline: optional(uint64),
  period: optional(uint64),
});

const cpuList = optional(form("^[0-9, -]*$"));

export const process = object({
  cwd: string,
  user,
  terminal: optional(boolean),
  // Without a terminal it is to be ignored (spec 7.02): that both are there is a rule.
  consoleSize: optional(object({ height: optional(uint64), width: optional(uint64) })),
  env: optional(strings),
  args: optional(strings),
  rlimits: optional(list(rlimit)),
  apparmorProfile: optional(string),
  capabilities: optional(capabilities),
  noNewPrivileges: optional(boolean),
  oomScoreAdj: optional(integer(-1000, 1000)),
  scheduler: optional(scheduler),
  selinuxLabel: optional(string),
  ioPriority: optional(object({ class: oneOf<string>("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"), priority: integer(0, 7) })),
  execCPUAffinity: optional(object({ initial: cpuList, final: cpuList })),
});
