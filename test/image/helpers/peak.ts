// The tool with a look at its memory.
/// <reference types="bun" />
import { readFileSync, rmSync } from "node:fs";
import { type Ran, run, TOOL_ARGV } from "./tool.ts";

/** The bound, for any image. */
export const MOST_MEGABYTES = 150;

/** `file`: a path for the measure. */
export async function imageWithPeak(file: string, ...args: readonly string[]): Promise<Ran & { readonly megabytes: number }> {
  const [program = "node", ...words] = TOOL_ARGV;
  const preload = [program === "node" ? "--import" : "--preload", `${import.meta.dir}/peak-preload.mjs`];
  const ran = await run([program, ...preload, ...words, ...args], { env: { TSRUN_TEST_PEAK: file } });
  const megabytes = Number(readFileSync(file, "latin1")) / 1024;
  rmSync(file);
  return { ...ran, megabytes };
}
