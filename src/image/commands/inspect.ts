// tsrun image inspect: all that an image says of itself.
import type { Command } from "commander";
import { findManifest, platformText } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import type { Reference } from "../layout/reference.ts";
import { nameOf } from "../layout/references.ts";
import { type Row, surveyEntry } from "../layout/survey.ts";
import { printJson, printLine, printTable } from "../output.ts";
import { bytesText } from "../progress.ts";
import { isConfig } from "../spec/media-types.ts";
import * as schema from "../spec/schema.ts";
import { jsonOption, platformOption, referenceArgument, withExamples } from "./options.ts";

interface Inspected {
  readonly name: string | undefined;
  /** The index's entry that was asked for. */
  readonly entry: schema.Descriptor;
  /** When that is an index: what is in it. */
  readonly manifests: readonly Row[] | undefined;
  readonly manifestDescriptor: schema.Descriptor;
  readonly manifest: schema.Manifest;
  /** Undefined for an artifact. */
  readonly config: schema.ImageConfig | undefined;
}

export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .description("show an image: its manifest, config and layers")
    .addArgument(referenceArgument())
    .addOption(platformOption())
    .addOption(jsonOption())
    .action(async (reference: Reference, { platform, json }: { platform?: schema.Platform; json?: boolean }) => {
      const inspected = await inspect(await Layout.open(reference.layout), reference.name, platform);
      if (json) printJson(inspected);
      else print(inspected);
    });
  withExamples(command, "tsrun image inspect ./layout:3.20", "tsrun image inspect --platform linux/arm64 --json ./layout:3.20");
}

async function inspect(layout: Layout, name: string | undefined, platform: schema.Platform | undefined): Promise<Inspected> {
  const { entry, indexes, manifestDescriptor } = await findManifest(layout, name, platform);
  const manifest = await layout.readJson(manifestDescriptor, schema.manifest);
  const config = isConfig(manifest.config.mediaType) ? await layout.readJson(manifest.config, schema.imageConfig) : undefined;
  const manifests = indexes.length === 0 ? undefined : (await surveyEntry(layout, entry)).filter((row) => row.kind !== "index");
  return { name: nameOf(entry), entry, manifests, manifestDescriptor, manifest, config };
}

function print({ name, entry, manifests, manifestDescriptor, manifest, config }: Inspected): void {
  const line = (label: string, value: string | undefined) => value !== undefined && printLine(`${`${label}:`.padEnd(14)}${value}`);
  line("Name", name);
  if (manifests !== undefined) line("Index", blobText(entry));
  line("Manifest", blobText(manifestDescriptor));
  line("Config", blobText(manifest.config));
  line("Artifact", manifest.artifactType);
  line("Subject", manifest.subject && blobText(manifest.subject));
  if (config !== undefined) printConfig(config, line);
  for (const [key, value] of Object.entries(manifest.annotations ?? {})) line("Annotation", `${key}=${value}`);
  printLine("");
  printTable(
    ["LAYER", "SIZE", "MEDIA TYPE", "DIGEST", "DIFF ID"],
    manifest.layers.map((layer, i) => [String(i + 1), bytesText(layer.size), layer.mediaType, layer.digest, config?.rootfs.diff_ids[i] ?? "-"]),
  );
  if (manifests === undefined) return;
  printLine("");
  printTable(
    ["PLATFORM", "KIND", "SIZE", "MANIFEST"],
    manifests.map(({ platform, kind, size, descriptor }) => [
      platform === undefined ? "-" : platformText(platform),
      kind,
      size === undefined ? "-" : bytesText(size),
      descriptor.digest,
    ]),
  );
}

function printConfig(config: schema.ImageConfig, line: (label: string, value: string | undefined) => void): void {
  const { User, Env, Entrypoint, Cmd, WorkingDir, ExposedPorts, Volumes, Labels, StopSignal } = config.config ?? {};
  const words = (list: readonly string[] | undefined) => list && JSON.stringify(list);
  const names = (object: object | undefined) => object && Object.keys(object).join(", ");
  line("Platform", platformText(config));
  line("Created", config.created);
  line("Author", config.author);
  line("User", User);
  for (const variable of Env ?? []) line("Env", variable);
  line("Entrypoint", words(Entrypoint));
  line("Cmd", words(Cmd));
  line("Working dir", WorkingDir);
  line("Ports", names(ExposedPorts));
  line("Volumes", names(Volumes));
  for (const [key, value] of Object.entries(Labels ?? {})) line("Label", `${key}=${value}`);
  line("Stop signal", StopSignal);
}

function blobText({ digest, mediaType, size }: schema.Descriptor): string {
  return `${digest} (${mediaType}, ${bytesText(size)})`;
}
