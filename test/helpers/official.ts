// The official JSON Schemas of the runtime-spec and the image-spec as validators. They are not part of the project: a directory beside the
// checkout has them (a clone of the specification, or one with spec/runtime), or $TSRUN_OFFICIAL_SCHEMAS names it.
/// <reference types="bun" />
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parseExact } from "../../src/bundle/exact-json.ts";
import { REPOSITORY } from "./runtime.ts";

/** Parts of a schema that are other than the official files say. */
export interface Amendment {
  readonly why: string;
  /** "file.json#/pointer" -> members to set there; undefined takes one away. */
  readonly schema?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What is done to a document before it is validated. */
  readonly document?: (document: unknown) => unknown;
}

export type Verdict = (document: unknown) => boolean;

type Node = Record<string, unknown>;

/** A file or directory below one of the directories beside the checkout. */
export function besideCheckout(...paths: readonly string[]): string | undefined {
  const parent = `${REPOSITORY}/..`;
  for (const name of readdirSync(parent).sort()) for (const path of paths) if (existsSync(`${parent}/${name}/${path}`)) return `${parent}/${name}/${path}`;
  return undefined;
}

export function officialFolder(): string | undefined {
  const file = "config-schema.json";
  return process.env["TSRUN_OFFICIAL_SCHEMAS"] ?? besideCheckout(`spec/runtime/${file}`, `schema/${file}`)?.slice(0, -file.length - 1);
}

/** The same of the image-spec. */
export function officialImageFolder(): string | undefined {
  const file = "image-manifest-schema.json";
  return process.env["TSRUN_OFFICIAL_IMAGE_SCHEMAS"] ?? besideCheckout(`spec/image/${file}`, `schema/${file}`)?.slice(0, -file.length - 1);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Draft 4 for ajv: members beside a $ref do not count, and integers have any size, which a double has not.
 * {type: "integer", minimum, maximum} becomes the keyword exactInteger: [minimum, maximum].
 */
function modern(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(modern);
  if (!isNode(schema)) return schema;
  if (typeof schema["$ref"] === "string") return { $ref: schema["$ref"] };
  const { $schema: _, type, minimum, maximum, ...rest } = schema;
  // "id" names the schema, unless it is the name of a property, which has an object.
  const members = Object.fromEntries(
    Object.entries(rest).flatMap(([name, value]) => (name === "id" && typeof value === "string" ? [] : [[name, modern(value)]])),
  );
  return type === "integer" ? { ...members, exactInteger: [minimum, maximum] } : { ...members, ...(type === undefined ? {} : { type }) };
}

function isExactInteger(range: readonly (number | bigint | undefined)[], data: unknown): boolean {
  if (typeof data !== "bigint" && !Number.isInteger(data)) return false;
  const [least, greatest] = range;
  const number = data as number | bigint;
  return (least === undefined || number >= least) && (greatest === undefined || number <= greatest);
}

export function readExact(path: string): unknown {
  const result = parseExact(readFileSync(path, "utf8"));
  if ("fault" in result) throw new Error(`${path}: ${result.fault.message}`);
  return result.value;
}

/** File name -> schema, ready for ajv. */
export function readOfficial(folder: string): Record<string, unknown> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return Object.fromEntries(files.map((file) => [file, modern(readExact(`${folder}/${file}`))]));
}

function nodeAt(schemas: Record<string, unknown>, place: string): Node {
  const [file = "", pointer = ""] = place.split("#");
  let node = schemas[file];
  for (const name of pointer.split("/").slice(1)) node = isNode(node) || Array.isArray(node) ? (node as Node)[name] : undefined;
  if (!isNode(node)) throw new Error(`the official schemas have no ${place}`);
  return node;
}

function amend(schemas: Record<string, unknown>, amendments: readonly Amendment[]): Record<string, unknown> {
  const amended = structuredClone(schemas);
  for (const { schema = {} } of amendments) {
    for (const [place, members] of Object.entries(schema)) {
      const node = nodeAt(amended, place);
      for (const [name, value] of Object.entries(members)) {
        if (value === undefined) delete node[name];
        else node[name] = value;
      }
    }
  }
  return amended;
}

/** `file`: the schema to ask. */
export function officialVerdict(schemas: Record<string, unknown>, file: string, amendments: readonly Amendment[] = []): Verdict {
  const ajv = new Ajv({ strict: false, validateFormats: false, messages: false, code: { optimize: false }, meta: false, validateSchema: false });
  ajv.addKeyword({ keyword: "exactInteger", validate: isExactInteger, errors: false });
  for (const [name, schema] of Object.entries(amend(schemas, amendments))) ajv.addSchema(schema as object, name);
  const validate = ajv.getSchema(file);
  if (validate === undefined) throw new Error(`the official schemas have no ${file}`);
  return (document) => validate(document) === true;
}

/** The document as the amended schema is to see it. */
export function amendedDocument(document: unknown, amendments: readonly Amendment[]): unknown {
  return amendments.reduce((value, amendment) => amendment.document?.(value) ?? value, document);
}

export interface SchemaPart {
  /** Names, and * for the entries of a list or map. */
  readonly path: readonly string[];
  readonly schema: Readonly<Node>;
}

/** What the schema says of each place of a document. */
export function partsOf(schemas: Record<string, unknown>, file: string, amendments: readonly Amendment[] = []): SchemaPart[] {
  const amended = amend(schemas, amendments);
  const found: SchemaPart[] = [];
  const visit = (node: unknown, path: readonly string[], home: string): void => {
    if (!isNode(node)) return;
    if (typeof node["$ref"] === "string") {
      const [other, pointer] = node["$ref"].split("#");
      visit(nodeAt(amended, `${other || home}#${pointer}`), path, other || home);
      return;
    }
    found.push({ path, schema: node });
    const members = (keyword: string) => (isNode(node[keyword]) ? node[keyword] : {});
    for (const [name, part] of Object.entries(members("properties"))) visit(part, [...path, name], home);
    for (const part of Object.values(members("patternProperties"))) visit(part, [...path, "*"], home);
    for (const keyword of ["items", "additionalProperties"]) visit(node[keyword], [...path, "*"], home);
    for (const keyword of ["allOf", "anyOf"]) for (const part of Object.values(node[keyword] ?? [])) visit(part, path, home);
  };
  visit(amended[file], [], file);
  return found;
}
