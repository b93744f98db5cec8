// tsrun image config: changes what an image says of itself, by umoci's options. Layers stay as they are.
import { type Command, createOption } from "commander";
import { UsageError } from "../../errors.ts";
import { CLEARABLE, type Clearable, type Edits, editAnnotations, editConfig } from "../config/edit.ts";
import { addHistoryOptions, type HistoryOptions, withHistory } from "../config/history.ts";
import { parseTimestamp } from "../config/timestamp.ts";
import { BaseMoved, commitImage } from "../layout/commit.ts";
import { openImage } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import { parseName, type Reference } from "../layout/reference.ts";
import { type LayoutWriter, withWriter } from "../layout/writer.ts";
import type { Platform } from "../spec/schema.ts";
import { imageOption, manyOption, platformOption, withExamples } from "./options.ts";

interface Options extends Edits, HistoryOptions {
  readonly image: Reference;
  readonly tag?: string;
  readonly platform?: Platform;
}

export function addConfig(program: Command): void {
  const command = program
    .command("config")
    .description("change the config and the annotations of an image")
    .addOption(imageOption("the image"))
    .addOption(createOption("--tag <name>", "name of the changed image (default: that of --image, which is moved to it)").argParser(parseName))
    .addOption(platformOption())
    .option("--config.user <user[:group]>", "user and group, by name or number")
    .addOption(manyOption("--config.env <name=value>", "set a variable"))
    .addOption(manyOption("--config.entrypoint <word>", "one word of the entrypoint, which is replaced; give it once for each word"))
    .addOption(manyOption("--config.cmd <word>", "one word of the command, which is replaced; give it once for each word"))
    .option("--config.workingdir <dir>", "working directory")
    .addOption(manyOption("--config.exposedports <port[/proto]>", "add a port"))
    .addOption(manyOption("--config.volume <dir>", "add a volume"))
    .addOption(manyOption("--config.label <name=value>", "set a label"))
    .option("--config.stopsignal <signal>", "signal that ends the program")
    .option("--author <text>", "author of the image")
    .addOption(createOption("--created <time>", "time of the image, RFC 3339").argParser(parseTimestamp))
    .option("--architecture <arch>", "architecture, in Go's words: amd64, arm64")
    .option("--os <os>", "operating system")
    .addOption(manyOption("--manifest.annotation <name=value>", "set an annotation of the manifest"))
    .addOption(
      createOption("--clear <what>", `empty it before: ${CLEARABLE.join(", ")}`).argParser((value: string, before: readonly Clearable[] | undefined) => {
        const known = CLEARABLE.find((one) => one === value);
        if (known === undefined) throw new UsageError(`--clear: "${value}" cannot be cleared`, `one of ${CLEARABLE.join(", ")}`);
        return [...(before ?? []), known];
      }),
    );
  addHistoryOptions(command);
  command.action(async (options: Options) => {
    const layout = await Layout.open(options.image.layout);
    await withWriter(layout, async (writer) => {
      // What another one has changed meanwhile is kept: the edits are made again, on that.
      while (!(await edit(writer, options)));
    });
  });
  withExamples(
    command,
    "tsrun image config --image ./layout:web --config.cmd nginx --config.cmd -g --config.cmd 'daemon off;'",
    "tsrun image config --image ./layout:web --tag web-debug --clear config.entrypoint --config.env DEBUG=1",
  );
}

/** False: somebody else was faster. */
async function edit(writer: LayoutWriter, options: Options): Promise<boolean> {
  const image = await openImage(writer.layout, options.image.name, options.platform);
  const config = withHistory(editConfig(image.config, options), options, "tsrun image config", true);
  const annotations = editAnnotations(image.manifest.annotations, options);
  const { layers, subject } = image.manifest;
  try {
    await commitImage(writer, { config, layers, ...(subject && { subject }), ...(annotations && { annotations }) }, options.tag, image);
    return true;
  } catch (error) {
    if (error instanceof BaseMoved) return false;
    throw error;
  }
}
