// The command tree of `tsrun image`. One file per command adds itself.
import { Command } from "commander";
import { addLs } from "./commands/ls.ts";

export function makeProgram(): Command {
  const program = new Command("tsrun image").description("OCI images: from an image layout to a bundle, and back").showHelpAfterError().exitOverride();
  for (const add of [addLs]) add(program);
  return program;
}
