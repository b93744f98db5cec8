// linux.resources (spec 8.35 to 8.43), as far as it can be told without the machine's cgroups.
import type { Config, Resources } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";
import { pointerPart } from "./namespace-set.ts";

const AT = "/linux/resources";
const MEMORY_LIMITS = ["limit", "reservation", "swap", "kernel", "kernelTCP"] as const;

export function cgroupProblems(config: Config): Problem[] {
  const { resources } = config.linux ?? {};
  if (resources === undefined) return [];
  return [...deviceRules(resources), ...limits(resources), ...blockIO(resources), ...names(resources)];
}

function deviceRules({ devices }: Resources): Problem[] {
  const problems: Problem[] = [];
  for (const [index, { access, major = -1, minor = -1 }] of (devices ?? []).entries()) {
    const pointer = `${AT}/devices/${index}`;
    if (access !== undefined && !/^[rwm]*$/.test(access))
      problems.push({ pointer: `${pointer}/access`, message: `"${access}" has other letters than r, w and m` });
    if (major < -1 || minor < -1) problems.push({ pointer, message: "a device number is below -1, which means any" });
  }
  return problems;
}

function limits({ memory, cpu, pids }: Resources): Problem[] {
  const problems: Problem[] = [];
  for (const name of MEMORY_LIMITS) {
    const limit = memory?.[name] ?? 0;
    if (limit < -1) problems.push({ pointer: `${AT}/memory/${name}`, message: `memory.${name} ${limit} is below -1, which means no limit` });
  }
  const { burst, quota = 0 } = cpu ?? {};
  if (burst !== undefined && quota > 0 && burst > quota)
    problems.push({ pointer: `${AT}/cpu/burst`, message: `cpu.burst ${burst} is above the quota ${quota}` });
  if ((pids?.limit ?? 0) < -1) problems.push({ pointer: `${AT}/pids/limit`, message: `pids.limit ${pids?.limit} is below -1, which means no limit` });
  return problems;
}

function blockIO({ blockIO }: Resources): Problem[] {
  const problems: Problem[] = [];
  for (const [index, device] of (blockIO?.weightDevice ?? []).entries()) {
    if (device.weight === undefined && device.leafWeight === undefined)
      problems.push({ pointer: `${AT}/blockIO/weightDevice/${index}`, message: "a weightDevice needs weight or leafWeight" });
  }
  return problems;
}

function names({ unified, rdma }: Resources): Problem[] {
  const problems: Problem[] = [];
  for (const key of Object.keys(unified ?? {})) {
    // A key is one file in the cgroup's own directory; a path could leave it.
    if (key === "" || key.includes("/") || key.startsWith("."))
      problems.push({ pointer: `${AT}/unified/${pointerPart(key)}`, message: `"${key}" is not the name of a cgroup file` });
  }
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(rdma ?? {})) {
    if (hcaHandles === undefined && hcaObjects === undefined)
      problems.push({ pointer: `${AT}/rdma/${pointerPart(device)}`, message: "an rdma entry needs hcaHandles or hcaObjects" });
  }
  return problems;
}
