// tsrun run: create and start in one; in the foreground, wait for the program and clean up.
import { UsageError } from "../../errors.ts";
import { type RunOptions, runContainer } from "../../lifecycle/run.ts";
import { runImage } from "../../lifecycle/run-image.ts";
import type { Command } from "../command.ts";
import { type FlagRow, isSet, type Parsed } from "../flags.ts";
import { IMAGE_FLAGS, imageChoice, storePath } from "../image-flags.ts";
import { BUILD_FLAGS, buildOptions } from "./create.ts";

const STORE_FLAG: FlagRow = {
  name: "store",
  value: "DIR",
  doc: "with --image: where unpacked layers are kept (default /var/lib/tsrun, or ~/.local/share/tsrun when not root)",
};

export const run: Command = {
  name: "run",
  summary: "create and start a container, and wait for its program; with --image, a command is in place of the image's Cmd",
  args: "<container-id> [-- command...]",
  count: [1, Number.POSITIVE_INFINITY],
  flags: [
    ...BUILD_FLAGS,
    ...IMAGE_FLAGS,
    STORE_FLAG,
    { name: "detach", short: "d", doc: "return as soon as the program was started" },
    { name: "keep", doc: "do not delete the container when its program has ended" },
    { name: "no-subreaper", doc: "do not adopt the container's orphans" },
  ],
  run(parsed, globals) {
    const options: RunOptions = {
      ...buildOptions(parsed, globals.root),
      rootless: globals.rootless,
      systemdCgroup: globals.systemdCgroup,
      detach: isSet(parsed, "detach"),
      keep: isSet(parsed, "keep"),
      subreaper: !isSet(parsed, "no-subreaper"),
    };
    const choice = imageChoice(parsed);
    if (choice !== undefined) return runImage({ ...options, ...choice, store: storePath(parsed), command: commandOf(parsed) });
    refuseImageOptions(parsed);
    return runContainer(options);
  },
};

/** What follows the id: in place of the image's Cmd. */
function commandOf(parsed: Parsed): readonly string[] {
  if (parsed.values.has("bundle")) throw new UsageError("--bundle and --image are two ways to say what to run", "leave one of them out");
  return parsed.positionals.slice(1);
}

function refuseImageOptions(parsed: Parsed): void {
  const hint = "the bundle's config.json says what to run";
  if (parsed.positionals.length > 1) throw new UsageError("a command after the container id needs --image", hint);
  for (const name of ["platform", STORE_FLAG.name]) if (parsed.values.has(name)) throw new UsageError(`--${name} needs --image`, hint);
}
