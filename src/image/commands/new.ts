// tsrun image new: an image without layers, to be filled by unpack, repack and config.
import type { Command } from "commander";
import { timestamp } from "../config/timestamp.ts";
import { commitImage } from "../layout/commit.ts";
import { hostPlatform } from "../layout/image.ts";
import type { Reference } from "../layout/reference.ts";
import { inLayout } from "../layout/writer.ts";
import { imageOption, withExamples } from "./options.ts";

/** umoci's. */
const DEFAULT_NAME = "latest";

export function addNew(program: Command): void {
  const command = program
    .command("new")
    .description("make an image without layers, and the layout when it is missing")
    .addOption(imageOption(`the layout, and the name of the new image (default ${DEFAULT_NAME}); a name that is taken is moved to it`))
    .action(async ({ image }: { image: Reference }) => {
      const config = { created: timestamp(), ...hostPlatform(), config: {}, rootfs: { type: "layers" as const, diff_ids: [] } };
      await inLayout(image.layout, (writer) => commitImage(writer, { config, layers: [] }, image.name ?? DEFAULT_NAME));
    });
  withExamples(command, "tsrun image new --image ./layout:empty");
}
