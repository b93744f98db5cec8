// tsrun spec: write a config.json to begin with.
import { check, UsageError } from "../../errors.ts";
import type { ImageChoice } from "../../lifecycle/image-store.ts";
import { becomeImageTool } from "../../machine/image-tool.ts";
import { sys } from "../../sys.ts";
import type { Command } from "../command.ts";
import { isSet, type Parsed } from "../flags.ts";
import { IMAGE_FLAGS, imageChoice } from "../image-flags.ts";
import { absolute } from "../paths.ts";
import { defaultSpec, rootlessSpec } from "../spec-template.ts";

const O_CREAT_EXCL = 0o300;
const EEXIST = 17;

export const spec: Command = {
  name: "spec",
  summary: "write a config.json to begin with, or print an image's",
  args: "",
  count: [0, 0],
  flags: [
    { name: "bundle", short: "b", value: "DIR", doc: "the bundle directory (default: the working directory)" },
    { name: "rootless", doc: "for a caller who is not root: a user namespace, no resources" },
    ...IMAGE_FLAGS,
  ],
  run(parsed) {
    const choice = imageChoice(parsed);
    if (choice !== undefined) return becomeImageTool(toolArguments(choice, parsed));
    if (parsed.values.has("platform")) throw new UsageError("--platform needs --image");
    const path = `${absolute(parsed.values.get("bundle") ?? ".")}/config.json`;
    const config = isSet(parsed, "rootless") ? rootlessSpec(sys.geteuid(), sys.getegid()) : defaultSpec();
    const written = sys.write_file(path, `${JSON.stringify(config, null, "\t")}\n`, O_CREAT_EXCL, 0o666);
    if (written === -EEXIST) throw new UsageError("File config.json exists. Remove it first", path);
    check(written, "write the file", path, "open");
    return 0;
  },
};

/** An image's configuration goes to standard output, or into the bundle that is named. */
function toolArguments({ image, platform }: ImageChoice, parsed: Parsed): string[] {
  const bundle = parsed.values.get("bundle");
  return [
    "spec",
    `--image=${image}`,
    ...(platform === undefined ? [] : [`--platform=${platform}`]),
    ...(isSet(parsed, "rootless") ? ["--rootless"] : []),
    ...(bundle === undefined ? [] : [`--bundle=${bundle}`]),
  ];
}
