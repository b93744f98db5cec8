// What limits-v1.ts and limits-v2.ts share: the list of writes to cgroup files, and the files that are named alike.
import type { Finding } from "../errors.ts";
import type { Int64, Resources } from "../spec/config.ts";

/** One write. */
export interface LimitWrite {
  /** v1: controller of the hierarchy; v2: controller that must be enabled ("cgroup": the core, always there). */
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** JSON pointer of the config line. */
  readonly at: string;
  /** Refused with EINVAL, it is tried again after the others: the kernel checks it against their old values. */
  readonly again?: boolean;
  /** Written instead when the kernel has no such file. */
  readonly instead?: { readonly file: string; readonly value: string };
  /** That the kernel has no such file is fine. */
  readonly optional?: boolean;
}

/** JSON pointer of linux.resources. */
export const AT = "/linux/resources";

/** Collects the writes and the errors of one compilation. */
export class LimitList {
  readonly writes: LimitWrite[] = [];
  readonly warnings: string[] = [];
  readonly findings: (Finding & { readonly code: "TS1103" | "TS1104" })[] = [];
  usageBelow: { readonly limit: Int64; readonly at: string } | undefined;

  /** Adds a write; engines send 0 for "not set", so that callers ask isSet first. */
  add(file: string, value: Int64 | string, at: string, more: Omit<LimitWrite, "controller" | "file" | "value" | "at"> = {}): void {
    this.writes.push({ controller: file.slice(0, file.indexOf(".")), file, value: String(value), at: AT + at, ...more });
  }

  /** A value that is wrong on every machine, or does not go with another one. */
  invalid(at: string, message: string, hint?: string): void {
    this.findings.push({ code: "TS1103", pointer: AT + at, message, ...(hint === undefined ? {} : { hint }) });
  }

  /** What this version of cgroups cannot do. */
  refuse(at: string, message: string, hint?: string): void {
    this.findings.push({ code: "TS1104", pointer: AT + at, message, ...(hint === undefined ? {} : { hint }) });
  }
}

/** A number that asks for something: there and not 0. */
export function isSet(value: Int64 | undefined): value is Int64 {
  return value !== undefined && Number(value) !== 0;
}

/** -1 and below mean no limit. */
export function isUnlimited(value: Int64): boolean {
  return value < 0;
}

/** Engines write -1 as an unsigned number for "no swappiness given". */
export function isNotGiven(swappiness: number | bigint): boolean {
  return swappiness < 0 || swappiness === 0xffffffffffffffffn;
}

/** A part of a JSON pointer. */
export function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** What is named alike in v1 and v2. */
export function addRdma(list: LimitList, rdma: Resources["rdma"]): void {
  for (const [device, limit] of Object.entries(rdma ?? {})) {
    const words = [device];
    if (limit.hcaHandles !== undefined) words.push(`hca_handle=${limit.hcaHandles}`);
    if (limit.hcaObjects !== undefined) words.push(`hca_object=${limit.hcaObjects}`);
    list.add("rdma.max", words.join(" "), `/rdma/${pointerPart(device)}`);
  }
}

/** Reservation limits where the kernel has them, and the page fault limits that every kernel has. */
export function addHugepages(list: LimitList, limits: Resources["hugepageLimits"], suffix: string): void {
  for (const [index, { pageSize, limit }] of (limits ?? []).entries()) {
    const at = `/hugepageLimits/${index}`;
    if (!/^[0-9]+[KMG]B$/.test(pageSize)) {
      list.invalid(`${at}/pageSize`, `"${pageSize}" is no page size`, 'write it as in "64KB", "2MB" or "1GB"');
      continue;
    }
    list.add(`hugetlb.${pageSize}.rsvd.${suffix}`, limit, at, { optional: true });
    list.add(`hugetlb.${pageSize}.${suffix}`, limit, at);
  }
}
