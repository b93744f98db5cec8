// linux.resources -> files of cgroup v1. The names of the specification are those of v1, so that little is converted.
import type { Resources } from "../spec/config.ts";
import { addHugepages, addRdma, isNotGiven, isSet, isUnlimited, type LimitList } from "./limit-list.ts";

const MIN_SHARES = 2;
const MAX_SHARES = 262144;

export function limitsV1(list: LimitList, resources: Resources): void {
  addCpuset(list, resources.cpu);
  addCpu(list, resources.cpu);
  addMemory(list, resources.memory);
  if (resources.pids?.limit !== undefined) list.add("pids.max", isUnlimited(resources.pids.limit) ? "max" : resources.pids.limit, "/pids/limit");
  addBlockIo(list, resources.blockIO);
  addHugepages(list, resources.hugepageLimits, "limit_in_bytes");
  addNetwork(list, resources.network);
  addRdma(list, resources.rdma);
  if (Object.keys(resources.unified ?? {}).length > 0)
    list.refuse("/unified", "unified needs cgroup v2, and the controllers of this machine are in v1 hierarchies");
}

function addCpuset(list: LimitList, cpu: Resources["cpu"]): void {
  if (cpu?.cpus) list.add("cpuset.cpus", cpu.cpus, "/cpu/cpus");
  if (cpu?.mems) list.add("cpuset.mems", cpu.mems, "/cpu/mems");
}

function addCpu(list: LimitList, cpu: Resources["cpu"]): void {
  if (cpu === undefined) return;
  if (isSet(cpu.shares)) {
    // The kernel would clamp it in silence.
    if (cpu.shares < MIN_SHARES || cpu.shares > MAX_SHARES) list.invalid("/cpu/shares", `shares must be between ${MIN_SHARES} and ${MAX_SHARES}`);
    // An idle cgroup takes no shares (EINVAL) until cpu.idle is 0.
    else list.add("cpu.shares", cpu.shares, "/cpu/shares", { again: true });
  }
  // A shorter period or a larger burst may not fit the old quota, but fit the new one.
  const again = isSet(cpu.quota);
  if (isSet(cpu.period)) list.add("cpu.cfs_period_us", cpu.period, "/cpu/period", { again });
  if (cpu.burst !== undefined) list.add("cpu.cfs_burst_us", cpu.burst, "/cpu/burst", { again });
  if (isSet(cpu.quota)) list.add("cpu.cfs_quota_us", cpu.quota, "/cpu/quota");
  if (cpu.idle !== undefined) list.add("cpu.idle", cpu.idle, "/cpu/idle");
  if (isSet(cpu.realtimePeriod)) list.add("cpu.rt_period_us", cpu.realtimePeriod, "/cpu/realtimePeriod", { again: isSet(cpu.realtimeRuntime) });
  if (isSet(cpu.realtimeRuntime)) list.add("cpu.rt_runtime_us", cpu.realtimeRuntime, "/cpu/realtimeRuntime");
}

function addMemory(list: LimitList, memory: Resources["memory"]): void {
  if (memory === undefined) return;
  const { limit, swap, reservation, swappiness } = memory;
  // limit <= memsw must hold after every write: on growth the limit is refused first and fits once memsw is written.
  if (isSet(limit)) list.add("memory.limit_in_bytes", limit, "/memory/limit", { again: true });
  if (isSet(swap)) list.add("memory.memsw.limit_in_bytes", swap, "/memory/swap");
  else if (isSet(limit) && isUnlimited(limit)) list.add("memory.memsw.limit_in_bytes", limit, "/memory/limit", { optional: true });
  if (isSet(reservation)) list.add("memory.soft_limit_in_bytes", reservation, "/memory/reservation");
  if (memory.disableOOMKiller === true) list.add("memory.oom_control", "1", "/memory/disableOOMKiller");
  if (swappiness !== undefined && !isNotGiven(swappiness)) {
    if (swappiness > 100) list.invalid("/memory/swappiness", "swappiness must be between 0 and 100");
    else list.add("memory.swappiness", swappiness, "/memory/swappiness");
  }
  if (isSet(memory.kernel) || isSet(memory.kernelTCP))
    list.warnings.push("memory.kernel and memory.kernelTCP have no effect: kernels no longer have these limits");
}

function addBlockIo(list: LimitList, block: Resources["blockIO"]): void {
  if (block === undefined) return;
  const weight = (file: string, bfq: string, value: string | number, at: string) => list.add(file, value, at, { instead: { file: bfq, value: String(value) } });
  if (isSet(block.weight)) weight("blkio.weight", "blkio.bfq.weight", block.weight, "/blockIO/weight");
  if (isSet(block.leafWeight)) list.add("blkio.leaf_weight", block.leafWeight, "/blockIO/leafWeight");
  for (const [index, device] of (block.weightDevice ?? []).entries()) {
    const at = `/blockIO/weightDevice/${index}`;
    const number = `${device.major}:${device.minor}`;
    if (isSet(device.weight)) weight("blkio.weight_device", "blkio.bfq.weight_device", `${number} ${device.weight}`, at);
    if (isSet(device.leafWeight)) list.add("blkio.leaf_weight_device", `${number} ${device.leafWeight}`, at);
  }
  for (const [key, file] of THROTTLES) {
    for (const [index, device] of (block[key] ?? []).entries()) {
      list.add(`blkio.throttle.${file}`, `${device.major}:${device.minor} ${device.rate}`, `/blockIO/${key}/${index}`);
    }
  }
}

const THROTTLES = [
  ["throttleReadBpsDevice", "read_bps_device"],
  ["throttleWriteBpsDevice", "write_bps_device"],
  ["throttleReadIOPSDevice", "read_iops_device"],
  ["throttleWriteIOPSDevice", "write_iops_device"],
] as const;

function addNetwork(list: LimitList, network: Resources["network"]): void {
  if (isSet(network?.classID)) list.add("net_cls.classid", network.classID, "/network/classID");
  for (const [index, { name, priority }] of (network?.priorities ?? []).entries())
    list.add("net_prio.ifpriomap", `${name} ${priority}`, `/network/priorities/${index}`);
}
