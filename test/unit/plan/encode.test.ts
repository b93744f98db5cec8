// Plan -> wire text.
import { expect, test } from "bun:test";
import { ConfigError } from "../../../src/errors.ts";
import { encodePlan } from "../../../src/plan/encode.ts";
import { OPS, type Op } from "../../../src/plan/op-table.ts";

const wire = (...ops: Op[]): string[] => encodePlan({ cloneFlags: 0, ops, warnings: [] }).split("\0");

test("encode: header, and an op without fields", () => {
  expect(wire({ op: "signal.reset", at: "" })).toEqual(["TSRUNPLAN", "1", "1", "9", ""]);
});

test("encode: fields in table order, lists with their count, 64 bits in full", () => {
  const hook: Op = { op: "hook.run", at: "", path: "/h", args: ["h", ""], env: [], timeoutMs: 5000, stateBefore: "{", stateAfter: "}" };
  expect(wire(hook)).toEqual(["TSRUNPLAN", "1", "1", "45", "/h", "2", "h", "", "0", "5000", "{", "}", ""]);
  const limit: Op = { op: "rlimit.set", at: "", resource: 7, soft: 0, hard: 18446744073709551615n };
  expect(wire(limit).slice(3)).toEqual(["46", "7", "0", "18446744073709551615", ""]);
});

test("encode: a NUL inside a string is refused with the pointer of its line", () => {
  for (const args of [["a\0b"], ["ok", "\0"]]) {
    const error = thrown(() => wire({ op: "exec.run", at: "/process/args", args, env: [] }));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).pointer).toBe("/process/args");
  }
  expect(thrown(() => wire({ op: "host.name", at: "/hostname", name: "a\0" }))).toBeInstanceOf(ConfigError);
});

test("encode: numbers that do not fit their kind are a bug", () => {
  const bad: Op[] = [
    { op: "umask.set", at: "", mask: -1 },
    { op: "umask.set", at: "", mask: 0.5 },
    { op: "umask.set", at: "", mask: 2 ** 60 },
    { op: "umask.set", at: "", mask: "1" as unknown as number },
  ];
  for (const op of bad) expect(thrown(() => wire(op))).toBeInstanceOf(Error);
});

test("op table: numbers are unique", () => {
  const numbers = Object.values(OPS).map((row) => row.number);
  expect(new Set(numbers).size).toBe(numbers.length);
});

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
