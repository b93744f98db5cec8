// cgroup v1 files -> statistics. A hierarchy that is not mounted counts 0.
import { readFile, readWords } from "./files.ts";
import { type BlkioEntry, counter, counters, HUGE_PAGE_SIZES, type MemoryEntry, numberList, type Stats } from "./stats.ts";

/** cpuacct.stat counts in USER_HZ. */
const NS_PER_TICK = 10_000_000n;
const CPUSET_NUMBERS = [
  "cpu_exclusive",
  "mem_hardwall",
  "mem_exclusive",
  "memory_migrate",
  "memory_spread_page",
  "memory_spread_slab",
  "memory_pressure",
  "sched_load_balance",
  "sched_relax_domain_level",
] as const;
/** Member of runc's shape -> file of the BFQ or throttling policy. */
const BLKIO_FILES = [
  ["ioServiceBytesRecursive", ["blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"]],
  ["ioServicedRecursive", ["blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"]],
  ["ioQueueRecursive", ["blkio.bfq.io_queued_recursive"]],
  ["ioServiceTimeRecursive", ["blkio.bfq.io_service_time_recursive"]],
  ["ioWaitTimeRecursive", ["blkio.bfq.io_wait_time_recursive"]],
  ["ioMergedRecursive", ["blkio.bfq.io_merged_recursive"]],
  ["ioTimeRecursive", ["blkio.bfq.time_recursive"]],
  ["sectorsRecursive", ["blkio.bfq.sectors_recursive"]],
] as const;

/** Where nothing is: a relative path would be a file of the caller's. */
const NOWHERE = "/sys/fs/cgroup/-";

export function statsV1(placeOf: (controller: string) => string | undefined): Stats {
  const directoryOf = (controller: string) => placeOf(controller) ?? NOWHERE;
  const [cpu, cpuacct, cpuset, memory] = [directoryOf("cpu"), directoryOf("cpuacct"), directoryOf("cpuset"), directoryOf("memory")];
  const throttled = counters(`${cpu}/cpu.stat`);
  const raw = counters(`${memory}/memory.stat`);
  return {
    cpu: {
      usage: cpuUsage(cpuacct),
      throttling: {
        periods: throttled["nr_periods"] ?? 0n,
        throttledPeriods: throttled["nr_throttled"] ?? 0n,
        throttledTime: throttled["throttled_time"] ?? 0n,
      },
    },
    cpuset: cpusetStats(cpuset),
    memory: {
      cache: raw["cache"] ?? 0n,
      usage: memoryEntry(`${memory}/memory`),
      swap: memoryEntry(`${memory}/memory.memsw`),
      kernel: memoryEntry(`${memory}/memory.kmem`),
      kernelTCP: memoryEntry(`${memory}/memory.kmem.tcp`),
      raw,
    },
    pids: { current: counter(`${directoryOf("pids")}/pids.current`), limit: counter(`${directoryOf("pids")}/pids.max`) },
    blkio: blkio(directoryOf("blkio")),
    hugetlb: hugetlb(directoryOf("hugetlb")),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function cpuUsage(directory: string): Stats["cpu"]["usage"] {
  const ticks = counters(`${directory}/cpuacct.stat`);
  // "cpu user system" and a line for each processor.
  const all = readWords(`${directory}/cpuacct.usage_all`).slice(3);
  const column = (offset: number) => all.filter((_, index) => index % 3 === offset).map(BigInt);
  return {
    total: counter(`${directory}/cpuacct.usage`),
    percpu: readWords(`${directory}/cpuacct.usage_percpu`).map(BigInt),
    percpu_kernel: column(2),
    percpu_user: column(1),
    kernel: (ticks["system"] ?? 0n) * NS_PER_TICK,
    user: (ticks["user"] ?? 0n) * NS_PER_TICK,
  };
}

function cpusetStats(directory: string): Stats["cpuset"] {
  const list = (file: string) => {
    const text = readFile(`${directory}/${file}`);
    return typeof text === "string" ? numberList(text) : [];
  };
  const numbers: Record<string, number | readonly number[]> = { cpus: list("cpuset.cpus"), mems: list("cpuset.mems") };
  for (const name of CPUSET_NUMBERS) numbers[name] = Number(readFile(`${directory}/cpuset.${name}`));
  return numbers;
}

function memoryEntry(prefix: string): MemoryEntry {
  return {
    limit: counter(`${prefix}.limit_in_bytes`),
    usage: counter(`${prefix}.usage_in_bytes`),
    max: counter(`${prefix}.max_usage_in_bytes`),
    failcnt: counter(`${prefix}.failcnt`),
  };
}

function blkio(directory: string): Stats["blkio"] {
  const result: Record<string, readonly BlkioEntry[]> = {};
  for (const [member, files] of BLKIO_FILES) {
    for (const file of files) {
      const entries = blkioEntries(`${directory}/${file}`);
      if (entries.length === 0) continue;
      result[member] = entries;
      break;
    }
  }
  return result;
}

/** Lines "major:minor operation value", or without an operation; the "Total" of all devices has no device. */
function blkioEntries(path: string): BlkioEntry[] {
  const text = readFile(path);
  if (typeof text === "number") return [];
  return text.split("\n").flatMap((line) => {
    const parts = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line);
    return parts === null ? [] : [{ major: Number(parts[1]), minor: Number(parts[2]), op: parts[3] ?? "", value: BigInt(parts[4] ?? "0") }];
  });
}

function hugetlb(directory: string): Stats["hugetlb"] {
  const result: Record<string, Stats["hugetlb"][string]> = {};
  for (const size of HUGE_PAGE_SIZES) {
    const prefix = `${directory}/hugetlb.${size}`;
    if (typeof readFile(`${prefix}.usage_in_bytes`) === "number") continue;
    result[size] = { usage: counter(`${prefix}.usage_in_bytes`), max: counter(`${prefix}.max_usage_in_bytes`), failcnt: counter(`${prefix}.failcnt`) };
  }
  return result;
}
