// tsrun spec: write a config.json to begin with.
import { check, UsageError } from "../../errors.ts";
import { sys } from "../../sys.ts";
import type { Command } from "../command.ts";
import { isSet } from "../flags.ts";
import { absolute } from "../paths.ts";
import { defaultSpec, rootlessSpec } from "../spec-template.ts";

const O_CREAT_EXCL = 0o300;
const EEXIST = 17;

export const spec: Command = {
  name: "spec",
  summary: "write a config.json to begin with",
  args: "",
  count: [0, 0],
  flags: [
    { name: "bundle", short: "b", value: "DIR", doc: "the bundle directory (default: the working directory)" },
    { name: "rootless", doc: "for a caller who is not root: a user namespace, no resources" },
  ],
  run(parsed) {
    const path = `${absolute(parsed.values.get("bundle") ?? ".")}/config.json`;
    const config = isSet(parsed, "rootless") ? rootlessSpec(sys.geteuid(), sys.getegid()) : defaultSpec();
    const written = sys.write_file(path, `${JSON.stringify(config, null, "\t")}\n`, O_CREAT_EXCL, 0o666);
    if (written === -EEXIST) throw new UsageError("File config.json exists. Remove it first", path);
    check(written, "write the file", path, "open");
    return 0;
  },
};
