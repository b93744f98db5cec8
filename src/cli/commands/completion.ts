// tsrun completion: the script that a shell reads to complete tsrun's command line.
import { UsageError } from "../../errors.ts";
import type { Command } from "../command.ts";
import { completionScript, SHELLS, type Shell } from "../completion.ts";
import type { FlagRow } from "../flags.ts";
import { print } from "../output.ts";

/** The table has this command as well, so that it comes as a function. */
export function completionCommand(commands: () => readonly Command[], globals: readonly FlagRow[]): Command {
  return {
    name: "completion",
    summary: "print a completion script: source <(tsrun completion bash)",
    args: "bash|zsh|fish",
    count: [1, 1],
    flags: [],
    run(parsed) {
      const shell = parsed.positionals[0] ?? "";
      if (!SHELLS.some((name) => name === shell)) throw new UsageError(`completion knows ${SHELLS.join(", ")}, not "${shell}"`);
      return print(completionScript(shell as Shell, commands(), globals));
    },
  };
}
