// tsrun image spec, as which `tsrun spec --image` runs: an image's configuration as a config.json. The image is not unpacked.
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { UsageError } from "../../errors.ts";
import { bundleConfig, USER_FILES } from "../bundle/config.ts";
import { peek } from "../layer/peek.ts";
import { openImage } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import type { Reference } from "../layout/reference.ts";
import type { Platform } from "../spec/schema.ts";
import { imageOption, platformOption } from "./options.ts";

interface Options {
  readonly image: Reference;
  readonly platform?: Platform;
  readonly rootless?: boolean;
  readonly bundle?: string;
}

export function addSpec(program: Command): void {
  program
    .command("spec", { hidden: true })
    .addOption(imageOption("the image"))
    .addOption(platformOption())
    .option("--rootless")
    .option("--bundle <dir>")
    .action(async ({ image: reference, platform, rootless, bundle }: Options) => {
      const image = await openImage(await Layout.open(reference.layout), reference.name, platform);
      const [passwd, group] = await peek(image, USER_FILES);
      const text = `${JSON.stringify(bundleConfig(image.config, rootless === true, { passwd, group }), null, "\t")}\n`;
      if (bundle === undefined) process.stdout.write(text);
      else await writeNew(resolve(bundle, "config.json"), text);
    });
}

async function writeNew(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: "wx" }).catch((error) => {
    throw error.code === "EEXIST" ? new UsageError("File config.json exists. Remove it first", path) : error;
  });
}
