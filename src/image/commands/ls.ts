// tsrun image ls: the images of a layout.
import type { Command } from "commander";
import { platformText, REF_NAME } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import { parseReference } from "../layout/reference.ts";

export function addLs(program: Command): void {
  program
    .command("ls")
    .description("list the images of a layout")
    .argument("<layout>", "directory of an image layout")
    .option("--json", "as JSON")
    .action(async (text: string, options: { json?: boolean }) => {
      const layout = await Layout.open(parseReference(text).layout);
      const { manifests } = await layout.index();
      if (options.json) return console.log(JSON.stringify(manifests, null, 2));
      for (const one of manifests)
        console.log([one.annotations?.[REF_NAME] ?? "-", one.digest, one.mediaType, one.platform === undefined ? "-" : platformText(one.platform)].join("\t"));
    });
}
