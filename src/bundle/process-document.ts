// exec's own process: a document with one process object, or the container's process with changes; validated like the one in config.json.
import { ConfigError, checkText } from "../errors.ts";
import type { Config, Process } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { parseJson } from "./json.ts";
import { confinementProblems } from "./lsm-rules.ts";
import { dropNulls } from "./nulls.ts";
import { processLabelProblems } from "./rules/labels.ts";
import { processProblems } from "./rules/process.ts";
import { userProblems } from "./rules/user.ts";
import { findProcessSchemaProblems } from "./schema.ts";

/** Where the process is written, for the places in errors. */
export interface ProcessDocument {
  readonly path: string;
  readonly text: string;
}

const ROOT = "/process";

/** Pointers into config.json -> pointers into a document that is the process alone. */
export function inProcessDocument(pointer: string): string {
  return pointer.startsWith(ROOT) ? pointer.slice(ROOT.length) : "";
}

export function readProcess(path: string): { process: Process; document: ProcessDocument } {
  const text = checkText(sys.read_text(path), "read the process", path, "open");
  const value = dropNulls(parseJson(text, path));
  const problems = findProcessSchemaProblems(value);
  if (problems.length > 0) throw new ConfigError("TS1102", path, problems, text);
  return { process: value as Process, document: { path, text } };
}

/** `config`: the container's, with the new process in it. `document`: undefined when flags said it. */
export function checkProcess(config: Config, document: ProcessDocument | undefined): void {
  const problems = [...processProblems(config), ...userProblems(config), ...processLabelProblems(config), ...confinementProblems(config)];
  if (problems.length === 0) return;
  const findings = problems.map((problem) => ({ ...problem, pointer: inProcessDocument(problem.pointer) }));
  throw new ConfigError(problems[0]?.code ?? "TS1103", document?.path ?? "", findings, document?.text);
}
