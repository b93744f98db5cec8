// linux.seccomp -> the profile that the shim's compiler reads: one line each for the default, the architectures and the rules.
// The numbers are the kernel's (linux/seccomp.h), which libseccomp uses as well.
import type { Seccomp, SeccompSyscall } from "../spec/config.ts";

/** Actions without their data. */
export const SECCOMP_ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_TRAP: 0x00030000,
};

/** enum scmp_compare. */
export const SECCOMP_OPERATORS: Readonly<Record<string, number>> = {
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_LE: 3,
  SCMP_CMP_LT: 2,
  SCMP_CMP_MASKED_EQ: 7,
  SCMP_CMP_NE: 1,
};

/** SECCOMP_FILTER_FLAG_* of seccomp(2). */
export const SECCOMP_FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};

/** As libseccomp 2.6 names them; their lower case is what it resolves. */
export const SECCOMP_ARCHITECTURES: readonly string[] =
  "AARCH64 ARM LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64 PPC PPC64 PPC64LE RISCV64 S390 S390X SH SHEB X32 X86 X86_64"
    .split(" ")
    .map((name) => `SCMP_ARCH_${name}`);

const EPERM = 1;
const ENOSYS = 38;
/** A tracer or agent answers for system calls that it does not know. */
const PERMISSIVE = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE"];

export interface SeccompProfile {
  readonly text: string;
  /** Line of the text -> JSON pointer below linux.seccomp. */
  readonly pointers: readonly string[];
}

export function usesNotify({ syscalls }: Seccomp): boolean {
  return syscalls?.some(({ action }) => action === "SCMP_ACT_NOTIFY") === true;
}

/** Absent: SPEC_ALLOW, as in runc and crun; kernels since 4.17 know it. */
export function seccompFlags({ flags = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] }: Seccomp): number {
  return flags.reduce((all, flag) => all | (SECCOMP_FLAGS[flag] ?? 0), 0);
}

export function seccompProfile(seccomp: Seccomp): SeccompProfile {
  const lines: string[] = [];
  const pointers: string[] = [];
  const add = (line: string, pointer: string) => {
    lines.push(line);
    pointers.push(pointer);
  };
  add(`default ${action(seccomp.defaultAction, seccomp.defaultErrnoRet)}`, "/defaultAction");
  for (const [index, name] of (seccomp.architectures ?? []).entries()) add(`arch ${name.slice("SCMP_ARCH_".length).toLowerCase()}`, `/architectures/${index}`);
  if (!PERMISSIVE.includes(seccomp.defaultAction) && seccomp.defaultErrnoRet !== ENOSYS) add("enosys", "/defaultAction");
  for (const [index, rule] of (seccomp.syscalls ?? []).entries()) {
    const number = action(rule.action, rule.errnoRet);
    for (const conditions of conditionsOf(rule)) {
      // What cannot be the name of a system call is unknown, and ignored like one.
      for (const name of rule.names) if (/^\w+$/.test(name)) add(`rule ${number} ${name}${conditions}`, `/syscalls/${index}`);
    }
  }
  return { text: lines.join("\n"), pointers };
}

/** The kernel's return value: 16 bits of it are data. */
function action(name: string, errno: number | undefined): number {
  const value = SECCOMP_ACTIONS[name] ?? 0;
  return name === "SCMP_ACT_ERRNO" || name === "SCMP_ACT_TRACE" ? value + ((errno ?? EPERM) & 0xffff) : value;
}

/** Conditions on different arguments must all hold; several on one argument are alternatives, as in runc. */
function conditionsOf({ args = [] }: SeccompSyscall): string[] {
  const texts = args.map(({ index, op, value, valueTwo = 0 }) => ` ${index} ${SECCOMP_OPERATORS[op] ?? 0} ${value} ${valueTwo}`);
  const isRepeated = new Set(args.map(({ index }) => index)).size < args.length;
  return isRepeated ? texts : [texts.join("")];
}
