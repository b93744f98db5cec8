// spec-fixtures/bad: every invalid config is refused at the expected place, with the expected code; and no rule lacks a case.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { parseJson } from "../../../src/bundle/json.ts";
import { findProblems } from "../../../src/bundle/rules.ts";
import { findSchemaProblems } from "../../../src/bundle/schema.ts";
import { ConfigError } from "../../../src/errors.ts";
import type { Config } from "../../../src/spec/config.ts";
import { installUnitHost } from "../../helpers/unit-host.ts";

installUnitHost();
const folder = new URL("../../../spec-fixtures/bad/", import.meta.url).pathname;

/** "CODE pointer" of each finding. */
function findings(text: string): string[] {
  try {
    const config = parseJson(text, "config.json") as Config;
    const schema = findSchemaProblems(config).map((finding) => `TS1102 ${finding.pointer}`);
    return schema.length > 0 ? schema : findProblems(config).map((problem) => `${problem.code ?? "TS1103"} ${problem.pointer}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [`${error.code} ${error.pointer}`];
  }
}

const names = readdirSync(folder).filter((file) => file.endsWith(".json"));

/** Code, pointer, and the rule of the specification that it breaks. */
function expectation(name: string): { finding: string; rule: string } {
  const [code = "", pointer = "", rule = ""] = readFileSync(`${folder}${name.replace(".json", ".expect")}`, "utf8")
    .trim()
    .split(" ");
  return { finding: `${code} ${pointer}`, rule };
}

for (const name of names) {
  const { finding, rule } = expectation(name);
  test(`${rule} bad config: ${name} is refused`, () => {
    expect(findings(readFileSync(folder + name, "utf8"))).toContain(finding);
  });
}

/** Rules about values of config.json. Some need a file system or a kernel: then another test has the number in its name. */
const RULES =
  "1.05 1.06 4.03 4.04 5.01 5.02 5.09 6.02 6.08 6.11 7.03 7.04 7.06 7.10 7.11 7.12 7.14 7.17 8.01 8.02 8.06 8.07 8.11 8.35 8.36 8.37 8.38 8.39 8.40 8.42 8.53 8.60 8.62 8.63 8.70 8.72 8.74 10.01 10.02".split(
    " ",
  );

test("every rule about values has a case", () => {
  const tests = new URL("../../", import.meta.url).pathname;
  const sources = [...new Bun.Glob("{unit,container}/**/*.test.ts").scanSync(tests)].map((file) => readFileSync(tests + file, "utf8"));
  const titles = sources.flatMap((source) => source.match(/^ *(test|spec)\(["`].*/gm) ?? []);
  const proven = new Set([...names.map((name) => expectation(name).rule), ...titles.flatMap((title) => title.match(/\b\d+\.\d\d\b/g) ?? [])]);
  expect(RULES.filter((rule) => !proven.has(rule))).toEqual([]);
});
