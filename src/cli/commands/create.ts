// tsrun create: build the container and leave it waiting for start.
import { createContainer } from "../../lifecycle/create.ts";
import { type Command, idOf } from "../command.ts";
import { type FlagRow, isSet, numberValue, type Parsed } from "../flags.ts";
import { absolute } from "../paths.ts";

/** What create and run have in common. */
export const BUILD_FLAGS: readonly FlagRow[] = [
  { name: "bundle", short: "b", value: "DIR", doc: "the bundle directory (default: the working directory)" },
  { name: "console-socket", value: "SOCKET", doc: "send the terminal's master to this unix socket" },
  { name: "pidfd-socket", value: "SOCKET", doc: "send a pidfd of the container process to this unix socket" },
  { name: "pid-file", value: "FILE", doc: "write the container process's pid to this file" },
  { name: "no-pivot", doc: "move the root mount instead of pivot_root (for a root on a RAM disk)" },
  { name: "no-new-keyring", doc: "keep the caller's session keyring" },
  { name: "preserve-fds", value: "N", doc: "pass N more file descriptors, from 3 on (default 0)" },
];

export function buildOptions(parsed: Parsed, root: string) {
  return {
    root,
    id: idOf(parsed),
    bundle: absolute(parsed.values.get("bundle") ?? "."),
    consoleSocket: parsed.values.get("console-socket"),
    pidfdSocket: parsed.values.get("pidfd-socket"),
    pidFile: parsed.values.get("pid-file"),
    noPivot: isSet(parsed, "no-pivot"),
    noNewKeyring: isSet(parsed, "no-new-keyring"),
    preserveFds: numberValue(parsed, "preserve-fds", 0),
  };
}

export const create: Command = {
  name: "create",
  summary: "create a container; its program waits for start",
  args: "<container-id>",
  count: [1, 1],
  flags: BUILD_FLAGS,
  run(parsed, globals) {
    createContainer({ ...buildOptions(parsed, globals.root), rootless: globals.rootless, systemdCgroup: globals.systemdCgroup });
    return 0;
  },
};
