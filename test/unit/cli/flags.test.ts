// cli/flags and cli/signals: the forms that runc's callers use.
import { expect, test } from "bun:test";
import { type FlagRow, isSet, parseFlags } from "../../../src/cli/flags.ts";
import { signalNumber } from "../../../src/cli/signals.ts";

const flags: FlagRow[] = [
  { name: "bundle", short: "b", value: "DIR", doc: "" },
  { name: "detach", short: "d", doc: "" },
];
const rules = { flags, command: "run " };

test("values come as --name value, --name=value, -n value and -name value, before and after the id", () => {
  for (const argv of [
    ["--bundle", "x", "id"],
    ["--bundle=x", "id"],
    ["-b", "x", "id"],
    ["id", "-bundle", "x"],
    ["id", "-b=x"],
  ]) {
    const parsed = parseFlags(argv, 0, rules);
    expect(parsed.values.get("bundle")).toBe("x");
    expect(parsed.positionals).toEqual(["id"]);
  }
});

test("switches take true and false, nothing else", () => {
  expect(isSet(parseFlags(["-d"], 0, rules), "detach")).toBe(true);
  expect(isSet(parseFlags(["--detach=false"], 0, rules), "detach")).toBe(false);
  expect(() => parseFlags(["--detach=maybe"], 0, rules)).toThrow("neither true nor false");
});

test("unknown flags and missing values are errors", () => {
  expect(() => parseFlags(["--wings"], 0, rules)).toThrow("unknown flag: --wings");
  expect(() => parseFlags(["--bundle"], 0, rules)).toThrow("flag --bundle needs a value");
});

test("-- ends the flags", () => {
  expect(parseFlags(["--", "-d"], 0, rules).positionals).toEqual(["-d"]);
});

test("signals by name and number", () => {
  for (const [word, number] of [
    ["TERM", 15],
    ["SIGTERM", 15],
    ["sigkill", 9],
    ["9", 9],
    ["0", 0],
    ["RTMIN", 34],
    ["SIGRTMIN+1", 35],
    ["RTMAX-1", 63],
    ["IOT", 6],
  ] as const) {
    expect(signalNumber(word)).toBe(number);
  }
  for (const word of ["", "WINGS", "65", "-1", "RTMIN+99", "9 "]) expect(() => signalNumber(word)).toThrow("unknown signal");
});
