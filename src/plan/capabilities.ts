// Names of capabilities -> bits, and the five sets as the kernel will take them (spec 7.07: what cannot be granted is a warning).

/** By number, from CAP_CHOWN = 0. */
const NAMES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
];

export type CapabilitySet = "bounding" | "effective" | "permitted" | "inheritable" | "ambient";

/** Masks of the five sets. More than 32 bits: numbers to be added, not to be or-ed. */
export type CapabilityMasks = Readonly<Record<CapabilitySet, number>>;

export type CapabilityLists = Readonly<Partial<Record<CapabilitySet, readonly string[] | undefined>>>;

/** Every name, in the kernel's order (for `features`). */
export function capabilityNames(): readonly string[] {
  return NAMES;
}

/** The names behind a mask, for people. */
export function namesOfMask(mask: number): string[] {
  return NAMES.filter((_, number) => hasBit(mask, 2 ** number));
}

/** 2 to the power of the number, by name. */
const WEIGHTS: ReadonlyMap<string, number> = new Map(NAMES.map((name, number) => [name, 2 ** number]));

interface Limit {
  readonly mask: number;
  /** Why a capability outside of it is left out. */
  readonly why: string;
}

/**
 * `grantable`: the mask of what the runtime itself may hold. The masks that the kernel accepts, and a warning for each name that is left out, with the pointer `at` of the capabilities.
 * An absent set is empty: nothing is granted that was not asked for.
 */
export function capabilityMasks(lists: CapabilityLists, lastCap: number, grantable: number, at: string): { masks: CapabilityMasks; warnings: string[] } {
  const warnings: string[] = [];
  const isKnown: Limit = { mask: 2 ** (lastCap + 1) - 1, why: "this kernel does not know it" };
  const isOwn: Limit = { mask: grantable, why: "the runtime does not have it itself" };
  const read = (set: CapabilitySet, ...limits: readonly Limit[]): number => {
    let mask = 0;
    for (const [index, name] of (lists[set] ?? []).entries()) {
      const weight = WEIGHTS.get(name);
      const why = weight === undefined ? "no such capability" : limits.find((limit) => !hasBit(limit.mask, weight))?.why;
      if (why !== undefined) warnings.push(`${at}/${set}/${index}: ${name} is left out: ${why}`);
      else if (weight !== undefined && !hasBit(mask, weight)) mask += weight;
    }
    return mask;
  };
  const bounding = read("bounding", isKnown, isOwn);
  const permitted = read("permitted", isKnown, isOwn);
  // capset(2) and PR_CAP_AMBIENT_RAISE refuse a whole set for one bit of it that is not in the other one.
  const isPermitted: Limit = { mask: permitted, why: "it is not permitted" };
  const effective = read("effective", isKnown, isOwn, isPermitted);
  const inheritable = read("inheritable", isKnown, isOwn, { mask: bounding, why: "it is not in the bounding set" });
  const ambient = read("ambient", isKnown, isOwn, isPermitted, { mask: inheritable, why: "it is not inheritable" });
  return { masks: { bounding, effective, permitted, inheritable, ambient }, warnings };
}

/** `weight`: 2 to the power of the bit's number. */
export function hasBit(mask: number, weight: number): boolean {
  return Math.floor(mask / weight) % 2 === 1;
}
