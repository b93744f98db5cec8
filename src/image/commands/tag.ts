// tsrun image tag: another name for an image.
import type { Command } from "commander";
import { Layout } from "../layout/layout.ts";
import { parseName, type Reference } from "../layout/reference.ts";
import { findEntry, withNewName } from "../layout/references.ts";
import { withWriter } from "../layout/writer.ts";
import { imageOption, withExamples } from "./options.ts";

export function addTag(program: Command): void {
  const command = program
    .command("tag")
    .description("give an image another name; a name that is taken is moved to it")
    .addOption(imageOption("the image"))
    .argument("<name>", "the new name", parseName)
    .action(async (name: string, { image }: { image: Reference }) => {
      const layout = await Layout.open(image.layout);
      await withWriter(layout, (writer) => writer.changeIndex((index) => withNewName(index, findEntry(index, layout.path, image.name), name)));
    });
  withExamples(command, "tsrun image tag --image ./layout:3.20 stable");
}
