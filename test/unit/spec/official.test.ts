// Our schemas against the official ones of the runtime-spec, on their samples, on engines' configs, on our fixtures and on thousands of
// mutants: the same verdict, but for what is in amendments.ts. The official files are beside the checkout, or nowhere: helpers/official.ts.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parseExact } from "../../../src/bundle/exact-json.ts";
import { dropNulls } from "../../../src/bundle/nulls.ts";
import { findProblems } from "../../../src/bundle/rules.ts";
import { findSchemaProblems } from "../../../src/bundle/schema.ts";
import { stateOf } from "../../../src/lifecycle/hooks.ts";
import { features } from "../../../src/plan/features.ts";
import type { Config } from "../../../src/spec/config.ts";
import { amendedDocument, besideCheckout, officialFolder, officialVerdict, partsOf, readOfficial, type Verdict } from "../../helpers/official.ts";
import { REPOSITORY } from "../../helpers/runtime.ts";
import { reportSkip } from "../../helpers/skip.ts";
import { AMENDMENTS } from "./amendments.ts";
import { FULL_CONFIG } from "./full-config.ts";
import { edgeCases, hasPart, type Json, mutant, randomNumbers } from "./mutants.ts";

const MUTANTS = 10_000;
const SEED = Number(process.env["TSRUN_MUTANT_SEED"] ?? 1);
const CONFIG = "config-schema.json";
const NAME = "our schemas say what the official ones say";

/** parseConfig from the value on. */
const ours: Verdict = (document) => findSchemaProblems(dropNulls(document)).length === 0;

/** File name -> value; what is not JSON is not there. */
function documents(folder: string | undefined): Map<string, Json> {
  const found = new Map<string, Json>();
  if (folder === undefined || !existsSync(folder)) return found;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const result = parseExact(readFileSync(`${folder}/${file}`, "utf8"));
    if ("value" in result) found.set(`${folder}/${file}`, result.value as Json);
  }
  return found;
}

/** Without the objects that two members share: a change of one must not be one of the other. */
function unshared<T>(value: T): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

const folder = officialFolder();
if (folder === undefined) reportSkip(NAME, "the official schemas of the runtime-spec (TSRUN_OFFICIAL_SCHEMAS)");
else {
  const schemas = readOfficial(folder);
  const plain = officialVerdict(schemas, CONFIG);
  const amended = officialVerdict(schemas, CONFIG, AMENDMENTS);
  const fixtures = `${REPOSITORY}/spec-fixtures`;
  const samples = new Map([
    ...documents(`${folder}/test/config/good`),
    ...documents(`${folder}/test/config/bad`),
    ...documents(`${fixtures}/engines`),
    ...documents(besideCheckout("fixtures/engine-configs")),
    ...documents(`${fixtures}/good`),
    ...documents(`${fixtures}/bad`),
  ]);
  const full = unshared(FULL_CONFIG);
  const mutants = (() => {
    const random = randomNumbers(SEED);
    const good = [...samples.values()].filter((document) => ours(document));
    return Array.from({ length: MUTANTS }, (_, i) => mutant(i % 3 === 0 ? (good[random(good.length)] ?? full) : full, random));
  })();
  const edges = edgeCases(full, [...partsOf(schemas, CONFIG), ...partsOf(schemas, CONFIG, AMENDMENTS)]);
  /** What the three say of each. */
  const verdicts = [...samples.values(), ...mutants, ...edges].map((document) => {
    const prepared = amendedDocument(document, AMENDMENTS);
    return { document, prepared, ours: ours(document), plain: plain(document), amended: amended(prepared) };
  });

  test("the official validator says of the official samples what their directories say", () => {
    for (const kind of ["config", "state", "features"]) {
      const verdict = officialVerdict(schemas, `${kind}-schema.json`);
      for (const [file, document] of documents(`${folder}/test/${kind}/good`)) expect({ file, isGood: verdict(document) }).toEqual({ file, isGood: true });
      for (const [file, document] of documents(`${folder}/test/${kind}/bad`)) expect({ file, isGood: verdict(document) }).toEqual({ file, isGood: false });
    }
  });

  test("the full config has every property of the official schema", () => {
    expect(plain(full)).toBe(true);
    expect(ours(full)).toBe(true);
    const parts = partsOf(schemas, CONFIG, AMENDMENTS);
    expect(parts.length).toBeGreaterThan(250);
    expect(parts.filter((part) => !hasPart(full, part)).map(({ path }) => path.join("/"))).toEqual([]);
  });

  test(NAME, () => {
    const count = (is: (verdict: (typeof verdicts)[number]) => boolean) => verdicts.filter(is).length;
    const accepted = count((verdict) => verdict.ours);
    const refused = count((verdict) => !verdict.ours);
    const stricter = count((verdict) => !verdict.ours && verdict.plain);
    const wider = count((verdict) => verdict.ours && !verdict.plain);
    const differences = verdicts.filter((verdict) => verdict.ours !== verdict.amended);
    console.log(`${accepted} accepted, ${refused} refused; on purpose ${stricter} stricter and ${wider} wider; ${differences.length} other differences`);
    expect(differences.slice(0, 3).map((verdict) => ({ ...verdict, findings: findSchemaProblems(dropNulls(verdict.document)) }))).toEqual([]);
    expect(Math.min(accepted, refused)).toBeGreaterThan(MUTANTS / 5);
  });

  test("each difference on purpose is one, and what a rule refuses instead is refused", () => {
    const different = verdicts.filter((verdict) => verdict.plain !== verdict.amended);
    const unused: string[] = [];
    for (const amendment of AMENDMENTS) {
      const others = AMENDMENTS.filter((one) => one !== amendment);
      const without = officialVerdict(schemas, CONFIG, others);
      const isDecided = ({ document, prepared, amended }: (typeof verdicts)[number]) =>
        without(amendment.document === undefined ? prepared : amendedDocument(document, others)) !== amended;
      if (!different.some(isDecided)) unused.push(amendment.why);
      const { rule } = amendment;
      if (rule === undefined) continue;
      for (const { document } of different.filter((verdict) => verdict.amended && isDecided(verdict))) {
        const pointers = findProblems(dropNulls(document) as Config).map(({ pointer }) => pointer);
        expect(pointers.filter((pointer) => rule.test(pointer))).not.toEqual([]);
      }
    }
    expect(unused).toEqual([]);
  }, 60_000);

  test("2.08 9.02 state and features are what the official schemas ask for", () => {
    expect(officialVerdict(schemas, "features-schema.json")(unshared(features()))).toBe(true);
    const state = officialVerdict(schemas, "state-schema.json");
    const record = { id: "c", bundle: "/b" };
    for (const status of ["creating", "created", "running", "stopped"] as const) {
      expect(state(stateOf(record, status, 1))).toBe(true);
      expect(state(stateOf({ ...record, annotations: { a: "b" } }, status, 0))).toBe(true);
    }
    expect(state({ ...stateOf(record, "running", 1), pid: -1 })).toBe(false);
  });
}
