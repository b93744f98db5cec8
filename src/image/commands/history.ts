// tsrun image history: how an image was made, and which step made which layer.
import type { Command } from "commander";
import { openImage } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import type { Reference } from "../layout/reference.ts";
import { printJson, printTable } from "../output.ts";
import { bytesText } from "../progress.ts";
import type { Descriptor, HistoryEntry, ImageConfig, Manifest, Platform } from "../spec/schema.ts";
import { jsonOption, platformOption, referenceArgument, withExamples } from "./options.ts";

interface Step {
  readonly history: HistoryEntry;
  /** Undefined for a step without a layer. */
  readonly layer: (Descriptor & { readonly diffId: string | undefined }) | undefined;
}

export function addHistory(program: Command): void {
  const command = program
    .command("history")
    .description("how an image was made, oldest step first, and the layers of the steps")
    .addArgument(referenceArgument())
    .addOption(platformOption())
    .addOption(jsonOption())
    .action(async (reference: Reference, { platform, json }: { platform?: Platform; json?: boolean }) => {
      const { manifest, config } = await openImage(await Layout.open(reference.layout), reference.name, platform);
      const steps = stepsOf(manifest, config);
      if (json) printJson(steps);
      else printTable(["CREATED", "SIZE", "LAYER", "CREATED BY", "AUTHOR", "COMMENT"], steps.map(cells));
    });
  withExamples(command, "tsrun image history ./layout:3.20");
}

/** Steps that are not "empty_layer" made the layers, in order; layers without a step come last. */
function stepsOf({ layers }: Manifest, { history, rootfs }: ImageConfig): Step[] {
  const queue = layers.map((layer, i) => ({ ...layer, diffId: rootfs.diff_ids[i] }));
  const steps = (history ?? []).map((entry) => ({ history: entry, layer: entry.empty_layer ? undefined : queue.shift() }));
  return [...steps, ...queue.map((layer) => ({ history: {}, layer }))];
}

function cells({ history, layer }: Step): string[] {
  return [
    history.created ?? "-",
    layer === undefined ? "-" : bytesText(layer.size),
    layer?.digest ?? "-",
    history.created_by ?? "-",
    history.author ?? "",
    history.comment ?? "",
  ];
}
