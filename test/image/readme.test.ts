// The README's tour, every line of it, as a person types it: on directories of its own in the places of /run and /var/lib.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { IS_ROOT, TOOL_PATH, TSRUN } from "./helpers/running.ts";
import { scratch } from "./helpers/scratch.ts";
import { REPOSITORY, run } from "./helpers/tool.ts";

const at = scratch();

/** The commands under a heading: the lines with an indentation of four. */
function commandsUnder(heading: string): string[] {
  const text = readFileSync(`${REPOSITORY}/README.md`, "utf8");
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("    "))
    .map((line) => line.slice(4));
}

test.if(IS_ROOT)(
  "README: the tour works as it is written",
  async () => {
    const commands = commandsUnder("60 seconds");
    expect(commands.filter((line) => line.startsWith("tsrun ")).length).toBeGreaterThan(10);
    const home = at("home");
    const [bin, work] = [`${home}/bin`, `${home}/work`];
    for (const path of [home, bin, work, `${home}/run`, `${home}/lib`]) mkdirSync(path);
    symlinkSync(TSRUN, `${bin}/tsrun`);
    // Ids name cgroups of the whole machine.
    const script = commands.map((line) => line.replaceAll(/\b(hello|web)\b/g, `$1-${process.pid}`));
    writeFileSync(
      `${home}/tour.sh`,
      `set -euo pipefail; cd ${work}\ntrap 'tsrun delete --force web-${process.pid}' EXIT\nmount --bind ${home}/run /run; mount --bind ${home}/lib /var/lib\n${script.join("\n")}\n`,
    );
    const { code, out, err } = await run(["unshare", "--mount", "bash", `${home}/tour.sh`], {
      env: { PATH: `${bin}:${TOOL_PATH}:/usr/sbin:/usr/bin:/sbin:/bin` },
      // For the shell of the first run.
      stdin: new Blob(["echo in the $((1 + 1))nd shell\nexit\n"]),
    });
    expect(err.split("\n").filter((line) => line !== "" && !/^(layer|container) /.test(line))).toEqual([]);
    expect(code).toBe(0);
    const id = (word: string) => `${word}-${process.pid}`;
    for (const words of [
      "in the 2nd shell\n",
      `${id("hello")} from process 1\n`,
      `${id("hello")} from a new layer\n`,
      "tsrun image repack",
      '"status": "created"',
      `${id("web")} `,
      "running",
    ])
      expect(out).toContain(words);
    expect(readdirSync(`${home}/run/tsrun`)).toEqual([]);
    expect(readdirSync(`${home}/lib/tsrun/containers`)).toEqual([]);
  },
  60_000,
);
