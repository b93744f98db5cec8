// Our schemas of an image layout's documents against the official ones of the image-spec, on full documents, on thousands of mutants and
// at the edges of each part: the same verdict, but for what is in the table. The official files are beside the checkout, or nowhere.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import type { TSchema } from "typebox";
import { schemaProblems } from "../../../src/image/layout/layout.ts";
import * as schema from "../../../src/image/spec/schema.ts";
import { type Amendment, amendedDocument, officialImageFolder, officialVerdict, partsOf, readOfficial } from "../../helpers/official.ts";
import { reportSkip } from "../../helpers/skip.ts";
import { edgeCases, hasPart, type Json, mutant, randomNumbers } from "../spec/mutants.ts";

const MUTANTS = 1_500;
const SEED = Number(process.env["TSRUN_MUTANT_SEED"] ?? 1);
const NAME = "our schemas of image documents say what the official ones say";

/** Short ones: each letter of what has a pattern is changed to many others. */
const DIGEST = "sha2-5:0aZ=";
const DESCRIPTOR = {
  mediaType: "a-b/c+d",
  digest: DIGEST,
  size: 123,
  urls: ["https://example.com/x"],
  data: "e30=",
  artifactType: "x/y.z",
  annotations: { "com.example.a": "b" },
};
const PLATFORM = { architecture: "arm", os: "linux", "os.version": "1", "os.features": ["win32k"], variant: "v7" };

/** A document of each kind with everything that the official schema knows. */
const FULL = {
  "image-layout-schema.json": { imageLayoutVersion: "1.0.0" },
  "image-index-schema.json": {
    schemaVersion: 2,
    mediaType: "x/index",
    artifactType: "x/y.z",
    subject: DESCRIPTOR,
    manifests: [{ ...DESCRIPTOR, platform: PLATFORM }],
    annotations: { "com.example.a": "b" },
  },
  "image-manifest-schema.json": {
    schemaVersion: 2,
    mediaType: "x/manifest",
    artifactType: "x/y.z",
    config: DESCRIPTOR,
    subject: DESCRIPTOR,
    layers: [DESCRIPTOR],
    annotations: { "com.example.a": "b" },
  },
  "config-schema.json": {
    created: "2024-01-02T03:04:05Z",
    author: "somebody",
    architecture: "arm",
    variant: "v7",
    os: "linux",
    "os.version": "1",
    "os.features": ["win32k"],
    config: {
      User: "1:2",
      ExposedPorts: { "80/tcp": {} },
      Env: ["A=1"],
      Entrypoint: ["/bin/sh"],
      Cmd: ["-c", "true"],
      Volumes: { "/data": {} },
      WorkingDir: "/",
      Labels: { a: "b" },
      StopSignal: "SIGTERM",
      ArgsEscaped: true,
    },
    rootfs: { type: "layers", diff_ids: [DIGEST] },
    history: [{ created: "2024-01-02T03:04:05Z", author: "somebody", created_by: "RUN", comment: "why", empty_layer: true }],
  },
} as const satisfies Record<string, Json>;

const OURS: Readonly<Record<keyof typeof FULL, TSchema>> = {
  "image-layout-schema.json": schema.layoutFile,
  "image-index-schema.json": schema.index,
  "image-manifest-schema.json": schema.manifest,
  "config-schema.json": schema.imageConfig,
};

const ENTRY = "image-index-schema.json#/properties/manifests/items/properties";
const SIZE = { $ref: undefined, exactInteger: [0, Number.MAX_SAFE_INTEGER] };
const EVERY_NAME = (type: string) => ({ patternProperties: { "": { type } } });

