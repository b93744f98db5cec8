// What a cgroup has used, in the shape of runc's events (types/events.go), which engines read.
import type { CgroupPlaceRecord, CgroupRecord } from "./driver.ts";
import { readFile, readWords } from "./files.ts";
import { statsV1 } from "./stats-v1.ts";
import { statsV2 } from "./stats-v2.ts";

/** Counters are bigint: many are beyond 2^53. */
export interface MemoryEntry {
  readonly limit: bigint;
  readonly usage: bigint;
  readonly max: bigint;
  readonly failcnt: bigint;
}

export interface BlkioEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: bigint;
}

export interface Pressure {
  readonly [kind: string]: Readonly<Record<string, number | bigint>>;
}

export interface Stats {
  readonly cpu: {
    readonly usage: {
      readonly total: bigint;
      readonly percpu?: readonly bigint[];
      readonly percpu_kernel?: readonly bigint[];
      readonly percpu_user?: readonly bigint[];
      readonly kernel: bigint;
      readonly user: bigint;
    };
    readonly throttling: { readonly periods: bigint; readonly throttledPeriods: bigint; readonly throttledTime: bigint };
    readonly psi?: Pressure;
  };
  readonly cpuset: Readonly<Record<string, number | readonly number[]>>;
  readonly memory: {
    readonly cache: bigint;
    readonly usage: MemoryEntry;
    readonly swap: MemoryEntry;
    readonly kernel?: MemoryEntry;
    readonly kernelTCP?: MemoryEntry;
    readonly raw: Readonly<Record<string, bigint>>;
    readonly psi?: Pressure;
  };
  readonly pids: { readonly current: bigint; readonly limit: bigint };
  readonly blkio: Readonly<Record<string, readonly BlkioEntry[] | Pressure>>;
  readonly hugetlb: Readonly<Record<string, { readonly usage: bigint; readonly max: bigint; readonly failcnt: bigint }>>;
  readonly intel_rdt: Readonly<Record<string, never>>;
  readonly network_interfaces: null;
}

export function cgroupStats(record: CgroupRecord): Stats {
  const find = (controller: string) => record.places.find(({ controllers }) => controllers.includes(controller))?.path;
  if (record.layout !== "v2") return statsV1(find);
  return statsV2((record.places[0] as CgroupPlaceRecord | undefined)?.path ?? "");
}

/** A file with one number; 0 when it is not there, `max` when it says so. */
export function counter(path: string, max = 0n): bigint {
  const text = readFile(path);
  if (text === "max") return max;
  return typeof text === "string" && /^\d+$/.test(text) ? BigInt(text) : 0n;
}

/** Lines of "name number". */
export function counters(path: string): Record<string, bigint> {
  const words = readWords(path);
  const result: Record<string, bigint> = {};
  for (let i = 0; i + 1 < words.length; i += 2) if (/^\d+$/.test(words[i + 1] ?? "")) result[words[i] ?? ""] = BigInt(words[i + 1] ?? "0");
  return result;
}

/** "0-2,5" as cpuset(7) writes it. */
export function numberList(text: string): number[] {
  return text === ""
    ? []
    : text.split(",").flatMap((part) => {
        const [first = 0, last = first] = part.split("-").map(Number);
        return Array.from({ length: last - first + 1 }, (_, index) => first + index);
      });
}

/** Page sizes with limits here: "2MB". */
export const HUGE_PAGE_SIZES = ["64KB", "2MB", "32MB", "1GB"] as const;
