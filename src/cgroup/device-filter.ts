// Device rules -> the eBPF program (BPF_PROG_TYPE_CGROUP_DEVICE) that cgroup v2 has instead of device files. Pure.
// It walks the rules from the last to the first and keeps what of the asked access is still undecided.
import { type DeviceRule, isTotal } from "./device-rules.ts";

// Opcodes (linux/bpf.h): class | source | operation.
const LOAD_WORD = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const AND_IMM = 0x54; // BPF_ALU | BPF_AND | BPF_K, 32 bit
const RSH_IMM = 0x74; // BPF_ALU | BPF_RSH | BPF_K
const MOV_REG = 0xbc; // BPF_ALU | BPF_MOV | BPF_X
const MOV_IMM = 0xb7; // BPF_ALU64 | BPF_MOV | BPF_K
const JUMP_NE = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const JUMP_EQ = 0x16; // BPF_JMP32 | BPF_JEQ | BPF_K
const EXIT = 0x95;

// Registers. The context (r1) is { u32 access << 16 | type; u32 major; u32 minor }.
const RESULT = 0;
const CONTEXT = 1;
const TYPE = 2;
const WANTED = 3;
const MAJOR = 4;
const MINOR = 5;
const SCRATCH = 6;

const TYPE_BLOCK = 1;
const TYPE_CHAR = 2;

interface Instruction {
  readonly code: number;
  readonly target: number;
  readonly source: number;
  readonly offset: number;
  readonly value: number;
}

const instruction = (code: number, target: number, value: number, source = 0, offset = 0): Instruction => ({ code, target, source, offset, value });
const leave = (result: 0 | 1): Instruction[] => [instruction(MOV_IMM, RESULT, result), instruction(EXIT, 0, 0)];

/** The program as bytes in hexadecimal, little endian; undefined when the rules allow everything, which needs none. */
export function deviceFilter(rules: readonly DeviceRule[]): string | undefined {
  const total = rules.findLastIndex(isTotal);
  const byDefault = rules[total]?.allow === true;
  const decisive = rules.slice(total + 1);
  if (byDefault && decisive.every((rule) => rule.allow)) return undefined;
  const program = [
    instruction(LOAD_WORD, TYPE, 0, CONTEXT, 0),
    instruction(MOV_REG, WANTED, 0, TYPE),
    instruction(AND_IMM, TYPE, 0xffff),
    instruction(RSH_IMM, WANTED, 16),
    instruction(LOAD_WORD, MAJOR, 0, CONTEXT, 4),
    instruction(LOAD_WORD, MINOR, 0, CONTEXT, 8),
  ];
  for (const rule of decisive.reverse()) program.push(...block(rule));
  program.push(...leave(byDefault ? 1 : 0));
  return program.map(hex).join("");
}

/** One rule: jumps over its end when the device is another one, decides its part of the access otherwise. */
function block(rule: DeviceRule): Instruction[] {
  const body = rule.allow
    ? [instruction(AND_IMM, WANTED, ~rule.access & 7), instruction(JUMP_NE, WANTED, 0, 0, 2), ...leave(1)]
    : [instruction(MOV_REG, SCRATCH, 0, WANTED), instruction(AND_IMM, SCRATCH, rule.access), instruction(JUMP_EQ, SCRATCH, 0, 0, 2), ...leave(0)];
  const conditions: [register: number, value: number][] = [];
  if (rule.type !== "a") conditions.push([TYPE, rule.type === "b" ? TYPE_BLOCK : TYPE_CHAR]);
  if (rule.major !== undefined) conditions.push([MAJOR, rule.major]);
  if (rule.minor !== undefined) conditions.push([MINOR, rule.minor]);
  const jumps = conditions.map(([register, value], index) => instruction(JUMP_NE, register, value, 0, conditions.length - 1 - index + body.length));
  return [...jumps, ...body];
}

function hex({ code, target, source, offset, value }: Instruction): string {
  return little(code, 1) + little((source << 4) | target, 1) + little(offset, 2) + little(value, 4);
}

function little(value: number, bytes: number): string {
  let text = "";
  for (let index = 0; index < bytes; index++) text += ((value >>> (8 * index)) & 0xff).toString(16).padStart(2, "0");
  return text;
}
