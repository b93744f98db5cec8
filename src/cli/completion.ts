// The command tables -> completion scripts for bash, zsh and fish.
import type { Command } from "./command.ts";
import type { FlagRow } from "./flags.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly Command[], globals: readonly FlagRow[]): string {
  if (shell === "fish") return fish(commands, globals);
  // zsh reads bash's functions.
  return shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${bash(commands, globals)}` : bash(commands, globals);
}

const longNames = (flags: readonly FlagRow[]) => flags.map(({ name }) => `--${name}`).join(" ");
const withValue = (flags: readonly FlagRow[]) => flags.filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`);

function bash(commands: readonly Command[], globals: readonly FlagRow[]): string {
  const cases = commands.map(({ name, flags, words }) =>
    words === undefined
      ? `    ${name}) flags="${longNames(flags)}" ;;`
      : `    ${name}) COMPREPLY=($(compgen -f -W "${words.join(" ")}" -- "$word")); return ;;`,
  );
  return `_tsrun() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= root= flags= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
    --root) root=\${COMP_WORDS[++i]} ;;
    ${withValue(globals)
      .filter((name) => name !== "--root")
      .join(" | ")}) ((i++)) ;;
    -*) ;;
    *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $command in
    "") flags="${longNames(globals)} ${commands.map(({ name }) => name).join(" ")}" ;;
${cases.join("\n")}
  esac
  case $previous in
    --bundle | --image | --root | --store | --pid-file | --process | --resources | --console-socket | --pidfd-socket | --log) COMPREPLY=($(compgen -f -- "$word")) ;;
    *)
      if [[ -z $command || $word == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$word"))
      else COMPREPLY=($(compgen -W "$(tsrun \${root:+--root "$root"} list -q 2>/dev/null)" -- "$word")); fi ;;
  esac
}
complete -F _tsrun tsrun`;
}

function fish(commands: readonly Command[], globals: readonly FlagRow[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const flag = (row: FlagRow, when: string) =>
    `complete -c tsrun -n ${quote(when)} -l ${row.name}${row.short === undefined ? "" : ` -s ${row.short}`}${row.value === undefined ? "" : " -r"} -d ${quote(row.doc)}`;
  const lines = ["complete -c tsrun -f", ...globals.map((row) => flag(row, "__fish_use_subcommand"))];
  for (const { name, summary, flags, args, words } of commands) {
    const here = `__fish_seen_subcommand_from ${name}`;
    lines.push(`complete -c tsrun -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`);
    lines.push(...flags.map((row) => flag(row, here)));
    if (words !== undefined) lines.push(`complete -c tsrun -F -n ${quote(here)} -a ${quote(words.join(" "))}`);
    if (args.startsWith("<container-id>")) lines.push(`complete -c tsrun -n ${quote(here)} -a '(tsrun list -q 2>/dev/null)'`);
  }
  return lines.join("\n");
}
