// argv -> global flags -> the command's row -> its run function. One row per command.
import { UsageError } from "../errors.ts";
import { setLog } from "../log.ts";
import { isRootless } from "../machine/rootless.ts";
import { sys } from "../sys.ts";
import type { Command, Globals } from "./command.ts";
import { checkpoint } from "./commands/checkpoint.ts";
import { completionCommand } from "./commands/completion.ts";
import { create } from "./commands/create.ts";
import { delete_ } from "./commands/delete.ts";
import { events } from "./commands/events.ts";
import { exec } from "./commands/exec.ts";
import { features } from "./commands/features.ts";
import { image } from "./commands/image.ts";
import { kill } from "./commands/kill.ts";
import { list } from "./commands/list.ts";
import { pause, resume } from "./commands/pause.ts";
import { ps } from "./commands/ps.ts";
import { restore } from "./commands/restore.ts";
import { run } from "./commands/run.ts";
import { spec } from "./commands/spec.ts";
import { start } from "./commands/start.ts";
import { state } from "./commands/state.ts";
import { update } from "./commands/update.ts";
import { type FlagRow, isSet, type Parsed, parseFlags } from "./flags.ts";
import { commandHelp, programHelp } from "./help.ts";
import { print } from "./output.ts";
import { absolute } from "./paths.ts";
import { setFailureCode } from "./report.ts";
import { versionText } from "./version.ts";

export const GLOBAL_FLAGS: readonly FlagRow[] = [
  { name: "root", value: "DIR", doc: "where the state of containers is kept (default /run/tsrun, or $XDG_RUNTIME_DIR/tsrun when not root)" },
  { name: "log", value: "FILE", doc: "write log records to this file (default: standard error)" },
  { name: "log-format", value: "text|json", doc: "form of log records (default text)" },
  { name: "debug", doc: "log the plan and each step" },
  { name: "systemd-cgroup", doc: "let systemd manage the cgroup; cgroupsPath is slice:prefix:name" },
  { name: "rootless", value: "auto|true|false", doc: "ignore cgroup permission errors (default auto: when not root)" },
  { name: "version", short: "v", doc: "print the version" },
  { name: "help", short: "h", doc: "print this help" },
];

export const COMMANDS: readonly Command[] = [
  checkpoint,
  completionCommand(() => COMMANDS, GLOBAL_FLAGS),
  create,
  delete_,
  events,
  exec,
  features,
  image,
  kill,
  list,
  pause,
  ps,
  restore,
  resume,
  run,
  spec,
  start,
  state,
  update,
];

/** For a command that has containers no more than it reads its own flags. */
const NOWHERE: Globals = { root: "", systemdCgroup: false, rootless: "auto" };
const HELP_FLAG: FlagRow = { name: "help", short: "h", doc: "print this help" };

/** Runs one command line; returns the exit code. */
export function runProgram(argv: readonly string[]): number {
  const globals = parseFlags(argv, 0, { flags: GLOBAL_FLAGS, stopAfter: 1, command: "" });
  const name = globals.positionals[0];
  if (isSet(globals, "version")) return print(versionText());
  if (isSet(globals, "help") || name === undefined || name === "help") return help(name === "help" ? argv[globals.next] : undefined);
  const format = oneOf(globals, "log-format", ["text", "json"]);
  setLog(globals.values.get("log") ?? "", format === "json", isSet(globals, "debug"));
  const command = commandNamed(name);
  if (command.isForwarded) return command.run(globals, NOWHERE, argv.slice(globals.next));
  const rules = { flags: [...command.flags, HELP_FLAG], command: `${command.name} ` };
  const parsed = parseFlags(argv, globals.next, command.hasCommandLine ? { ...rules, stopAfter: 1 } : rules);
  if (isSet(parsed, "help")) return help(command.name);
  const [least, most] = command.count;
  if (parsed.positionals.length < least || parsed.positionals.length > most) {
    throw new UsageError(
      `"tsrun ${name}" takes ${command.args === "" ? "no arguments" : command.args}, not ${parsed.positionals.length} arguments`,
      `see "tsrun ${name} --help"`,
    );
  }
  const place = readGlobals(globals);
  setFailureCode(command.failureCode ?? 1);
  return command.run(parsed, place, argv.slice(parsed.next));
}

function commandNamed(name: string): Command {
  const command = COMMANDS.find((row) => row.name === name);
  if (command === undefined) throw new UsageError(`unknown command: "${name}"`, 'see "tsrun --help"');
  return command;
}

function readGlobals(parsed: Parsed): Globals {
  const rootless = oneOf(parsed, "rootless", ["auto", "true", "false"]) as Globals["rootless"];
  const root = parsed.values.get("root") ?? defaultRoot();
  if (root === "" || root === "/") throw new UsageError(`--root must be a directory of its own, not "${root}"`);
  return { root: absolute(root), systemdCgroup: isSet(parsed, "systemd-cgroup"), rootless };
}

function oneOf(parsed: Parsed, name: string, words: readonly string[]): string {
  const value = parsed.values.get(name) ?? words[0] ?? "";
  if (!words.includes(value)) throw new UsageError(`--${name} must be ${words.join(" or ")}, not "${value}"`);
  return value;
}

/** The machine's for root; a user's own for others, among them root of a user namespace that a user has made. */
function defaultRoot(): string {
  const runtimeDir = sys.getenv("XDG_RUNTIME_DIR");
  const isGiven = typeof runtimeDir === "string" && runtimeDir !== "";
  if (sys.geteuid() === 0 && !(isGiven && isRootless())) return "/run/tsrun";
  if (!isGiven) throw new UsageError("XDG_RUNTIME_DIR is not set", "give --root a directory of your own");
  return `${runtimeDir}/tsrun`;
}

function help(command: string | undefined): number {
  return print(command === undefined ? programHelp(COMMANDS, GLOBAL_FLAGS) : commandHelp(commandNamed(command)));
}
