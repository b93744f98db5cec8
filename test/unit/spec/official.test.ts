// Our schemas against the official ones of the runtime-spec (its schema directory, in TSRUN_OFFICIAL_SPEC): the same verdict on their
// own samples, and on a full config with one value changed at a time. Where we differ on purpose is a table here.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { parseJson } from "../../../src/bundle/json.ts";
import { findSchemaProblems } from "../../../src/bundle/schema.ts";
import { reportSkip } from "../../helpers/skip.ts";
import { installUnitHost } from "../../helpers/unit-host.ts";
import { FULL_CONFIG } from "./full-config.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Pointer (list indices as *) and why. */
const STRICTER: readonly (readonly [RegExp, string])[] = [
  [/^\/root$/, "root is required on Linux"],
  [/^\/process(\/user)?(\/[ug]id)?$/, "user, uid and gid are required on Linux"],
  [/^\/process\/ioPriority(\/priority)?$/, "priority is required, 0 to 7"],
  [/^\/process\/rlimits\/\*\/type$/, "a limit that no kernel has"],
  [/^\/process\/oomScoreAdj$/, "the kernel's range"],
  [/^\/hooks\/\w+\/\*\/timeout$/, "32 bits"],
  [/^\/process\/consoleSize\/(width|height)$/, "32 bits"],
  [/^\/linux\/(devices|resources\/blockIO\/\w+)\/\*(\/(major|minor|rate))?$/, "device numbers have 32 bits and are not negative; rate is required"],
  [/^\/linux\/resources\/devices\/\*\/type$/, "a, b or c"],
  [/^\/linux\/resources\/(memory\/swappiness|cpu\/idle)$/, "the ranges that the text gives"],
  [/^\/linux\/timeOffsets(\/\w+)?(\/nanosecs)?$/, "below a second; every clock is looked at"],
  [/^\/linux\/(personality(\/domain)?|memoryPolicy(\/mode)?)$/, "domain and mode are required by the text"],
];
const WIDER: readonly (readonly [RegExp, string])[] = [
  [/^\/linux\/devices\/\*\/fileMode$/, "engines write the whole st_mode"],
  [/^\/linux\/resources\/pids(\/limit)?$/, "no limit is no limit"],
  [/^\/linux\/rootfsPropagation$/, "peers take the r forms"],
  [/^\/process\/consoleSize(\/\w+)?$/, "ignored without a terminal; a rule with one"],
  [/^\/hooks\/\w+\/\*\/timeout$/, "above 0 is a rule"],
  [/^\/linux\/seccomp\/syscalls\/\*\/names(\/\*)?$/, "not empty is a rule"],
];

const VALUES: readonly Json[] = [true, "", "x", "SCMP_ACT_ALLOW", -2147483649, -1, 0, 1, 1.5, 99, 101, 65536, 4294967296, 2 ** 53 - 1, [], [1], {}];

function official(folder: string): ValidateFunction {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const file of readdirSync(folder).filter((name) => /^(defs|config).*\.json$/.test(name))) {
    // Draft 4: what it is used for here means the same in later drafts.
    const { $schema: _, ...schema } = JSON.parse(readFileSync(`${folder}/${file}`, "utf8"));
    ajv.addSchema(schema, file);
  }
  const validate = ajv.getSchema("config-schema.json");
  if (validate === undefined) throw new Error("no config-schema.json");
  return validate;
}

/** Every pointer of the document with the document changed there: another value, or nothing. */
function* changes(document: Json): Generator<readonly [pointer: string, changed: Json]> {
  function* at(part: Json, pointer: string): Generator<string> {
    if (typeof part !== "object" || part === null) return;
    for (const name of Object.keys(part)) {
      yield `${pointer}/${name}`;
      yield* at((part as Record<string, Json>)[name] ?? null, `${pointer}/${name}`);
    }
  }
  for (const pointer of at(document, "")) {
    for (const value of [undefined, ...VALUES]) {
      const changed = structuredClone(document);
      const names = pointer.slice(1).split("/");
      let parent = changed as Record<string, Json>;
      for (const name of names.slice(0, -1)) parent = parent[name] as Record<string, Json>;
      const last = names[names.length - 1] ?? "";
      if (value !== undefined) parent[last] = value;
      else if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else delete parent[last];
      yield [pointer, changed];
    }
  }
}

function isKnown(table: typeof STRICTER, pointer: string): boolean {
  const general = pointer.replaceAll(/\/\d+(?=\/|$)/g, "/*");
  return table.some(([form]) => form.test(general));
}

const NAME = "the schemas agree with the official ones";
const folder = process.env["TSRUN_OFFICIAL_SPEC"];
if (folder === undefined) reportSkip(NAME, "the official schemas (TSRUN_OFFICIAL_SPEC)");
else {
  installUnitHost();
  const validate = official(folder);

  test("the official samples", () => {
    const others = /^(zos|freebsd)/;
    for (const kind of ["good", "bad"]) {
      for (const file of readdirSync(`${folder}/test/config/${kind}`).filter((name) => !others.test(name) && name !== "invalid-json.json")) {
        const problems = findSchemaProblems(parseJson(readFileSync(`${folder}/test/config/${kind}/${file}`, "utf8"), file));
        if (kind === "good") expect({ file, problems }).toEqual({ file, problems: [] });
        else expect({ file, isGood: problems.length === 0 }).toEqual({ file, isGood: false });
      }
    }
  });

  test(NAME, () => {
    expect(validate(FULL_CONFIG)).toBe(true);
    expect(findSchemaProblems(FULL_CONFIG)).toEqual([]);
    const surprises = new Set<string>();
    for (const [pointer, changed] of changes(FULL_CONFIG)) {
      const theirs = validate(changed);
      const ours = findSchemaProblems(changed).length === 0;
      if (theirs === ours) continue;
      if (!isKnown(theirs ? STRICTER : WIDER, pointer)) surprises.add(`${pointer}: ${theirs ? "stricter" : "wider"}`);
    }
    expect([...surprises]).toEqual([]);
  });
}
