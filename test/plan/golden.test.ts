// spec-fixtures/good/*.json -> plan text, compared with the *.plan file beside each. UPDATE_GOLDEN=1 writes them anew: read the diff.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileCreate } from "../../src/plan/compile.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import { explain } from "../../src/plan/explain.ts";
import type { Config } from "../../src/spec/config.ts";
import { inputsFor } from "./inputs.ts";

const DIRECTORY = join(import.meta.dirname, "../../spec-fixtures/good");
const { UPDATE_GOLDEN } = process.env;

/** Integers that a double cannot hold become bigints, as the runtime's own parser does. */
function parseExact(text: string): Config {
  return JSON.parse(text.replace(/(?<=[:[,]\s*)\d{16,}(?=\s*[,}\]])/g, '"bigint:$&"'), (_, value) =>
    typeof value === "string" && value.startsWith("bigint:") ? BigInt(value.slice("bigint:".length)) : value,
  );
}

const names = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.slice(0, -".json".length))
  .sort();

for (const name of names) {
  test(`plan: ${name}`, () => {
    const { cgroup, facts, options } = inputsFor(name);
    const plan = compileCreate(parseExact(readFileSync(join(DIRECTORY, `${name}.json`), "utf8")), cgroup, facts, options);
    const text = explain(plan);
    const golden = join(DIRECTORY, `${name}.plan`);
    if (UPDATE_GOLDEN === "1") writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, "utf8"));
    expect(encodePlan(plan).startsWith(`TSRUNPLAN\u00001\0${plan.ops.length}\0`)).toBe(true);
  });
}

test("plan: there are fixtures", () => {
  expect(names.length).toBeGreaterThan(25);
});
