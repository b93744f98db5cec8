// Plan -> the text that tsrun-init decodes: fields in the order of the op table, each ended by a NUL (docs/architecture.md, "The plan on the wire").
import { ConfigError } from "../errors.ts";
import { type FieldKind, OPS, type Op, type OpName } from "./op-table.ts";
import type { Plan } from "./plan.ts";

export const PLAN_MAGIC = "TSRUNPLAN";
export const PLAN_VERSION = "1";

const FIELDS: Readonly<Record<string, readonly (readonly [string, FieldKind])[]>> = Object.fromEntries(
  Object.entries(OPS).map(([name, row]) => [name, Object.entries(row.fields) as [string, FieldKind][]]),
);

/** Fields of an op by name and kind, in wire order. */
export function fieldsOf(name: OpName): readonly (readonly [string, FieldKind])[] {
  return FIELDS[name] ?? [];
}

/** One string built by appending: the cheapest form on QuickJS. */
export function encodePlan({ ops }: Plan): string {
  let text = `${PLAN_MAGIC}\0${PLAN_VERSION}\0${ops.length}\0`;
  for (const op of ops) {
    text += `${OPS[op.op].number}\0`;
    // The type of Op comes from the same table: generic code reads it by name.
    const values = op as unknown as Readonly<Record<string, unknown>>;
    for (const [name, kind] of fieldsOf(op.op)) {
      const value = values[name];
      if (kind === "list") {
        if (!Array.isArray(value)) throw broken(op, name);
        text += `${value.length}\0`;
        for (const item of value) text += `${word(item, op, name)}\0`;
      } else if (kind === "str") text += `${word(value, op, name)}\0`;
      else text += `${integer(value, kind, op, name)}\0`;
    }
  }
  return text;
}

function word(value: unknown, op: Op, name: string): string {
  if (typeof value !== "string") throw broken(op, name);
  if (value.indexOf("\0") >= 0) {
    throw new ConfigError("TS1103", "config.json", [
      { pointer: op.at, message: "a NUL character cannot be passed to the kernel", hint: "remove \\u0000 from the string" },
    ]);
  }
  return value;
}

function integer(value: unknown, kind: "num" | "int", op: Op, name: string): number | bigint {
  const whole = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  if (!whole || (kind === "num" && value < 0)) throw broken(op, name);
  return value;
}

/** A section made an op that its own type forbids, or the config was not validated: a bug, not the user's fault. */
function broken(op: Op, name: string): Error {
  return new Error(`plan: bad field ${name} of ${op.op} (${op.at})`);
}
