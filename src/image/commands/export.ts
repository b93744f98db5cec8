// tsrun image export: images of a layout as an archive, for Docker, Podman, skopeo or another layout.
import { type Command, createArgument, createOption } from "commander";
import { UsageError } from "../../errors.ts";
import { type ExportFormat, exportArchive, FORMATS } from "../archive/export.ts";
import { isTagged } from "../archive/names.ts";
import { openOutput } from "../archive/output.ts";
import { interruptibly } from "../interrupt.ts";
import { Layout } from "../layout/layout.ts";
import { parseReference, type Reference } from "../layout/reference.ts";
import type { Platform } from "../spec/schema.ts";
import { platformOption, withExamples } from "./options.ts";

interface Options {
  readonly format: ExportFormat;
  readonly platform?: Platform;
  readonly tag?: string;
}

export function addExport(program: Command): void {
  const command = program
    .command("export")
    .description("write images as an archive that docker load, podman load and skopeo take")
    .addArgument(createArgument("<layout[:name]>", "directory of an image layout, and an image in it (default: all of them)").argParser(parseReference))
    .argument("<archive>", 'file to write; "-" is standard output')
    .addOption(
      createOption("--format <format>", "oci-archive: an image layout, with docker's manifest.json; docker-archive: as docker save before version 25")
        .choices(FORMATS)
        .default("oci-archive"),
    )
    .addOption(platformOption("one of an image's platforms (default: all for oci-archive, this machine's for docker-archive)"))
    .addOption(
      createOption("--tag <repository:tag>", "name of the image in Docker and Podman (default: from the names of image and layout)").argParser(
        (text: string) => {
          if (isTagged(text)) return text;
          throw new UsageError(`"${text}" is no name that Docker knows`, "repository:tag, for example alpine:3.20");
        },
      ),
    )
    .action(async ({ layout: path, name }: Reference, target: string, { format, platform, tag }: Options) => {
      const layout = await Layout.open(path);
      const output = await openOutput(target);
      const work = async (signal?: AbortSignal) => {
        try {
          await exportArchive(layout, format, { name, platform, tag, signal }, (bytes) => output.write(bytes));
          await output.finish();
        } catch (error) {
          await output.discard();
          throw error;
        }
      };
      // A pipe that nobody reads could not be interrupted, and there is nothing to take away.
      await (output.isTemporary ? interruptibly(work) : work());
    });
  withExamples(
    command,
    "tsrun image export ./layout:3.20 - --tag alpine:3.20 | docker load",
    "tsrun image export --format docker-archive ./layout:3.20 alpine.tar && podman load -i alpine.tar",
    "tsrun image export ./layout all.tar",
  );
}
