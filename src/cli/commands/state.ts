// tsrun state: the container's state as JSON (runtime-spec, "State", and runc's extra members).
import { containerState } from "../../lifecycle/query.ts";
import { type Command, idOf } from "../command.ts";
import { print } from "../output.ts";

export const state: Command = {
  name: "state",
  summary: "print the state of a container as JSON",
  args: "<container-id>",
  count: [1, 1],
  flags: [],
  run(parsed, globals) {
    return print(JSON.stringify(containerState(globals.root, idOf(parsed)), null, 2));
  },
};
