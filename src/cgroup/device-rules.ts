// linux.resources.devices -> the device rules of a container, and what cgroup v1 writes for them. Pure.
// The v2 program comes from the same rules: device-filter.ts.
import { ConfigError } from "../errors.ts";
import type { Resources } from "../spec/config.ts";

export const READ = 2;
export const WRITE = 4;
export const MKNOD = 1;
const ALL = READ | WRITE | MKNOD;

/** One rule; a later one decides over an earlier one, for each kind of access by itself. */
export interface DeviceRule {
  readonly allow: boolean;
  /** "a": both. */
  readonly type: "a" | "b" | "c";
  /** Undefined: any. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** READ | WRITE | MKNOD, as in the kernel's BPF_DEVCG_ACC_*. */
  readonly access: number;
  /** JSON pointer, "" for the default rules. */
  readonly at: string;
}

const allowed = (type: "b" | "c", major: number | undefined, minor: number | undefined, access: number): DeviceRule => ({
  allow: true,
  type,
  major,
  minor,
  access,
  at: "",
});

/** What every container may do, whatever its rules: make nodes, and use the default devices, its terminals, and /dev/net/tun as engines expect. */
const DEFAULT_RULES: readonly DeviceRule[] = [
  allowed("c", undefined, undefined, MKNOD),
  allowed("b", undefined, undefined, MKNOD),
  ...[3, 5, 7, 8, 9].map((minor) => allowed("c", 1, minor, ALL)),
  allowed("c", 5, 0, ALL),
  allowed("c", 5, 2, ALL),
  allowed("c", 136, undefined, ALL),
  allowed("c", 10, 200, ALL),
];

const DENY_ALL: DeviceRule = { allow: false, type: "a", major: undefined, minor: undefined, access: ALL, at: "" };

/** Nothing is allowed, then the config's rules in their order, then the default ones. */
export function deviceRules(devices: Resources["devices"]): readonly DeviceRule[] {
  const rules = [DENY_ALL];
  for (const [index, device] of (devices ?? []).entries()) {
    const type = device.type ?? "a";
    const at = `/linux/resources/devices/${index}`;
    // The kernel has rules for character and block devices alone; "u" is another word for "c", and no rule is needed for a fifo.
    if (type === "p") continue;
    if (type !== "a" && type !== "b" && type !== "c" && type !== "u") throw invalid(at, `"${type}" is no type of device`);
    rules.push({
      allow: device.allow,
      type: type === "u" ? "c" : type,
      major: device.major === undefined || device.major < 0 ? undefined : Number(device.major),
      minor: device.minor === undefined || device.minor < 0 ? undefined : Number(device.minor),
      access: accessMask(device.access ?? "rwm", `${at}/access`),
      at,
    });
  }
  return [...rules, ...DEFAULT_RULES];
}

function accessMask(access: string, at: string): number {
  if (!/^[rwm]+$/.test(access)) throw invalid(at, `"${access}" is no access: it is made of r, w and m`);
  return (access.includes("r") ? READ : 0) | (access.includes("w") ? WRITE : 0) | (access.includes("m") ? MKNOD : 0);
}

function invalid(at: string, message: string): ConfigError {
  return new ConfigError("TS1103", "config.json", [{ pointer: at, message }]);
}

/** A rule for everything: it makes those before it void. The first of deviceRules() is one. */
export function isTotal(rule: DeviceRule): boolean {
  return rule.type === "a" && rule.major === undefined && rule.minor === undefined && rule.access === ALL;
}

/** One write to devices.allow or devices.deny. */
export interface DeviceWrite {
  readonly file: "devices.allow" | "devices.deny";
  readonly value: string;
  readonly at: string;
}

/** A device or a class of them in v1's list of exceptions. */
interface Exception {
  readonly type: "b" | "c";
  readonly major: number | undefined;
  readonly minor: number | undefined;
  access: number;
  at: string;
}

/**
 * The shortest list of writes with the meaning of the rules. v1 keeps a default and exceptions from it, so that it
 * cannot hold an exception from an exception: such a rule is refused, as the kernel would ignore it in silence.
 */
export function deviceWritesV1(rules: readonly DeviceRule[]): DeviceWrite[] {
  let allowByDefault = false;
  let exceptions = new Map<string, Exception>();
  let total = "";
  for (const rule of rules) {
    if (isTotal(rule)) {
      allowByDefault = rule.allow;
      exceptions = new Map();
      total = rule.at;
      continue;
    }
    for (const type of rule.type === "a" ? (["b", "c"] as const) : [rule.type]) {
      if (rule.allow === allowByDefault) takeBack(exceptions, { ...rule, type });
      else add(exceptions, { ...rule, type });
    }
  }
  const first: DeviceWrite = { file: allowByDefault ? "devices.allow" : "devices.deny", value: "a", at: total };
  const file = allowByDefault ? "devices.deny" : "devices.allow";
  const list = [...exceptions.values()].filter((exception) => exception.access !== 0 && !isCovered(exception, exceptions));
  return [first, ...list.map((exception): DeviceWrite => ({ file, value: exceptionText(exception), at: exception.at }))];
}

type TypedRule = DeviceRule & { readonly type: "b" | "c" };

const key = ({ type, major, minor }: { type: string; major: number | undefined; minor: number | undefined }) => `${type} ${major ?? "*"}:${minor ?? "*"}`;

function add(exceptions: Map<string, Exception>, rule: TypedRule): void {
  const known = exceptions.get(key(rule));
  if (known) known.access |= rule.access;
  else exceptions.set(key(rule), { type: rule.type, major: rule.major, minor: rule.minor, access: rule.access, at: rule.at });
}

/** Removes a rule's accesses from the exceptions that it covers. */
function takeBack(exceptions: Map<string, Exception>, rule: TypedRule): void {
  for (const exception of exceptions.values()) {
    if ((exception.access & rule.access) === 0 || !overlap(exception, rule)) continue;
    if (!covers(rule, exception)) {
      throw invalid(rule.at, `cgroup v1 cannot ${rule.allow ? "allow" : "deny"} ${key(rule)} within the rule for ${key(exception)}`);
    }
    exception.access &= ~rule.access;
  }
}

function overlap(one: Exception, two: TypedRule): boolean {
  const meet = (a: number | undefined, b: number | undefined) => a === undefined || b === undefined || a === b;
  return one.type === two.type && meet(one.major, two.major) && meet(one.minor, two.minor);
}

function covers(wide: Exception | TypedRule, narrow: Exception): boolean {
  const holds = (a: number | undefined, b: number | undefined) => a === undefined || a === b;
  return wide.type === narrow.type && holds(wide.major, narrow.major) && holds(wide.minor, narrow.minor);
}

/** One that a wider exception makes needless costs a write for nothing. */
function isCovered(exception: Exception, exceptions: Map<string, Exception>): boolean {
  for (const other of exceptions.values()) {
    if (other !== exception && covers(other, exception) && (exception.access & ~other.access) === 0) return true;
  }
  return false;
}

function exceptionText(exception: Exception): string {
  const { access } = exception;
  return `${key(exception)} ${access & READ ? "r" : ""}${access & WRITE ? "w" : ""}${access & MKNOD ? "m" : ""}`;
}
