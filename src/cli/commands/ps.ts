// tsrun ps: the processes of a container.
import { UsageError } from "../../errors.ts";
import { containerProcesses, processTable } from "../../lifecycle/processes.ts";
import { type Command, idOf } from "../command.ts";
import { print } from "../output.ts";

export const ps: Command = {
  name: "ps",
  summary: "list the processes of a container",
  args: "<container-id> [ps options]",
  count: [1, 1],
  hasCommandLine: true,
  flags: [{ name: "format", short: "f", value: "table|json", doc: "the lines of ps(1), or the pids as a JSON array (default table)" }],
  run(parsed, globals, rest) {
    const format = parsed.values.get("format") ?? "table";
    if (format !== "table" && format !== "json") throw new UsageError(`--format must be table or json, not "${format}"`);
    const pids = containerProcesses(globals.root, idOf(parsed));
    return print(format === "json" ? JSON.stringify(pids) : processTable(pids, rest.length === 0 ? ["-ef"] : rest));
  },
};
