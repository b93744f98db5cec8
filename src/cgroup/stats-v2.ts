// cgroup v2 files -> statistics in the same shape.
import { readFile } from "./files.ts";
import { type BlkioEntry, counter, counters, HUGE_PAGE_SIZES, numberList, type Pressure, type Stats } from "./stats.ts";

const NS_PER_US = 1000n;
const NO_LIMIT = 18446744073709551615n;

export function statsV2(directory: string): Stats {
  const cpu = counters(`${directory}/cpu.stat`);
  const us = (name: string) => (cpu[name] ?? 0n) * NS_PER_US;
  const effective = (file: string) => {
    const text = readFile(`${directory}/${file}`);
    return typeof text === "string" ? numberList(text) : [];
  };
  return {
    cpu: {
      usage: { total: us("usage_usec"), kernel: us("system_usec"), user: us("user_usec") },
      throttling: { periods: cpu["nr_periods"] ?? 0n, throttledPeriods: cpu["nr_throttled"] ?? 0n, throttledTime: us("throttled_usec") },
      ...pressure(`${directory}/cpu.pressure`),
    },
    cpuset: { cpus: effective("cpuset.cpus.effective"), mems: effective("cpuset.mems.effective") },
    memory: memory(directory),
    pids: { current: counter(`${directory}/pids.current`), limit: counter(`${directory}/pids.max`) },
    blkio: { ...blkio(`${directory}/io.stat`), ...pressure(`${directory}/io.pressure`) },
    hugetlb: hugetlb(directory),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function memory(directory: string): Stats["memory"] {
  const raw = counters(`${directory}/memory.stat`);
  const usage = {
    limit: counter(`${directory}/memory.max`, NO_LIMIT),
    usage: counter(`${directory}/memory.current`),
    max: counter(`${directory}/memory.peak`),
    failcnt: 0n,
  };
  const swapLimit = counter(`${directory}/memory.swap.max`, NO_LIMIT);
  // As in v1: memory and swap together.
  const limit = usage.limit === NO_LIMIT || swapLimit === NO_LIMIT ? NO_LIMIT : usage.limit + swapLimit;
  const swap = { limit, usage: usage.usage + counter(`${directory}/memory.swap.current`), max: 0n, failcnt: 0n };
  return { cache: raw["file"] ?? 0n, usage, swap, raw, ...pressure(`${directory}/memory.pressure`) };
}

/** "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; nothing where the kernel has no pressure information. */
function pressure(path: string): { psi?: Pressure } {
  const text = readFile(path);
  if (typeof text === "number" || text === "") return {};
  const psi: Record<string, Record<string, number | bigint>> = {};
  for (const line of text.split("\n")) {
    const [kind = "", ...pairs] = line.split(" ");
    psi[kind] = Object.fromEntries(
      pairs.map((pair) => {
        const [name = "", value = "0"] = pair.split("=");
        return [name, name === "total" ? BigInt(value) : Number(value)];
      }),
    );
  }
  return { psi };
}

/** "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6". */
function blkio(path: string): Record<string, readonly BlkioEntry[]> {
  const bytes: BlkioEntry[] = [];
  const operations: BlkioEntry[] = [];
  const text = readFile(path);
  for (const line of typeof text === "string" ? text.split("\n") : []) {
    const [, major, minor, rest] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    for (const pair of rest?.split(" ") ?? []) {
      const [name = "", value = "0"] = pair.split("=");
      const op = { r: "Read", w: "Write", d: "Discard" }[name[0] ?? ""];
      if (op === undefined) continue;
      const entry = { major: Number(major), minor: Number(minor), op, value: BigInt(value) };
      if (name.endsWith("bytes")) bytes.push(entry);
      else if (name.endsWith("ios")) operations.push(entry);
    }
  }
  return { ...(bytes.length === 0 ? {} : { ioServiceBytesRecursive: bytes }), ...(operations.length === 0 ? {} : { ioServicedRecursive: operations }) };
}

function hugetlb(directory: string): Stats["hugetlb"] {
  const result: Record<string, Stats["hugetlb"][string]> = {};
  for (const size of HUGE_PAGE_SIZES) {
    const prefix = `${directory}/hugetlb.${size}`;
    if (typeof readFile(`${prefix}.current`) === "number") continue;
    result[size] = { usage: counter(`${prefix}.current`), max: 0n, failcnt: counters(`${prefix}.events`)["max"] ?? 0n };
  }
  return result;
}
