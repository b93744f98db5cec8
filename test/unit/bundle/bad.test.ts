// spec-fixtures/bad: every invalid config is refused at the expected place, with the expected code.
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

for (const name of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
  test(`bad config: ${name} is refused`, () => {
    const expected = readFileSync(`${folder}${name.replace(".json", ".expect")}`, "utf8").trim();
    expect(findings(readFileSync(folder + name, "utf8"))).toContain(expected === expected.split(" ")[0] ? `${expected} ` : expected);
  });
}
