// tsrun kill: send a signal to the container process.
import { killContainer } from "../../lifecycle/kill.ts";
import { type Command, idOf } from "../command.ts";
import { isSet } from "../flags.ts";
import { signalNumber } from "../signals.ts";

export const kill: Command = {
  name: "kill",
  summary: "send a signal to the container process (default SIGTERM)",
  args: "<container-id> [signal]",
  count: [1, 2],
  flags: [{ name: "all", short: "a", doc: "send the signal to every process of the container" }],
  run(parsed, globals) {
    killContainer(globals.root, idOf(parsed), signalNumber(parsed.positionals[1] ?? "SIGTERM"), isSet(parsed, "all"));
    return 0;
  },
};
