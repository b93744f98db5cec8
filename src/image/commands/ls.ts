// tsrun image ls: the images of a layout, with their platforms and sizes.
import type { Command } from "commander";
import { platformText } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import type { Reference } from "../layout/reference.ts";
import { findEntry } from "../layout/references.ts";
import { type Row, surveyEntry } from "../layout/survey.ts";
import { printJson, printTable } from "../output.ts";
import { bytesText } from "../progress.ts";
import { jsonOption, referenceArgument, withExamples } from "./options.ts";

export function addLs(program: Command): void {
  const command = program
    .command("ls")
    .alias("list")
    .description("list the images of a layout: platforms, sizes, digests")
    .addArgument(referenceArgument())
    .addOption(jsonOption())
    .action(async (reference: Reference, { json }: { json?: boolean }) => {
      const layout = await Layout.open(reference.layout);
      const index = await layout.index();
      const entries = reference.name === undefined ? index.manifests : [findEntry(index, layout.path, reference.name)];
      const rows: Row[] = [];
      for (const entry of entries) rows.push(...(await surveyEntry(layout, entry)));
      if (json) printJson(rows);
      else printTable(["NAME", "KIND", "PLATFORM", "LAYERS", "SIZE", "CREATED", "DIGEST"], rows.map(cells));
    });
  withExamples(command, "tsrun image ls ./layout", "tsrun image ls --json ./layout:3.20");
}

function cells({ name, kind, platform, layers, size, created, descriptor, problem }: Row): string[] {
  return [
    name ?? "-",
    kind,
    platform === undefined ? "-" : platformText(platform),
    layers === undefined ? "-" : String(layers),
    size === undefined ? "-" : bytesText(size),
    created ?? "-",
    problem === undefined ? descriptor.digest : `${descriptor.digest} (${problem})`,
  ];
}
