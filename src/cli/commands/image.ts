// tsrun image: hands the command line over to the image tool, which takes this process's place.
import { becomeImageTool } from "../../machine/image-tool.ts";
import type { Command } from "../command.ts";

const WORDS = ["config", "export", "gc", "history", "import", "inspect", "ls", "new", "repack", "rm", "store", "tag", "unpack", "verify"];

export const image: Command = {
  name: "image",
  summary: 'OCI images: unpack, run, change and repack them (needs Node or Bun; see "tsrun image --help")',
  args: "<command> [arguments]",
  count: [1, 1],
  flags: [],
  isForwarded: true,
  words: WORDS,
  run(_, __, rest) {
    return becomeImageTool(rest);
  },
};
