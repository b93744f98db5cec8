// A unit test that cannot run here is skipped, and scripts/test.ts tells what it lacks.
/// <reference types="bun" />
import { test } from "bun:test";
import { appendFileSync } from "node:fs";

export function reportSkip(name: string, missing: string): void {
  const path = process.env["TSRUN_TEST_REPORT"];
  if (path) appendFileSync(path, `${JSON.stringify({ runtime: "tsrun", kind: "skip", name, why: `needs ${missing}` })}\n`);
  test.skip(name, () => {});
}
