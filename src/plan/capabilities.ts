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
  return NAMES.filter((_, bit) => Math.floor(mask / 2 ** bit) % 2 === 1);
}

/**
 * `grantable`: the mask of what the runtime itself may hold. The masks that the kernel accepts, and a warning for each name that is left out, with the pointer `at` of the capabilities.
 * An absent set is empty: nothing is granted that was not asked for.
 */
export function capabilityMasks(lists: CapabilityLists, lastCap: number, grantable: number, at: string): { masks: CapabilityMasks; warnings: string[] } {
  const warnings: string[] = [];
  const read = (set: CapabilitySet): boolean[] => {
    const bits: boolean[] = NAMES.map(() => false);
    for (const [index, name] of (lists[set] ?? []).entries()) {
      const bit = NAMES.indexOf(name);
      if (bit >= 0 && bit <= lastCap && Math.floor(grantable / 2 ** bit) % 2 === 1) bits[bit] = true;
      else warnings.push(`${at}/${set}/${index}: ${name} is left out: ${whyLeftOut(bit, lastCap)}`);
    }
    return bits;
  };
  // capset(2) and PR_CAP_AMBIENT_RAISE refuse a whole set for one bit of it that is not in the other one.
  const within = (set: CapabilitySet, bits: readonly boolean[], limit: readonly boolean[], limitName: string): boolean[] => {
    const refused = NAMES.filter((_, bit) => bits[bit] === true && limit[bit] !== true);
    if (refused.length > 0) warnings.push(`${at}/${set}: left out, not ${limitName}: ${refused.join(" ")}`);
    return bits.map((on, bit) => on && limit[bit] === true);
  };
  const bounding = read("bounding");
  const permitted = read("permitted");
  const effective = within("effective", read("effective"), permitted, "permitted");
  const inheritable = within("inheritable", read("inheritable"), bounding, "in the bounding set");
  const both = permitted.map((on, bit) => on && inheritable[bit] === true);
  const ambient = within("ambient", read("ambient"), both, "both permitted and inheritable");
  return {
    masks: { bounding: mask(bounding), effective: mask(effective), permitted: mask(permitted), inheritable: mask(inheritable), ambient: mask(ambient) },
    warnings,
  };
}

function whyLeftOut(bit: number, lastCap: number): string {
  if (bit < 0) return "no such capability";
  return bit > lastCap ? "this kernel does not know it" : "the runtime does not have it itself";
}

function mask(bits: readonly boolean[]): number {
  let sum = 0;
  let weight = 1;
  for (const on of bits) {
    if (on) sum += weight;
    weight *= 2;
  }
  return sum;
}
