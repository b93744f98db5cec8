// The command tree of `tsrun image`. One file per command adds itself; the options here are for all of them.
import { Command, type CommanderError, Option } from "commander";
import { versionText } from "../cli/version.ts";
import { UsageError } from "../errors.ts";
import { addConfig } from "./commands/config.ts";
import { addExport } from "./commands/export.ts";
import { addGc } from "./commands/gc.ts";
import { addHistory } from "./commands/history.ts";
import { addImport } from "./commands/import.ts";
import { addInspect } from "./commands/inspect.ts";
import { addLs } from "./commands/ls.ts";
import { addNew } from "./commands/new.ts";
import { addPrepare } from "./commands/prepare.ts";
import { addRepack } from "./commands/repack.ts";
import { addRm } from "./commands/rm.ts";
import { addSpec } from "./commands/spec.ts";
import { addStore } from "./commands/store.ts";
import { addTag } from "./commands/tag.ts";
import { addUnpack } from "./commands/unpack.ts";
import { addVerify } from "./commands/verify.ts";
import { type LogOptions, setLog } from "./log.ts";
import { setQuiet } from "./progress.ts";

const COMMANDS: readonly ((program: Command) => void)[] = [
  addConfig,
  addExport,
  addGc,
  addHistory,
  addImport,
  addInspect,
  addLs,
  addNew,
  addPrepare,
  addRepack,
  addRm,
  addSpec,
  addStore,
  addTag,
  addUnpack,
  addVerify,
];

export function makeProgram(): Command {
  const program = new Command("tsrun image").description("OCI images: from an image layout to a bundle, and back").version(versionText(), "-v, --version");
  program
    .option("--quiet", "no progress")
    .option("--log <file>", "append log records to this file (default: standard error)")
    .addOption(new Option("--log-format <format>", "form of log records").choices(["text", "json"]).default("text"))
    .option("--debug", "log what is done, and where an error came from")
    .configureHelp({ showGlobalOptions: true })
    // report.ts prints errors.
    .configureOutput({ outputError() {} })
    .hook("preAction", (_, command) => {
      const options = command.optsWithGlobals<LogOptions & { quiet?: boolean }>();
      setLog(options);
      setQuiet(options.quiet === true);
    });
  for (const add of COMMANDS) add(program);
  for (const command of withSubcommands(program)) command.exitOverride((error) => stop(error, command));
  return program;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** Commander's way out: help was printed, or the command line is wrong. */
function stop(error: CommanderError, command: Command): never {
  if (error.exitCode === 0 || error.code === "commander.help") throw error;
  // What was said of the log until then: the command line is not read to its end.
  setLog(command.optsWithGlobals<LogOptions>());
  throw new UsageError(error.message.replace(/^error: /, "").replaceAll("\n", " "), `see "${fullName(command)} --help"`);
}
