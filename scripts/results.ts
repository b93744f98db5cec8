// What the tests of a lane came to: build/results/<lane>.json, written by every run of tests and read by scripts/compliance.ts.
/// <reference types="bun" />
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

const repository = resolve(import.meta.dir, "..");
const directory = `${repository}/build/results`;

/** "deviates": a peer that the test knows to be wrong, and why. */
export type Outcome = "passed" | "failed" | "skipped" | "deviates";

export interface TestResult {
  readonly name: string;
  readonly outcome: Outcome;
  readonly why?: string;
}

export interface FileResults {
  /** Hash of the test file: results of an older version of it count for nothing. */
  readonly source: string;
  readonly tests: readonly TestResult[];
}

export interface LaneResults {
  readonly lane: string;
  /** The first line of the runtime's --version. */
  readonly runtime: string;
  /** By the path of the test file in the repository. */
  readonly files: Readonly<Record<string, FileResults>>;
}

export function hashOf(file: string): string {
  return Bun.hash(readFileSync(`${repository}/${file}`)).toString(16);
}

/** Files that this run had take the place of older results; those of other files stay. */
export function writeResults(lane: string, runtime: string, ran: ReadonlyMap<string, readonly TestResult[]>): void {
  mkdirSync(directory, { recursive: true });
  const files: Record<string, FileResults> = { ...readResults(lane)?.files };
  for (const [file, tests] of ran) files[file] = { source: hashOf(file), tests };
  const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
  const path = `${directory}/${lane}.json`;
  writeFileSync(`${path}.new`, `${JSON.stringify({ lane, runtime, files: sorted } satisfies LaneResults, null, 1)}\n`);
  renameSync(`${path}.new`, path);
}

/** Undefined when the lane was never run. Files that are gone, and results of older versions, are left out. */
export function readResults(lane: string): LaneResults | undefined {
  const path = `${directory}/${lane}.json`;
  if (!existsSync(path)) return undefined;
  const { runtime, files } = JSON.parse(readFileSync(path, "utf8")) as LaneResults;
  const current = Object.entries(files).filter(([file, { source }]) => existsSync(`${repository}/${file}`) && hashOf(file) === source);
  return { lane, runtime, files: Object.fromEntries(current) };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, number: string | undefined, name: string | undefined) =>
    number === undefined ? (ENTITIES[name ?? ""] ?? whole) : String.fromCodePoint(Number(number)),
  );
}

/** The tests of a report of `bun test --reporter=junit`. */
export function parseReport(xml: string): TestResult[] {
  const tests: TestResult[] = [];
  for (const [, attributes = "", body = ""] of xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const name = unescapeXml(/(?:^| )name="([^"]*)"/.exec(attributes)?.[1] ?? "");
    tests.push({ name, outcome: /<failure|<error/.test(body) ? "failed" : body.includes("<skipped") ? "skipped" : "passed" });
  }
  return tests;
}
