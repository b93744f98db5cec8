// Plan -> text for people, one op a line with the config line that it came from. The golden tests compare it.
import { namesOfMask } from "./capabilities.ts";
import { fieldsOf } from "./encode.ts";
import { ATTR, CLONE, MS } from "./kernel-flags.ts";
import { type FieldKind, type Op, SYNC_POINTS } from "./op-table.ts";
import type { Plan } from "./plan.ts";
import { rlimitName } from "./rlimits.ts";
import { SECCOMP_FLAGS } from "./seccomp.ts";

type Reader = (value: number) => string;

const bitNames = (table: Readonly<Record<string, number>>): Reader => {
  return (value) => {
    const names: string[] = [];
    let rest = value;
    for (const [name, bits] of Object.entries(table)) {
      if ((value & bits) !== bits || (rest & bits) === 0) continue;
      names.push(name);
      rest &= ~bits;
    }
    if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
    return names.length === 0 ? "0" : names.join("|");
  };
};

const readAttr = bitNames(ATTR);
const readMs = bitNames(MS);
const readClone = bitNames(CLONE);
const readCaps: Reader = (value) => {
  const names = namesOfMask(value).map((name) => name.slice("CAP_".length).toLowerCase());
  return names.length === 0 ? "none" : names.join(",");
};
const readPoint: Reader = (value) => Object.entries(SYNC_POINTS).find(([, point]) => point === value)?.[0] ?? String(value);
const readMode: Reader = (value) => (value < 0 ? String(value) : `0${value.toString(8)}`);

/** Numbers that have names, by op and field or by field alone. */
const READERS: Readonly<Record<string, Reader>> = {
  "ns.join.type": readClone,
  "ns.unshare.flags": readClone,
  "init.fork.flags": readClone,
  "sync.ask.point": readPoint,
  "sync.wait.point": readPoint,
  "mount.fs.idmap": readPoint,
  "mount.fs.whole": String,
  "rlimit.set.resource": rlimitName,
  "cred.bounding.keep": readCaps,
  "cred.ambient.mask": readCaps,
  "umask.set.mask": readMode,
  "scheduler.set.flags": String,
  "mount.bind.given": String,
  "seccomp.load.flags": bitNames(SECCOMP_FLAGS),
  effective: readCaps,
  permitted: readCaps,
  inheritable: readCaps,
  flags: readMs,
  attrSet: readAttr,
  attrClear: readAttr,
  recAttrSet: readAttr,
  recAttrClear: readAttr,
  propagation: readMs,
  mode: readMode,
};

/** The plan in full, each line ended by a newline. */
export function explain(plan: Plan): string {
  const lines = [`clone ${readClone(plan.cloneFlags)}`];
  for (const op of plan.ops) lines.push(explainOp(op) + (op.at === "" ? "" : `  # ${op.at}`));
  for (const warning of plan.warnings) lines.push(`warning: ${warning}`);
  return `${lines.join("\n")}\n`;
}

/** One op without its pointer. Empty strings, lists and flag sets are left out. */
export function explainOp(op: Op): string {
  const values = op as unknown as Readonly<Record<string, unknown>>;
  let text: string = op.op;
  for (const [name, kind] of fieldsOf(op.op)) {
    const shown = show(values[name], kind, READERS[`${op.op}.${name}`] ?? READERS[name]);
    if (shown !== "") text += ` ${name}=${shown}`;
  }
  return text;
}

function show(value: unknown, kind: FieldKind, reader: Reader | undefined): string {
  if (kind === "list") {
    const items = Array.isArray(value) ? value.map(String) : [];
    return items.length === 0 ? "" : `[${items.map((item) => (reader === undefined ? quote(item) : reader(Number(item)))).join(" ")}]`;
  }
  if (kind === "str") return value === "" ? "" : quote(String(value));
  if (reader === undefined) return String(value);
  const read = reader(Number(value));
  return read === "0" ? "" : read;
}

/** As it is when it reads as one word, else as JSON. */
function quote(text: string): string {
  const plain = text !== "" && !text.includes(" ") && !text.includes('"') && !text.includes("]") && JSON.stringify(text).length === text.length + 2;
  return plain ? text : JSON.stringify(text);
}
