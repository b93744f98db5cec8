// spec-fixtures/rules.json and the names of the tests belong together. What the tests came to: `npm run compliance`.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { REPOSITORY, testFiles } from "../../../scripts/bun-tests.ts";
import { idsOf, loadRules, NOT_TESTABLE, titleOf } from "../../../scripts/rules.ts";

/** Names as they are written; a template's until its first value. */
function writtenNames(): { file: string; name: string }[] {
  return ["unit", "plan", "container", "fault"].flatMap(testFiles).flatMap((file) => {
    const text = readFileSync(`${REPOSITORY}/${file}`, "utf8");
    return [...text.matchAll(/\b(?:spec|test|reportSkip)\(\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\$]|\\.)*))/g)].map(([, plain, template]) => ({
      file,
      name: plain ?? template ?? "",
    }));
  });
}

/** A bad config's rule stands behind the pointer. */
function idsOfBadConfigs(): string[] {
  const folder = `${REPOSITORY}/spec-fixtures/bad`;
  return [...new Bun.Glob("*.expect").scanSync(folder)].flatMap((file) => idsOf(readFileSync(`${folder}/${file}`, "utf8").trim().split(" ")[2] ?? ""));
}

const { rules, chapters } = loadRules();
const known = new Set(rules.map(({ id }) => id));

test("the table of rules: every id once, in order, in a chapter that has a name", () => {
  expect(known.size).toBe(rules.length);
  const order = (id: string) => Number(id.split(".")[0]) * 100 + Number(id.split(".")[1]);
  expect(rules.map(({ id }) => order(id))).toEqual(rules.map(({ id }) => order(id)).toSorted((a, b) => a - b));
  for (const { id, level } of rules) {
    expect(chapters).toHaveProperty(id.split(".")[0] ?? "");
    expect(["MUST", "SHOULD", "MAY", "validation"]).toContain(level);
  }
});

test("ids at the beginning of a name, and ranges of them", () => {
  expect(idsOf("4.01 4.06-4.08 10.02 each of them (CVE-2019-19921)")).toEqual(["4.01", "4.06", "4.07", "4.08", "10.02"]);
  expect(idsOf("spec 8.13 10.02: one device")).toEqual(["8.13", "10.02"]);
  expect(idsOf("runc 1.1 knows 8.31")).toEqual([]);
  expect(titleOf("4.01 4.06-4.08 each of them")).toBe("each of them");
});

test("every test names rules that are there, at the beginning of its name", () => {
  const names = writtenNames();
  expect(names.length).toBeGreaterThan(400);
  expect(names.filter(({ name }) => idsOf(name).some((id) => !known.has(id)))).toEqual([]);
  expect(names.filter(({ name }) => /[(\s]\d{1,2}\.\d\d[ )]/.test(titleOf(name)))).toEqual([]);
  expect(idsOfBadConfigs().filter((id) => !known.has(id))).toEqual([]);
});

test("every rule has a test, except those that no test can prove", () => {
  const tested = new Set([...writtenNames().flatMap(({ name }) => idsOf(name)), ...idsOfBadConfigs()]);
  expect(rules.filter(({ id }) => !tested.has(id) && !(id in NOT_TESTABLE)).map(({ id }) => id)).toEqual([]);
  expect(Object.keys(NOT_TESTABLE).filter((id) => tested.has(id) || !known.has(id))).toEqual([]);
});

/** They need the machine: a directory, a kernel, a warning. */
const NOT_BY_CONFIG_ALONE = ["5.02", "6.11", "10.02"];

test("1.03 1.04 every duty of a config's author that the config alone can break has a bad config", () => {
  const covered = new Set(idsOfBadConfigs());
  // Its own rule is this test's.
  const duties = rules.filter(({ id, level }) => level === "validation" && id !== "1.04" && !NOT_BY_CONFIG_ALONE.includes(id));
  expect(duties.filter(({ id }) => !covered.has(id)).map(({ id }) => id)).toEqual([]);
});
