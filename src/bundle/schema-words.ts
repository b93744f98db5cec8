// A fault of a generated validator -> a finding in plain words.
import type { Finding } from "../errors.ts";

/** Pointer below the section, keyword of the schema, and what the keyword says (scripts/gen-validators.ts). */
export type SchemaFault = readonly [at: string, keyword: string, detail: unknown];

export function findingOf([at, keyword, detail]: SchemaFault, section: string): Finding {
  const pointer = section + at;
  return { pointer, message: `${nameOf(pointer)} ${demand(keyword, detail)}` };
}

/** "/mounts/2/source" -> "mounts[2].source": as a person would write it. */
function nameOf(pointer: string): string {
  if (pointer === "") return "config.json";
  const parts = pointer.slice(1).split("/");
  const names = parts.map((part) => {
    if (/^[0-9]+$/.test(part)) return `[${part}]`;
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    return /^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  });
  return names.join("").replace(/^\./, "");
}

function demand(keyword: string, detail: unknown): string {
  switch (keyword) {
    case "required":
      return `must have the member "${detail}"`;
    case "type":
      return `must be ${TYPES[String(detail)] ?? detail}`;
    case "enum":
      return `must be one of: ${detail}`;
    case "integer":
      return `must be an integer from ${String(detail).replace(", ", " to ")}`;
    case "int64":
      return detail === "signed" ? "must be a 64-bit integer" : "must be a 64-bit integer that is not negative";
    case "pattern":
      return FORMS[String(detail)] ?? `must have the form ${detail}`;
    default:
      return `is invalid (${keyword})`;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: "an object { ... }",
  array: "a list [ ... ]",
  string: "a string",
  boolean: "true or false",
};

/** The patterns of src/spec/schema. */
const FORMS: Readonly<Record<string, string>> = {
  "^[0-9, -]*$": 'must be a list of processors such as "0-3,7"',
  "^[1-9][0-9]*[KMG]B$": 'must be a size such as "2MB" or "1GB"',
  "^MB:[^\\n]*$": 'must begin with "MB:" and be one line',
};
