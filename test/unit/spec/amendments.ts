// Where our schemas differ from the official ones on purpose: the official schema with all of these says what ours say, and each is needed.
import { dropNulls } from "../../../src/bundle/nulls.ts";
import type { Amendment } from "../../helpers/official.ts";

const CONFIG = "config-schema.json#/properties";
const LINUX = "config-linux.json#/linux/properties";
const RESOURCES = `${LINUX}/resources/properties`;
const DEFS = "defs.json#/definitions";
const DEFS_LINUX = "defs-linux.json#/definitions";

const UINT32 = { exactInteger: [0, 4294967295] };

/** Resources of setrlimit(2). */
const LIMITS = "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK".split(" ");

const isLossy = (value: unknown) => Number.isInteger(value) && !Number.isSafeInteger(value);

function contains(value: unknown, is: (part: unknown) => boolean): boolean {
  return is(value) || (typeof value === "object" && value !== null && Object.values(value).some((part) => contains(part, is)));
}

function withoutLossy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLossy);
  if (typeof value !== "object" || value === null) return isLossy(value) ? Number.NaN : value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutLossy(member)]));
}

export interface Purpose extends Amendment {
  /** What the official schema refuses and ours lets through is refused by a rule of ours, with better words, at this pointer. */
  readonly rule?: RegExp;
}

export const AMENDMENTS: readonly Purpose[] = [
  // --- wider ---
  { why: "null is what is not set: Go programs write it", document: (value) => (contains(value, (part) => part === null) ? dropNulls(value) : value) },
  {
    why: "what is for other platforms is ignored",
    schema: {
      [CONFIG]: { solaris: undefined, windows: undefined, vm: undefined, zos: undefined, freebsd: undefined },
      [`${CONFIG}/process/properties`]: { commandLine: undefined },
    },
  },
  { why: "engines write the whole st_mode", schema: { [`${DEFS_LINUX}/Device/properties`]: { fileMode: UINT32 } } },
  { why: "without a limit there is none", schema: { [`${RESOURCES}/pids`]: { required: [] } } },
  {
    why: "peers take the r forms, and an empty word for none",
    schema: { [`${DEFS_LINUX}/RootfsPropagation`]: { enum: ["", ...["shared", "slave", "private", "unbindable"].flatMap((word) => [word, `r${word}`])] } },
  },
  {
    why: "consoleSize is ignored without a terminal (spec 7.02): that both are there is a rule",
    schema: { [`${CONFIG}/process/properties/consoleSize`]: { required: [] } },
  },
  {
    why: "at least one name is a rule",
    rule: /^\/linux\/seccomp\/syscalls\/\d+\/names$/,
    schema: { [`${DEFS_LINUX}/Syscall/properties/names`]: { minItems: 0 } },
  },
  {
    why: "a time of 32 bits; that it is above 0 is a rule",
    rule: /^\/hooks\/\w+\/\d+\/timeout$/,
    schema: { [`${DEFS}/Hook/properties/timeout`]: { exactInteger: [-2147483648, 2147483647] } },
  },

  // --- stricter: the text of the specification ---
  { why: "the text requires root on Linux", schema: { "config-schema.json#": { required: ["ociVersion", "root"] } } },
  { why: "the text requires user on Linux", schema: { [`${CONFIG}/process`]: { required: ["cwd", "user"] } } },
  { why: "the text requires uid and gid on Linux", schema: { [`${CONFIG}/process/properties/user`]: { required: ["uid", "gid"] } } },
  { why: "the text requires priority", schema: { [`${CONFIG}/process/properties/ioPriority`]: { required: ["class", "priority"] } } },
  {
    why: "the text has priorities from 0 to 7",
    schema: { [`${CONFIG}/process/properties/ioPriority/properties/priority`]: { $ref: undefined, exactInteger: [0, 7] } },
  },
  {
    why: "the text refuses limits that no kernel has",
    schema: { [`${CONFIG}/process/properties/rlimits/items/properties/type`]: { pattern: undefined, enum: LIMITS.map((name) => `RLIMIT_${name}`) } },
  },
  { why: "the text requires domain", schema: { [`${DEFS_LINUX}/Personality`]: { required: ["domain"] } } },
  { why: "the text requires mode", schema: { [`${LINUX}/memoryPolicy`]: { required: ["mode"] } } },
  { why: "the text requires rate", schema: { [`${DEFS_LINUX}/blockIODeviceThrottle/allOf/1`]: { required: ["rate"] } } },
  { why: "the text has the types a, b and c", schema: { [`${DEFS_LINUX}/DeviceCgroup/properties/type`]: { enum: ["a", "b", "c", ""] } } },
  { why: "the text has swappiness from 0 to 100", schema: { [`${RESOURCES}/memory/properties/swappiness`]: { $ref: undefined, exactInteger: [0, 100] } } },
  { why: "the text has idle 0 and 1", schema: { [`${RESOURCES}/cpu/properties/idle`]: { $ref: undefined, exactInteger: [0, 1] } } },
  {
    why: "the name of a clock is a value: unknown ones are errors, not ignored",
    schema: { [`${LINUX}/timeOffsets`]: { additionalProperties: { $ref: "defs-linux.json#/definitions/TimeOffsets" } } },
  },

  // --- stricter: what the kernel cannot take ---
  { why: "the kernel's range", schema: { [`${CONFIG}/process/properties/oomScoreAdj`]: { exactInteger: [-1000, 1000] } } },
  { why: "nanoseconds of a second", schema: { [`${DEFS_LINUX}/TimeOffsets/properties/nanosecs`]: { $ref: undefined, exactInteger: [0, 999_999_999] } } },
  {
    why: "a device has a number of 32 bits",
    schema: Object.fromEntries(
      ["Device", "blockIODevice"].flatMap((name) =>
        ["major", "minor"].map((part) => [`${DEFS_LINUX}/${name}/properties/${part}`, { $ref: undefined, ...UINT32 }]),
      ),
    ),
  },
  { why: "a double has lost digits: an integer beyond 2^53 is written as such", document: (value) => (contains(value, isLossy) ? withoutLossy(value) : value) },
  { why: "every member of a map, whatever its name", schema: { [`${DEFS}/mapStringString`]: { additionalProperties: { type: "string" } } } },
];
