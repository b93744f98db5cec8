// tsrun checkpoint: write the state of a running container to files, by CRIU.
import { UsageError } from "../../errors.ts";
import { checkpointContainer } from "../../lifecycle/checkpoint.ts";
import { type Command, idOf } from "../command.ts";
import { type FlagRow, isSet, type Parsed } from "../flags.ts";
import { absolute } from "../paths.ts";

const MODES = ["soft", "full", "strict", "ignore"];

/** What checkpoint and restore have in common. */
export const CRIU_FLAGS: readonly FlagRow[] = [
  { name: "image-path", value: "DIR", doc: "the directory of the image files (default ./checkpoint)" },
  { name: "work-path", value: "DIR", doc: "the directory of logs (default: the image path)" },
  { name: "manage-cgroups-mode", value: MODES.join("|"), doc: "how CRIU treats cgroups (default soft)" },
];

/** Switches that CRIU has under the same name. */
const COMMON_SWITCHES = {
  "tcp-established": "take open TCP connections along",
  "ext-unix-sk": "allow unix sockets whose peer is outside",
  "shell-job": "allow a session whose leader is outside",
  "file-locks": "take file locks along",
  "link-remap": "take files along that have no name any more",
  "auto-dedup": "free what was read from the memory images",
  "lazy-pages": "move memory pages when they are asked for",
} as const;
const OWN_SWITCHES = { "tcp-skip-in-flight": "leave out connections that are not established yet" } as const;

export function switchRows(switches: Readonly<Record<string, string>>): FlagRow[] {
  return Object.entries(switches).map(([name, doc]) => ({ name, doc }));
}

export function criuOptions(parsed: Parsed) {
  const mode = parsed.values.get("manage-cgroups-mode") ?? "soft";
  if (!MODES.includes(mode)) throw new UsageError(`--manage-cgroups-mode must be ${MODES.join(", ")}, not "${mode}"`);
  const work = parsed.values.get("work-path");
  return {
    imagePath: absolute(parsed.values.get("image-path") ?? "checkpoint"),
    workPath: work === undefined ? undefined : absolute(work),
    manageCgroups: mode,
    switches: Object.keys(COMMON_SWITCHES)
      .filter((name) => isSet(parsed, name))
      .map((name) => `--${name}`),
  };
}

export const COMMON_ROWS: readonly FlagRow[] = [
  ...CRIU_FLAGS,
  ...switchRows(COMMON_SWITCHES),
  { name: "empty-ns", value: "network", many: true, doc: "make this namespace, but leave what is in it out" },
];

/** CRIU writes "net". */
export function emptyNamespaces(parsed: Parsed): string[] {
  return (parsed.lists.get("empty-ns") ?? []).flatMap((name) => {
    if (name !== "network") throw new UsageError(`--empty-ns: "${name}" cannot be left out, only network`);
    return ["--empty-ns", "net"];
  });
}

export const checkpoint: Command = {
  name: "checkpoint",
  summary: "write the state of a running container to files, and stop it (needs CRIU)",
  args: "<container-id>",
  count: [1, 1],
  flags: [
    ...COMMON_ROWS,
    ...switchRows(OWN_SWITCHES),
    { name: "leave-running", doc: "let the container go on afterwards" },
    { name: "pre-dump", doc: "memory only, and the container goes on: for a shorter stop later" },
    { name: "parent-path", value: "DIR", doc: "an earlier --pre-dump, relative to the image path" },
    { name: "page-server", value: "ADDRESS:PORT", doc: "send memory pages to a criu page-server" },
  ],
  run(parsed, globals) {
    const common = criuOptions(parsed);
    const server = /^(.+):(\d+)$/.exec(parsed.values.get("page-server") ?? "");
    if (parsed.values.has("page-server") && server === null) throw new UsageError("--page-server must be ADDRESS:PORT");
    checkpointContainer({
      ...common,
      switches: [
        ...common.switches,
        ...(isSet(parsed, "tcp-skip-in-flight") ? ["--skip-in-flight"] : []),
        ...(server === null ? [] : ["--page-server", "--address", server[1] ?? "", "--port", server[2] ?? ""]),
        ...emptyNamespaces(parsed),
      ],
      root: globals.root,
      id: idOf(parsed),
      leaveRunning: isSet(parsed, "leave-running"),
      preDump: isSet(parsed, "pre-dump"),
      parentPath: parsed.values.get("parent-path"),
    });
    return 0;
  },
};
