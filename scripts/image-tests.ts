// The tests of the image tool, on the built tool: all on Node, and again on Bun those that write to layouts and bundles.
/// <reference types="bun" />
import { existsSync } from "node:fs";
import { add, type Counts, REPOSITORY, runTests, testFiles } from "./bun-tests.ts";

const ON_BUN = /\/(?:archive|change|repack|roundtrip|run|unpack(?:-\w+)?)\.test\.ts$/;

/** `filters`: parts of the files' names; none: all. */
export async function imageTests(filters: readonly string[]): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const files = testFiles("image").filter((file) => filters.length === 0 || filters.some((word) => file.includes(word)));
  if (files.length === 0) return total;
  if (!existsSync(`${REPOSITORY}/dist/tsrun-image.mjs`)) {
    console.log("== images: dist/tsrun-image.mjs is not built");
    return { ...total, failed: 1 };
  }
  for (const [host, some] of [["Node", files] as const, ["Bun", files.filter((file) => ON_BUN.test(file))] as const]) {
    const before = performance.now();
    const result = await runTests(some, { env: { TSRUN_IMAGE_HOST: host.toLowerCase() }, jobs: 2 });
    for (const failure of result.failures) console.log(failure);
    const seconds = ((performance.now() - before) / 1000).toFixed(0);
    console.log(`== images, on ${host}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped, ${seconds} s`);
    for (const { name, why } of result.notes) console.log(`  ${why}: ${name}`);
    add(total, result);
  }
  return total;
}
