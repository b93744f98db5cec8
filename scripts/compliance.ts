// `npm run compliance`: docs/compliance.md, from what the tests came to (build/results) and the rules (spec-fixtures/rules.json).
// It fails when a lane was not run, when a test failed, or when a rule has no test that passed. `--check`: the document must be there
// as it would be written, but for what differs from machine to machine.
/// <reference types="bun" />
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { REPOSITORY, testFiles } from "./bun-tests.ts";
import { type LaneResults, type Outcome, readResults } from "./results.ts";
import { idsOf, loadRules, NOT_TESTABLE, type Rule, titleOf } from "./rules.ts";

interface Lane {
  readonly name: string;
  /** What runs it. */
  readonly command: string;
  /** Of test/: it has results of every file there. */
  readonly all: readonly string[];
}

interface Column {
  readonly title: string;
  readonly isPeer: boolean;
  readonly lanes: readonly Lane[];
}

const CONTAINERS = ["container"];
const COLUMNS: readonly Column[] = [
  {
    title: "here",
    isPeer: false,
    lanes: [
      { name: "unit", command: "npm run ok", all: ["unit", "plan"] },
      { name: "containers", command: "npm test", all: CONTAINERS },
      { name: "bun", command: "npm test", all: CONTAINERS },
      { name: "faults", command: "npm run test:faults", all: ["fault"] },
    ],
  },
  {
    title: "VM",
    isPeer: false,
    lanes: [
      { name: "vm", command: "npm run test:vm", all: CONTAINERS },
      { name: "vm-systemd", command: "npm run test:vm", all: [] },
      { name: "vm-hybrid", command: "npm run test:vm", all: [] },
      { name: "vm-selinux", command: "npm run test:vm", all: [] },
    ],
  },
  { title: "runc", isPeer: true, lanes: [{ name: "runc", command: "npm run test:oracle", all: CONTAINERS }] },
  { title: "crun", isPeer: true, lanes: [{ name: "crun", command: "npm run test:oracle", all: CONTAINERS }] },
];

/** One test of a rule, with what it came to in each column. */
interface Proof {
  readonly file: string;
  readonly title: string;
  readonly outcomes: Map<Column, { readonly outcome: Outcome; readonly why: string }[]>;
}

const problems: string[] = [];

/** Every test, by file and name; the results of all lanes put together. */
function readProofs(): { proofs: Map<string, Proof[]>; versions: Map<Column, string> } {
  const proofs = new Map<string, Proof[]>();
  const versions = new Map<Column, string>();
  const known = new Map<string, Proof>();
  for (const column of COLUMNS) {
    for (const lane of column.lanes) {
      const results = readResults(lane.name);
      const missing = lane.all.flatMap(testFiles).filter((file) => results?.files[file] === undefined);
      if (results === undefined) problems.push(`the lane ${lane.name} was not run: ${lane.command}`);
      else if (missing.length > 0) problems.push(`the lane ${lane.name} has no results of ${missing.slice(0, 3).join(", ")} as they are now: ${lane.command}`);
      if (results === undefined) continue;
      if (column.isPeer) versions.set(column, results.runtime);
      addResults(column, results, known, proofs);
    }
  }
  return { proofs, versions };
}

function addResults(column: Column, { lane, files }: LaneResults, known: Map<string, Proof>, proofs: Map<string, Proof[]>): void {
  for (const [file, { tests }] of Object.entries(files)) {
    const names = new Set<string>();
    for (const { name, outcome, why = "" } of tests) {
      if (outcome === "failed") problems.push(`${lane}: ${file}: "${name}" failed`);
      if (names.has(name)) problems.push(`${file}: two tests are called "${name}"`);
      names.add(name);
      const key = `${file}\0${name}`;
      let proof = known.get(key);
      if (proof === undefined) {
        proof = { file, title: titleOf(name), outcomes: new Map() };
        known.set(key, proof);
        for (const id of new Set(idsOf(name))) proofs.set(id, [...(proofs.get(id) ?? []), proof]);
      }
      proof.outcomes.set(column, [...(proof.outcomes.get(column) ?? []), { outcome, why }]);
    }
  }
}

