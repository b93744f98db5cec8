// The building blocks of the schemas. Build time only: the tool loads the validators that are generated from them.
import { type TSchema, Type } from "typebox";
import type { Int64 } from "../config.ts";

/** An integer of the kernel's or Go's width; `integer` is a keyword of scripts/gen-validators.ts: the least and the greatest value. */
export function integer(least: number, greatest: number) {
  return Type.Unsafe<number>({ integer: [least, greatest] });
}

export const uint16 = integer(0, 65535);
export const uint32 = integer(0, 4294967295);
export const int32 = integer(-2147483648, 2147483647);

/** 64-bit integers come as bigint when a number would lose digits (bundle/exact-json.ts); `int64` is a keyword too. */
export const int64 = Type.Unsafe<Int64>({ int64: "signed" });
export const uint64 = Type.Unsafe<Int64>({ int64: "unsigned" });

export const string = Type.String();
export const boolean = Type.Boolean();
export const strings = Type.Array(string);

/** No "type" beside it: one fault for a wrong value, not two. */
export function oneOf<W extends string = string>(...words: readonly W[]) {
  return Type.Unsafe<W>({ enum: words });
}

/** A string of a form; the words are for the message. */
export function form(pattern: string) {
  return Type.Unsafe<string>({ type: "string", pattern });
}

/** Names are free. Not Type.Record: its pattern would cost a regular expression for each name, and lacks names with a newline. */
export function map<S extends TSchema>(value: S) {
  return Type.Unsafe<Record<string, Type.Static<S>>>({ type: "object", additionalProperties: value });
}

export const stringMap = map(string);
export const { Object: object, Array: list, Optional: optional } = Type;

export const idMappings = list(object({ containerID: uint32, hostID: uint32, size: uint32 }));
