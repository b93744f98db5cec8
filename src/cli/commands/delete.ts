// tsrun delete: remove what create built.
import { deleteContainer } from "../../lifecycle/delete.ts";
import { type Command, idOf } from "../command.ts";
import { isSet } from "../flags.ts";

export const delete_: Command = {
  name: "delete",
  summary: "remove a container that has stopped, or was never started",
  args: "<container-id>",
  count: [1, 1],
  flags: [{ name: "force", short: "f", doc: "kill a running container first; no error when there is none" }],
  run(parsed, globals) {
    deleteContainer(globals.root, idOf(parsed), isSet(parsed, "force"));
    return 0;
  },
};
