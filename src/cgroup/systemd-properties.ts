// linux.resources and org.systemd.property.* annotations -> properties of a unit, as busctl(1) takes them. Pure.
// systemd writes its own values again when it reloads, so it has to know the limits that we write into the files.
import { ConfigError } from "../errors.ts";
import type { Int64, Resources } from "../spec/config.ts";
import { isSet, isUnlimited } from "./limit-list.ts";
import { blkioToIoWeight, sharesToWeight } from "./limits-v2.ts";

/** Name, D-Bus signature, and the words of the value. */
export type UnitProperty = readonly [name: string, signature: string, ...words: string[]];

const PREFIX = "org.systemd.property.";
const US_PER_S = 1_000_000;
const DEFAULT_PERIOD_US = 100_000;
/** systemd's own grain: CPUQuotaPerSecUSec is rounded up to 10 ms. */
const QUOTA_GRAIN_US = 10_000;
const NO_LIMIT = "18446744073709551615";

export function resourceProperties(resources: Resources | undefined, version: "v1" | "v2"): UnitProperty[] {
  const properties: UnitProperty[] = [];
  const { memory, cpu, pids, blockIO } = resources ?? {};
  const limit = (value: Int64) => (isUnlimited(value) ? NO_LIMIT : String(value));
  const add = (name: string, value: Int64 | undefined) => {
    if (isSet(value)) properties.push([name, "t", limit(value)]);
  };
  add(version === "v2" ? "MemoryMax" : "MemoryLimit", memory?.limit);
  if (version === "v2") {
    add("MemoryLow", memory?.reservation);
    const { swap, limit: most } = memory ?? {};
    if (isSet(swap) && isSet(most) && !isUnlimited(swap) && !isUnlimited(most)) properties.push(["MemorySwapMax", "t", String(BigInt(swap) - BigInt(most))]);
  }
  if (isSet(cpu?.shares)) properties.push(version === "v2" ? ["CPUWeight", "t", String(sharesToWeight(cpu.shares))] : ["CPUShares", "t", String(cpu.shares)]);
  if (isSet(cpu?.quota) || isSet(cpu?.period)) properties.push(...quotaProperties(cpu?.quota, cpu?.period));
  if (version === "v2" && cpu?.cpus) properties.push(["AllowedCPUs", "ay", ...bitmap(cpu.cpus)]);
  if (version === "v2" && cpu?.mems) properties.push(["AllowedMemoryNodes", "ay", ...bitmap(cpu.mems)]);
  if (isSet(pids?.limit)) properties.push(["TasksMax", "t", limit(pids.limit)]);
  if (isSet(blockIO?.weight))
    properties.push(version === "v2" ? ["IOWeight", "t", String(blkioToIoWeight(blockIO.weight))] : ["BlockIOWeight", "t", String(blockIO.weight)]);
  return properties;
}

function quotaProperties(quota: Int64 = 0, period: Int64 = 0): UnitProperty[] {
  const us = isSet(period) ? Number(period) : DEFAULT_PERIOD_US;
  const properties: UnitProperty[] = isSet(period) ? [["CPUQuotaPeriodUSec", "t", String(period)]] : [];
  const perSecond = Number(quota) > 0 ? Math.ceil((Number(quota) * US_PER_S) / us / QUOTA_GRAIN_US) * QUOTA_GRAIN_US : undefined;
  return [...properties, ["CPUQuotaPerSecUSec", "t", perSecond === undefined ? NO_LIMIT : String(perSecond)]];
}

/** "0-2,9" -> the count and the bytes of the mask, the lowest processors first. */
function bitmap(list: string): string[] {
  const bytes: number[] = [];
  for (const part of list.split(",")) {
    const [first = 0, last = first] = part.split("-").map(Number);
    for (let bit = first; bit <= last; bit++) {
      const index = bit >> 3;
      while (bytes.length <= index) bytes.push(0);
      bytes[index] = (bytes[index] ?? 0) | (1 << (bit & 7));
    }
  }
  return [String(bytes.length), ...bytes.map(String)];
}

/** Values are written as GVariant's text, as for runc. */
export function annotationProperties(annotations: Readonly<Record<string, string>> | undefined): UnitProperty[] {
  return Object.entries(annotations ?? {})
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, text]) => annotationProperty(key, key.slice(PREFIX.length), text.trim()));
}

function annotationProperty(key: string, name: string, text: string): UnitProperty {
  if (!/^[A-Z][A-Za-z]+$/.test(name)) throw invalid(key, `"${name}" is not the name of a property`);
  // Seconds, for people; the property itself counts microseconds.
  if (name.endsWith("Sec") && !name.endsWith("USec") && /^\d+(\.\d+)?$/.test(text))
    return [`${name.slice(0, -"Sec".length)}USec`, "t", String(Math.round(Number(text) * US_PER_S))];
  if (text === "true" || text === "false") return [name, "b", text];
  const string = /^(['"])((?:(?!\1)[^\\])*)\1$/.exec(text);
  if (string !== null) return [name, "s", string[2] ?? ""];
  const number = /^(?:(byte|int16|uint16|int32|uint32|int64|uint64|double) )?(-?\d+(?:\.\d+)?)$/.exec(text);
  if (number !== null) return [name, SIGNATURES[number[1] ?? "int32"] ?? "i", number[2] ?? ""];
  const list = /^\[(.*)\]$/.exec(text);
  if (list !== null) {
    const words = [...(list[1] ?? "").matchAll(/\s*(['"])((?:(?!\1)[^\\])*)\1\s*(?:,|$)/g)].map((match) => match[2] ?? "");
    return [name, "as", String(words.length), ...words];
  }
  throw invalid(key, `"${text}" is not a value that is understood`);
}

const SIGNATURES: Readonly<Record<string, string>> = { byte: "y", int16: "n", uint16: "q", int32: "i", uint32: "u", int64: "x", uint64: "t", double: "d" };

function invalid(key: string, message: string): ConfigError {
  return new ConfigError("TS1103", "config.json", [
    { pointer: `/annotations/${key.replaceAll("/", "~1")}`, message, hint: "GVariant text: true, 'text', uint64 5, ['a', 'b']" },
  ]);
}
