// linux.resources -> files of cgroup v2. Values are converted where v2 counts differently; what cannot be converted is refused.
import type { Int64, Resources } from "../spec/config.ts";
import { addHugepages, addRdma, isNotGiven, isSet, isUnlimited, type LimitList, pointerPart } from "./limit-list.ts";

export function limitsV2(list: LimitList, resources: Resources): void {
  addCpuset(list, resources.cpu);
  addCpu(list, resources.cpu);
  addMemory(list, resources.memory);
  if (resources.pids?.limit !== undefined) list.add("pids.max", orMax(resources.pids.limit), "/pids/limit");
  addBlockIo(list, resources.blockIO);
  addHugepages(list, resources.hugepageLimits, "max");
  if (isSet(resources.network?.classID)) list.refuse("/network/classID", "cgroup v2 has no network class", NO_V1_HINT);
  if (resources.network?.priorities?.length) list.refuse("/network/priorities", "cgroup v2 has no network priorities", NO_V1_HINT);
  addRdma(list, resources.rdma);
  addUnified(list, resources.unified);
}

const NO_V1_HINT = "remove it: there is nothing in cgroup v2 that it could be converted to";

function orMax(value: Int64): Int64 | string {
  return isUnlimited(value) ? "max" : value;
}

/**
 * cpu.shares (2..262144, default 1024) -> cpu.weight (1..10000, default 100): the exponent is the parabola through the
 * three pairs, so that the default stays the default (https://github.com/kubernetes/kubernetes/issues/131216).
 */
export function sharesToWeight(shares: Int64): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const log = Math.log2(Number(shares));
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** blkio weight 10..1000 -> io.weight 1..10000, linear. */
export function blkioToIoWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function addCpuset(list: LimitList, cpu: Resources["cpu"]): void {
  if (cpu?.cpus) list.add("cpuset.cpus", cpu.cpus, "/cpu/cpus");
  if (cpu?.mems) list.add("cpuset.mems", cpu.mems, "/cpu/mems");
}

function addCpu(list: LimitList, cpu: Resources["cpu"]): void {
  if (cpu === undefined) return;
  // An idle cgroup takes no weight (EINVAL) until cpu.idle is 0.
  if (isSet(cpu.shares)) list.add("cpu.weight", sharesToWeight(cpu.shares), "/cpu/shares", { again: true });
  if (cpu.idle !== undefined) list.add("cpu.idle", cpu.idle, "/cpu/idle");
  const timed = isSet(cpu.quota) || isSet(cpu.period);
  // A burst above the old quota may fit the new one.
  if (cpu.burst !== undefined) list.add("cpu.max.burst", cpu.burst, "/cpu/burst", { again: timed });
  if (timed) {
    const quota = isSet(cpu.quota) ? orMax(cpu.quota) : "max";
    list.add("cpu.max", isSet(cpu.period) ? `${quota} ${cpu.period}` : quota, isSet(cpu.quota) ? "/cpu/quota" : "/cpu/period");
  }
  if (isSet(cpu.realtimePeriod)) list.refuse("/cpu/realtimePeriod", "cgroup v2 has no real-time period", NO_V1_HINT);
  if (isSet(cpu.realtimeRuntime)) list.refuse("/cpu/realtimeRuntime", "cgroup v2 has no real-time runtime", NO_V1_HINT);
}

function addMemory(list: LimitList, memory: Resources["memory"]): void {
  if (memory === undefined) return;
  const { limit, reservation } = memory;
  addSwap(list, memory);
  if (isSet(limit)) {
    list.add("memory.max", orMax(limit), "/memory/limit");
    if (memory.checkBeforeUpdate === true && !isUnlimited(limit)) list.usageBelow = { limit, at: "/linux/resources/memory/limit" };
  }
  if (isSet(reservation)) list.add("memory.low", orMax(reservation), "/memory/reservation");
  if (memory.swappiness !== undefined && !isNotGiven(memory.swappiness))
    list.refuse("/memory/swappiness", "cgroup v2 has no swappiness for each cgroup", NO_V1_HINT);
  if (memory.disableOOMKiller === true) list.refuse("/memory/disableOOMKiller", "cgroup v2 cannot disable the OOM killer", NO_V1_HINT);
  if (isSet(memory.kernel) || isSet(memory.kernelTCP))
    list.warnings.push("memory.kernel and memory.kernelTCP have no effect: kernels no longer have these limits");
}

