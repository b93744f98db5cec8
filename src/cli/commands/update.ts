// tsrun update: new limits for a container.
import { checkText, UsageError } from "../../errors.ts";
import { type ResourcesRequest, updateContainer } from "../../lifecycle/update.ts";
import { warn } from "../../log.ts";
import type { Resources } from "../../spec/config.ts";
import { sys } from "../../sys.ts";
import { type Command, idOf } from "../command.ts";
import type { FlagRow, Parsed } from "../flags.ts";
import { parseSize } from "../sizes.ts";

type Kind = "number" | "size" | "text";

/** Flag -> section and member of linux.resources. */
const LIMITS: readonly (FlagRow & { readonly section: "blockIO" | "cpu" | "memory" | "pids"; readonly member: string; readonly kind: Kind })[] = [
  { name: "blkio-weight", value: "N", doc: "weight of block I/O, 10 to 1000", section: "blockIO", member: "weight", kind: "number" },
  { name: "cpu-period", value: "US", doc: "period of the CPU quota, in microseconds", section: "cpu", member: "period", kind: "number" },
  { name: "cpu-quota", value: "US", doc: "CPU time in each period, in microseconds; -1: no limit", section: "cpu", member: "quota", kind: "number" },
  { name: "cpu-burst", value: "US", doc: "quota that may be saved up, in microseconds", section: "cpu", member: "burst", kind: "number" },
  { name: "cpu-share", value: "N", doc: "CPU shares, 2 to 262144", section: "cpu", member: "shares", kind: "number" },
  { name: "cpu-rt-period", value: "US", doc: "real-time period, in microseconds", section: "cpu", member: "realtimePeriod", kind: "number" },
  { name: "cpu-rt-runtime", value: "US", doc: "real-time runtime, in microseconds", section: "cpu", member: "realtimeRuntime", kind: "number" },
  { name: "cpu-idle", value: "0|1", doc: "run only when nothing else does", section: "cpu", member: "idle", kind: "number" },
  { name: "cpuset-cpus", value: "LIST", doc: "processors, as in 0-3,7", section: "cpu", member: "cpus", kind: "text" },
  { name: "cpuset-mems", value: "LIST", doc: "memory nodes", section: "cpu", member: "mems", kind: "text" },
  { name: "memory", value: "SIZE", doc: "memory limit, as in 512M; -1: no limit", section: "memory", member: "limit", kind: "size" },
  { name: "memory-reservation", value: "SIZE", doc: "soft memory limit", section: "memory", member: "reservation", kind: "size" },
  { name: "memory-swap", value: "SIZE", doc: "limit of memory and swap together; -1: no limit", section: "memory", member: "swap", kind: "size" },
  { name: "pids-limit", value: "N", doc: "number of processes; -1: no limit", section: "pids", member: "limit", kind: "number" },
];

/** Flag -> a line of schemata (resctrl): what it must be like. It is no part of linux.resources, so that it counts beside a document. */
const SCHEMATA: readonly (FlagRow & { readonly form: RegExp; readonly example: string })[] = [
  {
    name: "l3-cache-schema",
    value: "SCHEMA",
    doc: "L3 cache of the container's class of service, as in L3:0=ff;1=f0",
    form: /^L3[A-Z]*:[^\n]+$/,
    example: "L3:0=ff",
  },
  { name: "mem-bw-schema", value: "SCHEMA", doc: "memory bandwidth of its class of service, as in MB:0=50;1=70", form: /^MB:[^\n]+$/, example: "MB:0=50" },
];

/** Flags of runc that stand for limits that kernels no longer have. */
const WITHOUT_EFFECT = ["kernel-memory", "kernel-memory-tcp"] as const;
const STDIN = 0;

export const update: Command = {
  name: "update",
  summary: "change the limits of a container; only what is given is written",
  args: "<container-id>",
  count: [1, 1],
  flags: [
    {
      name: "resources",
      short: "r",
      value: "FILE",
      doc: "a JSON document of linux.resources, - for standard input; the other flags for them do not count then",
    },
    ...LIMITS.map(({ name, value, doc }): FlagRow => ({ name, doc, ...(value === undefined ? {} : { value }) })),
    ...WITHOUT_EFFECT.map((name): FlagRow => ({ name, value: "SIZE", doc: "no effect: kernels no longer have this limit" })),
    ...SCHEMATA.map(({ name, value, doc }): FlagRow => ({ name, doc, ...(value === undefined ? {} : { value }) })),
  ],
  run(parsed, globals) {
    updateContainer(globals.root, idOf(parsed), request(parsed), schemataOf(parsed));
    return 0;
  },
};

function request(parsed: Parsed): ResourcesRequest {
  const path = parsed.values.get("resources");
  if (path === "-") return { document: { path: "standard input", text: checkText(sys.read_fd(STDIN), "read the resources", "standard input", "read") } };
  if (path !== undefined) return { document: { path, text: checkText(sys.read_text(path), "read the resources", path, "open") } };
  for (const name of WITHOUT_EFFECT) if (parsed.values.has(name)) warn(`--${name} has no effect: kernels no longer have this limit`);
  return { resources: resourcesOf(parsed) };
}

function schemataOf(parsed: Parsed): string[] {
  const lines: string[] = [];
  for (const { name, form, example } of SCHEMATA) {
    // Empty: not given, as in runc.
    const line = parsed.values.get(name) ?? "";
    if (line === "") continue;
    if (!form.test(line)) throw new UsageError(`--${name}: ${JSON.stringify(line)} is not a line of schemata`, `for example "${example}"`);
    lines.push(line);
  }
  return lines;
}

function resourcesOf(parsed: Parsed): Resources {
  const sections: Record<string, Record<string, number | string>> = {};
  for (const { name, section, member, kind } of LIMITS) {
    const text = parsed.values.get(name);
    if (text === undefined) continue;
    sections[section] = { ...sections[section], [member]: kind === "text" ? text : kind === "size" ? parseSize(name, text) : wholeNumber(name, text) };
  }
  return sections as Resources;
}

function wholeNumber(flag: string, text: string): number {
  if (!/^-?[0-9]{1,15}$/.test(text)) throw new UsageError(`--${flag}: "${text}" is not a whole number`);
  return Number(text);
}
