// The help text, made from the command tables.
import type { Command } from "./command.ts";
import type { FlagRow } from "./flags.ts";

export function programHelp(commands: readonly Command[], flags: readonly FlagRow[]): string {
  const lines = ["tsrun - an OCI container runtime", "", "usage: tsrun [global flags] <command> [flags] [arguments]", "", "commands:"];
  for (const command of commands) lines.push(`  ${command.name.padEnd(12)}${command.summary}`);
  lines.push("", "global flags:", ...flagLines(flags), "", 'see "tsrun <command> --help" for the flags of a command');
  return lines.join("\n");
}

export function commandHelp(command: Command): string {
  const lines = [
    `tsrun ${command.name} - ${command.summary}`,
    "",
    `usage: tsrun ${command.name}${command.flags.length > 0 ? " [flags]" : ""}${command.args === "" ? "" : ` ${command.args}`}`,
  ];
  if (command.flags.length > 0) lines.push("", "flags:", ...flagLines(command.flags));
  return lines.join("\n");
}

function flagLines(flags: readonly FlagRow[]): string[] {
  return flags.map((flag) => {
    const names = `${flag.short === undefined ? "    " : `-${flag.short}, `}--${flag.name}${flag.value === undefined ? "" : ` ${flag.value}`}`;
    return `  ${names.padEnd(32)}${flag.doc}`;
  });
}
