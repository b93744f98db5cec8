// tsrun pause, tsrun resume: stop all processes of a container where they stand, and let them go on.
import { pauseContainer, resumeContainer } from "../../lifecycle/pause.ts";
import { type Command, idOf } from "../command.ts";

export const pause: Command = {
  name: "pause",
  summary: "suspend all processes of a container",
  args: "<container-id>",
  count: [1, 1],
  flags: [],
  run(parsed, globals) {
    pauseContainer(globals.root, idOf(parsed));
    return 0;
  },
};

export const resume: Command = {
  name: "resume",
  summary: "let a paused container go on",
  args: "<container-id>",
  count: [1, 1],
  flags: [],
  run(parsed, globals) {
    resumeContainer(globals.root, idOf(parsed));
    return 0;
  },
};
