// bundle/exact-json: exact integers, duplicates, places.
import { expect, test } from "bun:test";
import { locate, parseExact } from "../../../src/bundle/exact-json.ts";

function value(text: string): unknown {
  const result = parseExact(text);
  if ("fault" in result) throw new Error(result.fault.message);
  return result.value;
}

test("integers beyond 2^53 stay exact", () => {
  expect(value("18446744073709551615")).toBe(18446744073709551615n);
  expect(value("-9223372036854775808")).toBe(-9223372036854775808n);
  expect(value("9007199254740991")).toBe(9007199254740991);
  expect(value("1e3")).toBe(1000);
});

test("the same values as JSON.parse otherwise", () => {
  const text = ' {"a": [1, -2.5, true, false, null, "x\\n\\u00e9 \\"q\\" \\\\", {}], "": [] } ';
  expect(value(text)).toEqual(JSON.parse(text));
});

test("__proto__ is a name like any other", () => {
  const object = value('{"__proto__": {"x": 1}}') as object;
  expect(Object.keys(object)).toEqual(["__proto__"]);
  expect("x" in object).toBe(false);
});

test("1.05 a name that occurs twice is refused with its place", () => {
  expect(parseExact('{"a": 1,\n "a": 2}')).toEqual({
    fault: { code: "TS1101", message: 'the name "a" occurs twice in the same object', pointer: "/a", line: 2, column: 2 },
  });
});

test("1.05 faults name what was expected", () => {
  for (const [text, message] of [
    ["{", "expected a name in quotes, not the end of the document"],
    ["[1 2]", 'expected "," or "]" after a value, not "2"'],
    ['{"a" 1}', 'expected ":" after a name, not "1"'],
    ['"abc', "a string has no end"],
    ["01", 'expected the end of the document, not "1"'],
    ["\ufeff{}", "the document begins with a byte order mark, which JSON has not"],
    ['"\\x"', "a string has an unknown escape"],
    ['"a\nb"', "a control character in a string must be written as an escape"],
    ['"a\\"', "a string has no end"],
    ['{"a": 1,}', 'expected a name in quotes, not "}"'],
    ["[1,]", 'expected a value, not "]"'],
    ["-", 'expected a value, not "-"'],
    ["", "expected a value, not the end of the document"],
    ["[".repeat(600), "nested deeper than 128 levels"],
  ] as const) {
    const result = parseExact(text);
    expect("fault" in result ? result.fault.message : "no fault").toBe(message);
  }
});

test("locate finds the line and column of a pointer, or of its nearest parent", () => {
  const text = '{\n  "mounts": [\n    {"x": 1},\n    {"a/b": 2}\n  ]\n}';
  expect(locate(text, "/mounts/1")).toEqual({ line: 4, column: 5 });
  expect(locate(text, "/mounts/1/a~1b")).toEqual({ line: 4, column: 13 });
  expect(locate(text, "/mounts/7/options")).toEqual({ line: 2, column: 13 });
});

test("what JSON.parse takes and refuses, it takes and refuses too", () => {
  const parts = ["{", "}", "[", "]", ",", ":", '"a"', '"b\\n"', '"', "\\", "1", "-0", ".5", "1e5", "tru", "true", "null", " ", "\n", "\t"];
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 1 + next(8) }, () => parts[next(parts.length)]).join("");
    const result = parseExact(text);
    if ("fault" in result && result.fault.code === "TS1101") continue;
    let expected: { value?: unknown };
    try {
      expected = { value: JSON.parse(text) };
    } catch {
      expected = {};
    }
    expect({ text, ...("fault" in result ? {} : result) }).toEqual({ text, ...expected });
  }
});
