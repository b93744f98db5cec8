// tsrun image unpack: an image becomes a bundle.
import { resolve } from "node:path";
import { type Command, createOption } from "commander";
import { parseSize } from "../../cli/sizes.ts";
import { UsageError } from "../../errors.ts";
import { unpackBundle } from "../bundle/unpack.ts";
import { interruptibly } from "../interrupt.ts";
import { DEFAULT_LIMITS } from "../layer/limits.ts";
import { openImage } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import type { Reference } from "../layout/reference.ts";
import { startStage } from "../progress.ts";
import type { Platform } from "../spec/schema.ts";
import { imageOption, platformOption, withExamples } from "./options.ts";

interface Options {
  readonly image: Reference;
  readonly platform?: Platform;
  readonly rootless?: boolean;
  readonly maxSize: number;
  readonly maxEntries: number;
  readonly maxRatio: number;
}

export function addUnpack(program: Command): void {
  const command = program
    .command("unpack")
    .description("unpack an image into a bundle: its root filesystem and a config.json")
    .addOption(imageOption("the image"))
    .addOption(platformOption())
    .option("--rootless", "without root: owners go into an extended attribute, devices become empty files")
    .addOption(limitOption("--max-size <size>", "bytes that the layers may unpack to (default 1T)", DEFAULT_LIMITS.size))
    .addOption(limitOption("--max-entries <count>", "entries that the layers may have", DEFAULT_LIMITS.entries))
    .addOption(limitOption("--max-ratio <number>", "how many times its size a layer of more than 4 GiB may unpack to", DEFAULT_LIMITS.ratio))
    .argument("<bundle>", "directory of the bundle, new or empty")
    .action(async (bundle: string, options: Options) => {
      const layout = await Layout.open(resolve(options.image.layout));
      const image = await openImage(layout, options.image.name, options.platform);
      const stage = startStage(
        "unpacking",
        image.manifest.layers.reduce((sum, { size }) => sum + size, 0),
      );
      await interruptibly((signal) =>
        unpackBundle(image, resolve(bundle), {
          limits: { size: options.maxSize, entries: options.maxEntries, ratio: options.maxRatio },
          isRootless: options.rootless === true,
          onRead: (bytes) => stage.add(bytes),
          signal,
        }),
      );
      stage.end();
    });
  withExamples(command, "tsrun image unpack --image ./layout:3.20 bundle", "tsrun image unpack --image ./layout --platform linux/arm64 --max-size 10G bundle");
}

function limitOption(flags: string, doc: string, most: number) {
  return createOption(flags, doc)
    .default(most, String(most))
    .argParser((text: string) => {
      const value = parseSize(/^--(\S+)/.exec(flags)?.[1] ?? "", text);
      if (value <= 0) throw new UsageError(`"${text}" is no limit`, "a number greater than 0");
      return value;
    });
}
