// Compiled limits and org.systemd.property.* annotations -> properties of a unit, as busctl(1) takes them. Pure.
// systemd writes its own values again when it reloads, so it has to know the limits that we write into the files.
import { ConfigError } from "../errors.ts";
import type { LimitWrite } from "./limit-list.ts";

/** Name, D-Bus signature, and the words of the value. */
export type UnitProperty = readonly [name: string, signature: string, ...words: string[]];

const PREFIX = "org.systemd.property.";
const US_PER_S = 1_000_000;
const DEFAULT_PERIOD_US = 100_000;
/** systemd's own grain: CPUQuotaPerSecUSec is rounded up to 10 ms. */
const QUOTA_GRAIN_US = 10_000;
const NO_LIMIT = "18446744073709551615";
/** What systemd takes as a number of a processor or of a memory node. */
const MOST_BITS = 8192;

/** Files that are one number in systemd as well. */
const NUMBERS: Readonly<Record<string, string>> = {
  "cpu.weight": "CPUWeight",
  "memory.min": "MemoryMin",
  "memory.low": "MemoryLow",
  "memory.high": "MemoryHigh",
  "memory.max": "MemoryMax",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
  // v1
  "cpu.shares": "CPUShares",
  "memory.limit_in_bytes": "MemoryLimit",
  "blkio.weight": "BlockIOWeight",
};
const BITMAPS: Readonly<Record<string, string>> = { "cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes" };
/** Words of io.max. */
const THROTTLES: Readonly<Record<string, string>> = {
  rbps: "IOReadBandwidthMax",
  wbps: "IOWriteBandwidthMax",
  riops: "IOReadIOPSMax",
  wiops: "IOWriteIOPSMax",
};
/** v1: "8:0 1048576". */
const DEVICE_NUMBERS: Readonly<Record<string, string>> = {
  "blkio.weight_device": "BlockIODeviceWeight",
  "blkio.throttle.read_bps_device": "BlockIOReadBandwidth",
  "blkio.throttle.write_bps_device": "BlockIOWriteBandwidth",
};

/** Nothing for a file that systemd has no property for. */
export function resourceProperties(writes: readonly LimitWrite[]): UnitProperty[] {
  const properties = writes.flatMap(({ file, value, instead }) => propertiesOf(file === "io.bfq.weight" && instead !== undefined ? instead : { file, value }));
  const isWeighted = properties.some(([name]) => name === "CPUWeight");
  // What is idle no more, and has no weight of its own.
  if (!isWeighted && writes.some(({ file, value }) => file === "cpu.idle" && value === "0")) properties.push(["CPUWeight", "t", NO_LIMIT]);
  return [...properties, ...quotaV1(writes)];
}

function propertiesOf({ file, value }: { readonly file: string; readonly value: string }): UnitProperty[] {
  const bitmap = BITMAPS[file];
  if (bitmap !== undefined) return bitmapProperty(bitmap, value);
  const device = DEVICE_NUMBERS[file];
  if (device !== undefined) return deviceProperty(device, value);
  switch (file) {
    case "cpu.max":
      return quotaProperties(value);
    case "cpu.idle":
      // 0 is systemd's word for idle; what is not idle has its weight from cpu.weight.
      return value === "1" ? [["CPUWeight", "t", "0"]] : [];
    case "io.weight":
      return value.includes(":") ? deviceProperty("IODeviceWeight", value) : numberProperty("IOWeight", value.replace(/^default /, ""));
    case "io.max":
      return throttleProperties(value);
    default:
      return numberProperty(NUMBERS[file], value);
  }
}

const SHIFTS: Readonly<Record<string, bigint>> = { "": 0n, K: 10n, M: 20n, G: 30n, T: 40n };

/** The kernel takes "max", -1 on v1, and suffixes. */
function numberProperty(name: string | undefined, text: string): UnitProperty[] {
  if (name === undefined) return [];
  if (text === "max" || text === "-1") return [[name, "t", NO_LIMIT]];
  const [, digits, suffix = ""] = /^(\d+)([KMGT]?)$/i.exec(text) ?? [];
  return digits === undefined ? [] : [[name, "t", String(BigInt(digits) << (SHIFTS[suffix.toUpperCase()] ?? 0n))]];
}

/** "50000 100000": both in microseconds; what is not said is the kernel's default. */
function quotaProperties(text: string): UnitProperty[] {
  const [quota = "max", period] = text.split(" ");
  const us = Number(period ?? DEFAULT_PERIOD_US);
  const perSecond = quota === "max" ? NO_LIMIT : String(Math.ceil((Number(quota) * US_PER_S) / us / QUOTA_GRAIN_US) * QUOTA_GRAIN_US);
  return [...(period === undefined ? [] : [["CPUQuotaPeriodUSec", "t", period] as const]), ["CPUQuotaPerSecUSec", "t", perSecond]];
}

function quotaV1(writes: readonly LimitWrite[]): UnitProperty[] {
  const [quota, period] = ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map((name) => writes.find(({ file }) => file === name)?.value);
  if (quota === undefined && period === undefined) return [];
  return quotaProperties(`${quota === undefined || Number(quota) < 0 ? "max" : quota}${period === undefined ? "" : ` ${period}`}`);
}

/** "0-2,9" -> the count and the bytes of the mask, the lowest first. */
function bitmapProperty(name: string, list: string): UnitProperty[] {
  const bytes: number[] = [];
  for (const part of list.split(",")) {
    const [first = 0, last = first] = part.split("-").map(Number);
    // The kernel will say what is wrong with it.
    if (!(last < MOST_BITS)) return [];
    for (let bit = first; bit <= last; bit++) {
      const index = bit >> 3;
      while (bytes.length <= index) bytes.push(0);
      bytes[index] = (bytes[index] ?? 0) | (1 << (bit & 7));
    }
  }
  return [[name, "ay", String(bytes.length), ...bytes.map(String)]];
}

/** systemd names devices by their nodes. */
function deviceProperty(name: string, text: string): UnitProperty[] {
  const [number = "", value = ""] = text.split(" ");
  return /^\d+$/.test(value) ? [[name, "a(st)", "1", `/dev/block/${number}`, value]] : [];
}

function throttleProperties(text: string): UnitProperty[] {
  const [number = "", ...words] = text.split(" ");
  return words.flatMap((word) => {
    const [key = "", value = ""] = word.split("=");
    const name = THROTTLES[key];
    return name === undefined ? [] : deviceProperty(name, `${number} ${value === "max" ? NO_LIMIT : value}`);
  });
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
  if (number !== null) {
    const [, type = number[2]?.includes(".") ? "double" : "int32", digits = ""] = number;
    return [name, SIGNATURES[type] ?? "", digits];
  }
  if (/^\[\s*(""(\s*,\s*"")*)?\s*\]$/.test(text.replace(STRINGS, '""'))) {
    const words = [...text.matchAll(STRINGS)].map((match) => match[2] ?? "");
    return [name, "as", String(words.length), ...words];
  }
  throw invalid(key, `"${text}" is not a value that is understood`);
}

/** Quoted, without escapes. */
const STRINGS = /(['"])((?:(?!\1)[^\\])*)\1/g;
const SIGNATURES: Readonly<Record<string, string>> = { byte: "y", int16: "n", uint16: "q", int32: "i", uint32: "u", int64: "x", uint64: "t", double: "d" };

function invalid(key: string, message: string): ConfigError {
  return new ConfigError("TS1103", "config.json", [
    { pointer: `/annotations/${key.replaceAll("/", "~1")}`, message, hint: "GVariant text: true, 'text', uint64 5, ['a', 'b']" },
  ]);
}