/** Of one test in a column: the best of its lanes. */
function verdictOf(proof: Proof, column: Column): { outcome: Outcome; why: string } | undefined {
  const seen = proof.outcomes.get(column) ?? [];
  for (const outcome of ["failed", "deviates", "passed", "skipped"] as const) {
    const found = seen.find((one) => one.outcome === outcome);
    if (found !== undefined) return found;
  }
  return undefined;
}

function unique(texts: readonly string[]): string {
  return [...new Set(texts.filter((text) => text !== ""))].join("; ");
}

/** What a column says of a rule. */
function cell(proofs: readonly Proof[], column: Column): string {
  const verdicts = proofs.flatMap((proof) => verdictOf(proof, column) ?? []);
  const of = (outcome: Outcome) => verdicts.filter((verdict) => verdict.outcome === outcome);
  if (of("failed").length > 0) return "FAILED";
  const [wrong, good] = [of("deviates"), of("passed")];
  if (wrong.length > 0)
    return `no${good.length === 0 ? "" : ` (${wrong.length} of ${wrong.length + good.length} tests)`}: ${unique(wrong.map(({ why }) => why))}`;
  if (good.length > 0) return "pass";
  const skipped = of("skipped");
  return skipped.length > 0 ? `not here: ${unique(skipped.map(({ why }) => why))}` : "-";
}

/** Which of tsrun's columns a test passed in, when it is not the first one. */
function placeOf(proof: Proof): string {
  const places = COLUMNS.filter((column) => !column.isPeer && verdictOf(proof, column)?.outcome === "passed").map(({ title }) => title);
  if (places.includes("here")) return "";
  return places.length === 0 ? " [not run]" : ` [${places.join(", ")}]`;
}

function proofLines(proofs: readonly Proof[]): string[] {
  const byFile = new Map<string, Proof[]>();
  for (const proof of proofs) byFile.set(proof.file, [...(byFile.get(proof.file) ?? []), proof]);
  const files = [...byFile].sort(([a], [b]) => (a < b ? -1 : 1));
  return files.map(([file, own]) => {
    const titles = own.toSorted((a, b) => (a.title < b.title ? -1 : 1)).map((proof) => proof.title + placeOf(proof));
    return `- ${file.replace(/^test\//, "").replace(/\.test\.ts$/, "")}: ${inFewWords(titles).join(" · ")}`;
  });
}

/** "bad config: a", "bad config: b" -> "bad config: a, b". */
function inFewWords(titles: readonly string[]): string[] {
  const groups = new Map<string, string[]>();
  for (const title of titles) {
    const colon = title.indexOf(": ");
    const kind = colon < 0 ? title : title.slice(0, colon + 2);
    groups.set(kind, [...(groups.get(kind) ?? []), title.slice(kind.length)]);
  }
  return [...groups].map(([kind, rest]) => kind + rest.join(", "));
}

function ruleLines(rule: Rule, proofs: readonly Proof[]): string[] {
  const reason = NOT_TESTABLE[rule.id];
  const lines = [`### ${rule.id}`, "", `${rule.level}, ${rule.where}. ${rule.rule}`, ""];
  if (reason !== undefined) return [...lines, `No test: ${reason}.`, ""];
  const cells = COLUMNS.map((column) => `${column.title}: ${cell(proofs, column)}`);
  return [...lines, cells.join(" | "), "", ...proofLines(proofs), ""];
}

function checkRule(rule: Rule, proofs: readonly Proof[]): void {
  if (rule.id in NOT_TESTABLE) {
    if (proofs.length > 0) problems.push(`${rule.id} is said not to be testable, and has a test: "${proofs[0]?.title}"`);
  } else if (proofs.length === 0) problems.push(`${rule.id} has no test`);
  else if (!COLUMNS.some((column) => !column.isPeer && proofs.some((proof) => verdictOf(proof, column)?.outcome === "passed")))
    problems.push(`${rule.id} has no test that passed: ${proofs.map(({ title }) => `"${title}"`).join(", ")}`);
}

