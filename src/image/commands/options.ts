// Arguments and options that several commands have.
import { type Argument, type Command, createArgument, createOption, type Option } from "commander";
import { parsePlatform } from "../layout/image.ts";
import { parseReference } from "../layout/reference.ts";

/** <layout[:name]>, read as a Reference. */
export function referenceArgument(): Argument {
  return createArgument("<layout[:name]>", "directory of an image layout, and an image in it (not needed when there is only one)").argParser(parseReference);
}

/** --image <layout[:name]>, as umoci has it, read as a Reference. */
export function imageOption(doc: string): Option {
  return createOption("--image <layout[:name]>", doc).argParser(parseReference).makeOptionMandatory();
}

/** --platform, read as a Platform. */
export function platformOption(doc = "which of an image's platforms (default: this machine's)"): Option {
  return createOption("--platform <os/arch[/variant]>", doc).argParser(parsePlatform);
}

export function jsonOption(): Option {
  return createOption("--json", "as JSON");
}

/** An option that may be given more than once: all its values, in order. */
export function manyOption(flags: string, doc: string): Option {
  return createOption(flags, doc).argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
}

/** Lines after the options in the help of a command. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`);
}