const AMENDMENTS: readonly Amendment[] = [
  // --- wider ---
  { why: "null is what is not set, or empty: Go programs write it", document: withoutNulls },
  { why: "later versions of the layout; verify tells of them", schema: { "image-layout-schema.json#/properties/imageLayoutVersion": { enum: undefined } } },
  {
    why: "an image without layers is made by `new`, and of artifacts (manifest.md: SHOULD)",
    schema: { "image-manifest-schema.json#/properties/layers": { minItems: undefined } },
  },
  // --- stricter ---
  { why: "a size beyond 2^53 would lose digits, and no blob has it", schema: { "defs-descriptor.json#/definitions/size": SIZE } },
  { why: "the same in an index, where the official schema forgets that no size is negative", schema: { [`${ENTRY}/size`]: SIZE } },
  {
    why: "the entries of an index are descriptors in all they have",
    schema: {
      [ENTRY]: { data: { type: "string" }, artifactType: { $ref: "defs-descriptor.json#/definitions/mediaType" } },
    },
  },
  {
    why: "diff_ids are digests (config.md)",
    schema: { "config-schema.json#/properties/rootfs/properties/diff_ids/items": { pattern: "^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$" } },
  },
  {
    why: "names of every form have values of the type",
    schema: { "defs.json#/definitions/mapStringString": EVERY_NAME("string"), "defs.json#/definitions/mapStringObject": EVERY_NAME("object") },
  },
];

/** As JSON.parse gives it to us: integers of any size become doubles. */
function asParsed(document: unknown): string {
  return JSON.stringify(document, (_, value) => (typeof value === "bigint" ? Number(value) : value));
}

function withoutNulls(document: unknown): unknown {
  return document === null ? null : JSON.parse(asParsed(document), schema.withoutNulls);
}

const folder = officialImageFolder();
if (folder === undefined) reportSkip(NAME, "the official schemas of the image-spec (TSRUN_OFFICIAL_IMAGE_SCHEMAS)");
else {
  const schemas = readOfficial(folder);
  for (const [file, full] of Object.entries(FULL) as [keyof typeof FULL, Json][]) {
    const type = OURS[file];
    const ours = (document: unknown) => schemaProblems(type, withoutNulls(document)).length === 0;
    const plain = officialVerdict(schemas, file);

    test(`${file}: the full document has every property`, () => {
      expect(plain(full)).toBe(true);
      expect(ours(full)).toBe(true);
      expect(partsOf(schemas, file, AMENDMENTS).filter((part) => !hasPart(full, part))).toEqual([]);
    });

    test(`${file}: ${NAME}`, () => {
      const random = randomNumbers(SEED);
      const amended = officialVerdict(schemas, file, AMENDMENTS);
      const documents = [
        ...Array.from({ length: MUTANTS }, () => mutant(full, random)),
        ...edgeCases(full, [...partsOf(schemas, file), ...partsOf(schemas, file, AMENDMENTS)]),
      ].filter((document) => typeof document === "object" && document !== null);
      const differences = documents.filter((document) => ours(document) !== amended(amendedDocument(document, AMENDMENTS)));
      expect(differences.slice(0, 3).map((document) => ({ document, problems: schemaProblems(type, withoutNulls(document)) }))).toEqual([]);
      const accepted = documents.filter(ours).length;
      expect(Math.min(accepted, documents.length - accepted)).toBeGreaterThan(documents.length / 10);
    }, 60_000);
  }

  test("each difference on purpose is needed", () => {
    const random = randomNumbers(SEED);
    const unused = AMENDMENTS.filter((amendment) => {
      const others = AMENDMENTS.filter((one) => one !== amendment);
      return (Object.entries(FULL) as [keyof typeof FULL, Json][]).every(([file, full]) => {
        const [all, without] = [officialVerdict(schemas, file, AMENDMENTS), officialVerdict(schemas, file, others)];
        const documents = [...Array.from({ length: 1000 }, () => mutant(full, random)), ...edgeCases(full, partsOf(schemas, file, AMENDMENTS))];
        return documents.every((document) => all(amendedDocument(document, AMENDMENTS)) === without(amendedDocument(document, others)));
      });
    });
    expect(unused.map(({ why }) => why)).toEqual([]);
  }, 60_000);
}
