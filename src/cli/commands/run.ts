// tsrun run: create and start in one; in the foreground, wait for the program and clean up.
import { runContainer } from "../../lifecycle/run.ts";
import type { Command } from "../command.ts";
import { isSet } from "../flags.ts";
import { BUILD_FLAGS, buildOptions } from "./create.ts";

export const run: Command = {
  name: "run",
  summary: "create and start a container, and wait for its program",
  args: "<container-id>",
  count: [1, 1],
  flags: [
    ...BUILD_FLAGS,
    { name: "detach", short: "d", doc: "return as soon as the program was started" },
    { name: "keep", doc: "do not delete the container when its program has ended" },
    { name: "no-subreaper", doc: "do not adopt the container's orphans" },
  ],
  run(parsed, globals) {
    return runContainer({
      ...buildOptions(parsed, globals.root),
      rootless: globals.rootless,
      systemdCgroup: globals.systemdCgroup,
      detach: isSet(parsed, "detach"),
      keep: isSet(parsed, "keep"),
      subreaper: !isSet(parsed, "no-subreaper"),
    });
  },
};