/** v1 counts memory and swap together, v2 swap alone. */
function addSwap(list: LimitList, memory: NonNullable<Resources["memory"]>): void {
  const { limit, swap } = memory;
  const at = "/memory/swap";
  // A kernel without swap accounting has no such file, and then there is no swap to limit.
  if (!isSet(swap)) {
    if (isSet(limit) && isUnlimited(limit)) list.add("memory.swap.max", "max", "/memory/limit", { optional: true });
  } else if (isUnlimited(swap)) list.add("memory.swap.max", "max", at, { optional: true });
  else if (!isSet(limit))
    list.refuse(at, "swap needs memory.limit: it is memory and swap together, and cgroup v2 counts swap alone", "set memory.limit as well");
  else if (isUnlimited(limit)) list.add("memory.swap.max", swap, at);
  else if (swap < limit) list.invalid(at, `swap (memory and swap together, ${swap}) is less than memory.limit (${limit})`);
  else {
    const only = BigInt(swap) - BigInt(limit);
    list.add("memory.swap.max", only, at, { optional: only === 0n });
  }
}

function addBlockIo(list: LimitList, block: Resources["blockIO"]): void {
  if (block === undefined) return;
  const bfqOrIo = (device: string, weight: number, at: string) => {
    // BFQ has v1's range; io.weight (iocost) has its own.
    const instead = { file: "io.weight", value: `${device}${blkioToIoWeight(weight)}` };
    list.add("io.bfq.weight", `${device}${weight}`, at, { instead });
  };
  if (isSet(block.weight)) bfqOrIo("", block.weight, "/blockIO/weight");
  if (isSet(block.leafWeight)) list.refuse("/blockIO/leafWeight", "cgroup v2 has no leaf weight", NO_V1_HINT);
  for (const [index, device] of (block.weightDevice ?? []).entries()) {
    const at = `/blockIO/weightDevice/${index}`;
    if (isSet(device.weight)) bfqOrIo(`${device.major}:${device.minor} `, device.weight, at);
    if (isSet(device.leafWeight)) list.refuse(`${at}/leafWeight`, "cgroup v2 has no leaf weight", NO_V1_HINT);
  }
  for (const [key, name] of THROTTLES) {
    for (const [index, { major, minor, rate }] of (block[key] ?? []).entries()) {
      // v1 removes a limit by 0, which v2 refuses.
      list.add("io.max", `${major}:${minor} ${name}=${isSet(rate) ? rate : "max"}`, `/blockIO/${key}/${index}`);
    }
  }
}

const THROTTLES = [
  ["throttleReadBpsDevice", "rbps"],
  ["throttleWriteBpsDevice", "wbps"],
  ["throttleReadIOPSDevice", "riops"],
  ["throttleWriteIOPSDevice", "wiops"],
] as const;

/** Keys are file names and are written as they are, known or not; one write for each line, as the kernel reads them. */
function addUnified(list: LimitList, unified: Resources["unified"]): void {
  for (const [file, text] of Object.entries(unified ?? {})) {
    const at = `/unified/${pointerPart(file)}`;
    // A key that is a path could reach another cgroup.
    if (!/^[A-Za-z0-9_]+\.[^/\0]+$/.test(file)) list.invalid(at, `"${file}" is no cgroup file name`, "write it as controller.parameter, without slashes");
    else for (const line of text.replace(/\n+$/, "").split("\n")) list.add(file, line, at);
  }
}
