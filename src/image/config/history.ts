// One more line of an image's history (image-spec, config.md, "history"), from the options that config and repack share with umoci.
import { type Command, createOption } from "commander";
import type { HistoryEntry, ImageConfig } from "../spec/schema.ts";
import { parseTimestamp, timestamp } from "./timestamp.ts";

export interface HistoryOptions {
  /** False with --no-history. */
  readonly history: boolean;
  readonly "history.author"?: string;
  readonly "history.comment"?: string;
  readonly "history.created"?: string;
  readonly "history.created_by"?: string;
}

export function addHistoryOptions(command: Command): void {
  command
    .addOption(createOption("--no-history", "add no entry to the history"))
    .addOption(createOption("--history.author <text>", "author of the entry (default: the image's)"))
    .addOption(createOption("--history.comment <text>", "comment of the entry"))
    .addOption(createOption("--history.created <time>", "time of the entry, RFC 3339 (default: now)").argParser(parseTimestamp))
    .addOption(createOption("--history.created_by <text>", "what made it (default: this command)"));
}

/** The config with an entry for what `command` did; `isEmpty`: it made no layer. */
export function withHistory(config: ImageConfig, options: HistoryOptions, command: string, isEmpty: boolean): ImageConfig {
  if (!options.history) return config;
  const author = options["history.author"] ?? config.author;
  const entry: HistoryEntry = {
    created: options["history.created"] ?? timestamp(),
    created_by: options["history.created_by"] ?? command,
    ...(author === undefined ? {} : { author }),
    ...(options["history.comment"] === undefined ? {} : { comment: options["history.comment"] }),
    ...(isEmpty ? { empty_layer: true } : {}),
  };
  return { ...config, history: [...(config.history ?? []), entry] };
}
