// Config -> findings of the generated validators.
import type { Finding } from "../errors.ts";
import { validate as config } from "../spec/validators/config.gen.js";
import { validate as hooks } from "../spec/validators/hooks.gen.js";
import { validate as intelRdt } from "../spec/validators/intel-rdt.gen.js";
import { validate as linux } from "../spec/validators/linux.gen.js";
import { validate as memoryPolicy } from "../spec/validators/memory-policy.gen.js";
import { validate as mounts } from "../spec/validators/mounts.gen.js";
import { validate as process } from "../spec/validators/process.gen.js";
import { validate as resources } from "../spec/validators/resources.gen.js";
import { validate as seccomp } from "../spec/validators/seccomp.gen.js";
import { findingOf } from "./schema-words.ts";

/** Validator -> where its data is. Only those of the sections that the config has are called. */
const SECTIONS: readonly (readonly [typeof config, readonly string[]])[] = [
  [process, ["process"]],
  [mounts, ["mounts"]],
  [hooks, ["hooks"]],
  [linux, ["linux"]],
  [resources, ["linux", "resources"]],
  [seccomp, ["linux", "seccomp"]],
  [intelRdt, ["linux", "intelRdt"]],
  [memoryPolicy, ["linux", "memoryPolicy"]],
];

export function findSchemaProblems(document: unknown): Finding[] {
  const problems = run(config, document, "");
  for (const [validate, path] of SECTIONS) {
    const part = memberOf(document, path);
    if (part !== undefined) problems.push(...run(validate, part, `/${path.join("/")}`));
  }
  return problems;
}

/** The findings of a document that is a process alone. */
export function findProcessSchemaProblems(document: unknown): Finding[] {
  return run(process, document, "");
}

/** The findings of a document that is linux.resources alone. */
export function findResourcesSchemaProblems(document: unknown): Finding[] {
  return run(resources, document, "");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function memberOf(value: unknown, path: readonly string[]): unknown {
  let part = value;
  for (const name of path) part = isObject(part) ? part[name] : undefined;
  return part;
}

function run(validate: typeof config, data: unknown, pointer: string): Finding[] {
  const faults = validate(data);
  return faults === null ? [] : faults.map((fault) => findingOf(fault, pointer));
}
