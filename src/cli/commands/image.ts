// tsrun image: hands the command line over to the image tool, which takes this process's place.
import { check } from "../../errors.ts";
import { findImageTool } from "../../machine/image-tool.ts";
import { sys } from "../../sys.ts";
import type { Command } from "../command.ts";
import { isSet, type Parsed } from "../flags.ts";

/** Global flags that the image tool knows as well. */
const SHARED = ["log", "log-format"];

export const image: Command = {
  name: "image",
  summary: 'OCI images: unpack, run, change and repack them (needs Node or Bun; see "tsrun image --help")',
  args: "<command> [arguments]",
  count: [1, 1],
  flags: [],
  isForwarded: true,
  run(parsed, _, rest) {
    const { program, argv, dropped } = findImageTool();
    const line = [...argv, ...sharedFlags(parsed), ...rest];
    return check(sys.replace_program(program, joined(line), joined(dropped)), "run the image tool with", program, "execve");
  },
};

function sharedFlags(globals: Parsed): string[] {
  const flags = SHARED.flatMap((name) => {
    const value = globals.values.get(name);
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  return isSet(globals, "debug") ? [...flags, "--debug"] : flags;
}

const joined = (items: readonly string[]) => items.map((item) => `${item}\0`).join("");
