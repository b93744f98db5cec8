// update's own linux.resources: a document, or members made of flags; validated like those in config.json.
import { ConfigError } from "../errors.ts";
import type { Resources } from "../spec/config.ts";
import { parseJson } from "./json.ts";
import { dropNulls } from "./nulls.ts";
import { cgroupProblems } from "./rules/cgroup.ts";
import { findResourcesSchemaProblems } from "./schema.ts";

const ROOT = "/linux/resources";

type Source = { readonly document: { readonly path: string; readonly text: string } } | { readonly resources: Resources };

/** Device rules are left alone, as in runc: a container's own are made once, by create. */
export function parseResources(source: Source): Resources {
  const document = "document" in source ? source.document : { path: "the flags", text: "" };
  const value = "document" in source ? dropNulls(parseJson(document.text, document.path)) : source.resources;
  const problems = findResourcesSchemaProblems(value);
  if (problems.length > 0) throw new ConfigError("TS1102", document.path, problems, document.text);
  const { devices: _, ...resources } = value as Resources;
  const findings = cgroupProblems({ ociVersion: "", linux: { resources } });
  if (findings.length > 0) {
    const own = findings.map((finding) => ({ ...finding, pointer: finding.pointer.slice(ROOT.length) }));
    throw new ConfigError("TS1103", document.path, own, document.text);
  }
  return resources;
}
