// tsrun start: run the program of a created container.
import { startContainer } from "../../lifecycle/start.ts";
import { type Command, idOf } from "../command.ts";

export const start: Command = {
  name: "start",
  summary: "run the program of a created container",
  args: "<container-id>",
  count: [1, 1],
  flags: [],
  run(parsed, globals) {
    startContainer(globals.root, idOf(parsed));
    return 0;
  },
};
