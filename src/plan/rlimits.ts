// Names of resource limits -> their numbers in the kernel (spec 7.06), the same on x86, arm, riscv, power and s390.

const RESOURCES: readonly string[] = [
  "RLIMIT_CPU",
  "RLIMIT_FSIZE",
  "RLIMIT_DATA",
  "RLIMIT_STACK",
  "RLIMIT_CORE",
  "RLIMIT_RSS",
  "RLIMIT_NPROC",
  "RLIMIT_NOFILE",
  "RLIMIT_MEMLOCK",
  "RLIMIT_AS",
  "RLIMIT_LOCKS",
  "RLIMIT_SIGPENDING",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
];

/** The number, or undefined for a name that no kernel has. */
export function rlimitNumber(name: string): number | undefined {
  const number = RESOURCES.indexOf(name);
  return number < 0 ? undefined : number;
}

export function rlimitName(number: number): string {
  return RESOURCES[number] ?? String(number);
}
