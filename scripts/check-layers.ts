// Checks the layers of src/: imports point down only, siblings do not know each other, and the core is plain ES2023
// without engine, promises or timers. Names that do not exist in ES2023 at all are tsc's business (tsconfig.core.json).
/// <reference types="bun" />
import { readdirSync, readFileSync } from "node:fs";
import { dirname, normalize, resolve } from "node:path";

const source = resolve(import.meta.dir, "../src");

/** The height of each module: a file may import from its own module and from lower ones. */
const RANKS: Readonly<Record<string, number>> = {
  "host-bun": 6,
  "host-quickjs": 6,
  image: 6,
  main: 5,
  cli: 4,
  lifecycle: 3,
  bundle: 2,
  cgroup: 2,
  state: 2,
  native: 2,
  plan: 2,
  machine: 2,
  spec: 1,
};
/** The only siblings that may look at each other: at everything, or at types alone. */
const SIBLINGS: Readonly<Record<string, "all" | "types">> = { "native plan": "all", "cgroup plan": "types", "machine plan": "types", "state cgroup": "types" };
const HOSTS = ["host-bun", "host-quickjs", "image"];

/** Pure code: it decides, and touches nothing. */
const PURE = [/^spec\//, /^plan\//, /^bundle\/rules/, /^cgroup\/(limit|device-filter)/];

const BANNED: readonly [RegExp, string][] = [
  [/\basync\s+[\w(]|\bawait\s/, "the core has no promises: the hosts run it to its end"],
  [/\bPromise\b/, "the core has no promises: the hosts run it to its end"],
  [/\bIntl\b|\btoLocale\w+/, "the released host has no Intl"],
  [/\bglobalThis\b|\beval\b|\bnew Function\b/, "the core uses no global object and makes no code"],
  [/(?<![.\w])require\s*\(/, "the core is made of ES modules"],
  [/(?<!typeof )\bimport\s*\(/, "the core loads nothing at run time"],
  [/\bimport\.meta\b/, "only a host knows where it is"],
];
const BANNED_IN_PURE: readonly [RegExp, string][] = [[/\bDate\b|\bMath\.random\b/, "pure code has no clock and no chance"]];

const problems: string[] = [];

function moduleOf(path: string): string {
  const slash = path.indexOf("/");
  return slash < 0 ? path.replace(/\.ts$/, "") : path.slice(0, slash);
}

/** Blanks comments and texts out, line for line. */
function withoutTexts(text: string): string {
  const blank = (found: string) => found.replace(/[^\n]/g, " ");
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g, blank);
}

function checkImport(path: string, line: number, target: string, isTypeOnly: boolean): void {
  const from = moduleOf(path);
  const isHost = HOSTS.includes(from);
  if (!target.startsWith(".")) {
    if (isHost) return;
    if (/^(node:|bun($|:))/.test(target)) problems.push(`src/${path}:${line}: imports ${target}: only a host may`);
    return;
  }
  const to = normalize(`${dirname(path)}/${target}`);
  const module = moduleOf(to);
  if (module === from) return;
  if (HOSTS.includes(module)) problems.push(`src/${path}:${line}: imports the host file ${to}`);
  const mine = RANKS[from] ?? 0;
  const theirs = RANKS[module] ?? 0;
  if (theirs > mine) problems.push(`src/${path}:${line}: imports upwards: ${from} must not know ${module}`);
  if (theirs === mine && mine > 0) {
    const allowed = SIBLINGS[`${from} ${module}`];
    if (allowed === undefined || (allowed === "types" && !isTypeOnly))
      problems.push(`src/${path}:${line}: imports its sibling ${module}${allowed === "types" ? " for more than types" : ""}`);
  }
  if (PURE.some((pure) => pure.test(path)) && module === "sys" && !isTypeOnly) problems.push(`src/${path}:${line}: pure code must not import sys`);
}

for (const path of readdirSync(source, { recursive: true, encoding: "utf8" }).sort()) {
  if (!path.endsWith(".ts")) continue;
  const text = readFileSync(`${source}/${path}`, "utf8");
  for (const found of text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm)) {
    const line = text.slice(0, found.index).split("\n").length;
    const names = found[0];
    const isTypeOnly = found[1] !== undefined || /\{\s*(type\s+\w+[^,}]*,?\s*)+\}/.test(names);
    checkImport(path, line, found[2] ?? "", isTypeOnly);
  }
  if (HOSTS.includes(moduleOf(path)) || path.includes(".gen.")) continue;
  const rules = PURE.some((pure) => pure.test(path)) ? [...BANNED, ...BANNED_IN_PURE] : BANNED;
  withoutTexts(text)
    .split("\n")
    .forEach((line, index) => {
      for (const [pattern, why] of rules) if (pattern.test(line)) problems.push(`src/${path}:${index + 1}: ${pattern.exec(line)?.[0]}: ${why}`);
    });
}

for (const problem of problems) console.log(problem);
console.log(problems.length === 0 ? "layers: fine" : `layers: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
