// tsrun image rm: takes a name out of the index. The blobs stay until gc.
import type { Command } from "commander";
import { Layout } from "../layout/layout.ts";
import type { Reference } from "../layout/reference.ts";
import { findEntry, withoutEntry } from "../layout/references.ts";
import { withWriter } from "../layout/writer.ts";
import { imageOption, withExamples } from "./options.ts";

export function addRm(program: Command): void {
  const command = program
    .command("rm")
    .alias("remove")
    .description("take an image out of the layout's index; gc frees its space")
    .addOption(imageOption("the image"))
    .action(async ({ image }: { image: Reference }) => {
      const layout = await Layout.open(image.layout);
      await withWriter(layout, (writer) => writer.changeIndex((index) => withoutEntry(index, findEntry(index, layout.path, image.name))));
    });
  withExamples(command, "tsrun image rm --image ./layout:old && tsrun image gc --layout ./layout");
}