function summary(rules: readonly Rule[], proofs: Map<string, Proof[]>, chapters: Readonly<Record<string, string>>): string[] {
  const lines = [`| chapter | rules | ${COLUMNS.map(({ title }) => title).join(" | ")} |`, `|---|---|${COLUMNS.map(() => "---|").join("")}`];
  const row = (title: string, own: readonly Rule[]) => {
    const counts = COLUMNS.map((column) => {
      const cells = own.map(({ id }) => cell(proofs.get(id) ?? [], column));
      const passed = cells.filter((text) => text === "pass").length;
      const asked = cells.filter((text) => !/^(-|not here)/.test(text)).length;
      return column.isPeer ? `${passed} of ${asked}` : String(passed);
    });
    lines.push(`| ${title} | ${own.length} | ${counts.join(" | ")} |`);
  };
  for (const [number, title] of Object.entries(chapters)) {
    row(
      `[${number}. ${title}](#${number}-${title.toLowerCase().replaceAll(" ", "-")})`,
      rules.filter(({ id }) => id.startsWith(`${number}.`)),
    );
  }
  row("all", rules);
  return lines;
}

function documentLines(): string[] {
  const { rules, chapters } = loadRules();
  const { proofs, versions } = readProofs();
  const ids = new Set(rules.map(({ id }) => id));
  for (const id of proofs.keys())
    if (!ids.has(id)) problems.push(`a test names the rule ${id}, which spec-fixtures/rules.json has not: "${proofs.get(id)?.[0]?.title}"`);
  for (const rule of rules) checkRule(rule, proofs.get(rule.id) ?? []);
  const peers = COLUMNS.filter(({ isPeer }) => isPeer).map((column) => versions.get(column) ?? column.title);
  const lines = [
    "# Compliance",
    "",
    "Every rule that runtime-spec 1.3.0 puts on a runtime on Linux, in our words, and the tests that prove it.",
    "Generated by `npm run compliance` from the results of `npm test`, `npm run test:vm` and `npm run test:oracle`: do not edit.",
    "",
    "- A name is a file below `test/`, and after it the tests in it whose names begin with the rule's number. To run them:",
    "  `bun scripts/test.ts --root FILE`, for unit tests `bun test test/FILE.test.ts`.",
    "- `here` is the machine that the document was made on (unit tests, dist/tsrun, the checkout under Bun); `VM` is the virtual machine with",
    "  cgroup v2, with systemd and with SELinux. Tests that ran in the VM alone are marked.",
    `- The peers, ${peers.join(" and ")}, were given the same tests; \`no\` is a difference that the tests record, with its reason; \`-\`: not asked.`,
    "- A level of `validation` is a duty of the config's author: rule 1.03 makes it the runtime's to refuse a config that breaks it.",
    "",
    ...summary(rules, proofs, chapters),
    "",
  ];
  for (const [number, title] of Object.entries(chapters)) {
    lines.push(`## ${number}. ${title}`, "");
    for (const rule of rules.filter(({ id }) => id.startsWith(`${number}.`))) lines.push(...ruleLines(rule, proofs.get(rule.id) ?? []));
  }
  return lines;
}

/** What is the same on every machine: the rules and their tests. */
function stablePart(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => !/^(here: |- The peers, |\|)/.test(line))
    .map((line) => line.replaceAll(/ \[(VM|not run)\]/g, ""));
}

function main(): number {
  const path = `${REPOSITORY}/docs/compliance.md`;
  const text = documentLines().join("\n");
  // What this run would write, whatever is wrong with it: to be looked at.
  mkdirSync(`${REPOSITORY}/build`, { recursive: true });
  writeFileSync(`${REPOSITORY}/build/compliance.md`, text);
  if (process.argv.includes("--check")) {
    const [committed, own] = [stablePart(readFileSync(path, "utf8")), stablePart(text)];
    const different = own.find((line, i) => line !== committed[i]) ?? (own.length === committed.length ? undefined : "(its end)");
    if (different !== undefined) problems.push(`docs/compliance.md is out of date (npm run compliance): ${different}`);
  } else if (problems.length === 0) writeFileSync(path, text);
  for (const problem of problems) console.log(`FAIL ${problem}`);
  const { rules } = loadRules();
  if (problems.length === 0) console.log(`every rule is proven: ${rules.length - Object.keys(NOT_TESTABLE).length} by tests, see docs/compliance.md`);
  console.log(`${problems.length === 0 ? 1 : 0} passed, ${problems.length} failed, 0 skipped`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = main();
