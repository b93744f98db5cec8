// Which runtime is under test, and how it is started. $RUNTIME names it; without it the built executable, or the checkout
// under Bun with TSRUN_HOST=bun.
/// <reference types="bun" />
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dir, "../..");
export const BUILD = `${REPOSITORY}/build`;

/** Where output and state of the tests go; the test runner gives one directory and removes it. */
export const SCRATCH = process.env["TSRUN_TEST_SCRATCH"] ?? mkdtempSync(`${tmpdir()}/tsrun-scratch-`);

export type RuntimeName = "tsrun" | "runc" | "crun";

function findOnPath(name: string): string {
  if (name.includes("/")) return resolve(name);
  for (const directory of [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"])
    if (existsSync(`${directory}/${name}`)) return `${directory}/${name}`;
  throw new Error(`no program "${name}" on the PATH`);
}

function chooseCommand(): string[] {
  const asked = process.env["RUNTIME"];
  if (asked) return [findOnPath(asked)];
  if (process.env["TSRUN_HOST"] === "bun") return [process.execPath, `${REPOSITORY}/src/host-bun/main.ts`];
  return [existsSync(`${REPOSITORY}/dist/tsrun`) ? `${REPOSITORY}/dist/tsrun` : `${REPOSITORY}/bin/tsrun`];
}

function nameOf(program: string): RuntimeName {
  const base = basename(program);
  return base.startsWith("runc") ? "runc" : base.startsWith("crun") ? "crun" : "tsrun";
}

/** argv prefix of the runtime. */
export const COMMAND = chooseCommand();
export const RUNTIME: RuntimeName = nameOf(COMMAND[0] ?? "");
/** What limits of time are multiplied by: the virtual machine's processor is software, on a machine that does other things as well. */
export const SLOWNESS = process.env["TSRUN_LANE"]?.startsWith("vm") === true ? 4 : 1;
/** The Bun host, where process start costs more. */
export const IS_BUN_HOST = COMMAND.length > 1;
