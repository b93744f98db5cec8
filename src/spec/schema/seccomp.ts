// linux.seccomp (runtime-spec, config-linux.md, "Seccomp"): the words of libseccomp 2.6.
import { list, object, oneOf, optional, string, uint32, uint64 } from "./kinds.ts";

function prefixed(prefix: string, words: string) {
  return oneOf<string>(...words.split(" ").map((word) => prefix + word));
}

const action = prefixed("SCMP_ACT_", "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY");
const operator = prefixed("SCMP_CMP_", "NE LT LE EQ GE GT MASKED_EQ");
const flag = prefixed("SECCOMP_FILTER_FLAG_", "TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV");
const architecture = prefixed(
  "SCMP_ARCH_",
  "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64",
);

const argument = object({ index: uint32, value: uint64, valueTwo: optional(uint64), op: operator });

export const seccomp = object({
  defaultAction: action,
  defaultErrnoRet: optional(uint32),
  architectures: optional(list(architecture)),
  flags: optional(list(flag)),
  listenerPath: optional(string),
  listenerMetadata: optional(string),
  syscalls: optional(list(object({ names: list(string), action, errnoRet: optional(uint32), args: optional(list(argument)) }))),
});
