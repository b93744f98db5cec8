// Config -> findings of the generated validators. Only those of the sections that the config has are loaded.
import type { Finding } from "../errors.ts";
import { loadChunk } from "../sys.ts";
import type { SchemaFault, SchemaWordsChunk } from "./schema-words.ts";

interface ValidatorChunk {
  readonly validate: (data: unknown) => readonly SchemaFault[] | null;
}

/** Name of the validator -> where its data is. */
const SECTIONS: readonly (readonly [string, readonly string[]])[] = [
  ["process", ["process"]],
  ["mounts", ["mounts"]],
  ["hooks", ["hooks"]],
  ["linux", ["linux"]],
  ["resources", ["linux", "resources"]],
  ["seccomp", ["linux", "seccomp"]],
  ["intel-rdt", ["linux", "intelRdt"]],
  ["memory-policy", ["linux", "memoryPolicy"]],
];

export function findSchemaProblems(config: unknown): Finding[] {
  const problems = run("config", config, "");
  for (const [name, path] of SECTIONS) {
    const part = memberOf(config, path);
    if (part !== undefined) problems.push(...run(name, part, `/${path.join("/")}`));
  }
  return problems;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function memberOf(value: unknown, path: readonly string[]): unknown {
  let part = value;
  for (const name of path) part = isObject(part) ? part[name] : undefined;
  return part;
}

function run(name: string, data: unknown, pointer: string): Finding[] {
  const faults = (loadChunk(`validate-${name}`) as ValidatorChunk).validate(data);
  if (faults === null) return [];
  const { findingOf } = loadChunk("schema-words") as SchemaWordsChunk;
  return faults.map((fault) => findingOf(fault, pointer));
}
