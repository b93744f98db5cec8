// tsrun restore: a container from the files of a checkpoint, by CRIU.
import { restoreContainer } from "../../lifecycle/restore.ts";
import { type Command, idOf } from "../command.ts";
import { isSet } from "../flags.ts";
import { absolute } from "../paths.ts";
import { COMMON_ROWS, criuOptions, emptyNamespaces } from "./checkpoint.ts";

export const restore: Command = {
  name: "restore",
  summary: "make a container from the files of a checkpoint (needs CRIU)",
  args: "<container-id>",
  count: [1, 1],
  flags: [
    ...COMMON_ROWS,
    { name: "bundle", short: "b", value: "DIR", doc: "the bundle directory (default: the working directory)" },
    { name: "detach", short: "d", doc: "return as soon as the container runs again" },
    { name: "pid-file", value: "FILE", doc: "write the container process's pid to this file" },
    { name: "no-subreaper", doc: "do not adopt the container's orphans" },
    { name: "lsm-profile", value: "TYPE:NAME", doc: "the profile of the restored processes" },
    { name: "lsm-mount-context", value: "CONTEXT", doc: "the SELinux context of the restored mounts" },
  ],
  run(parsed, globals) {
    const common = criuOptions(parsed);
    const given = (name: string) => (parsed.values.has(name) ? [`--${name}`, parsed.values.get(name) ?? ""] : []);
    return restoreContainer({
      ...common,
      switches: [...common.switches, ...emptyNamespaces(parsed), ...given("lsm-profile"), ...given("lsm-mount-context")],
      root: globals.root,
      id: idOf(parsed),
      bundle: absolute(parsed.values.get("bundle") ?? "."),
      detach: isSet(parsed, "detach"),
      pidFile: parsed.values.get("pid-file"),
      subreaper: !isSet(parsed, "no-subreaper"),
      rootless: globals.rootless,
      systemdCgroup: globals.systemdCgroup,
    });
  },
};
