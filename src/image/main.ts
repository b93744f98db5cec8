// Entry of the image tool, on Node 20 or later or on Bun: argv -> command -> exit code.
/// <reference types="node" />
import { CommanderError } from "commander";
import { flushWarnings } from "./log.ts";
import { makeProgram } from "./program.ts";
import { report } from "./report.ts";

/** What a shell makes of SIGPIPE, which Node ignores: `tsrun image ls | head -n1` is no error. */
const CLOSED_PIPE = 141;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? CLOSED_PIPE : report(error));
});
try {
  await makeProgram().parseAsync(process.argv);
  flushWarnings();
} catch (error) {
  // At once: what is still under way (a read of a pipe) is not waited for. Commander has printed help, or the version.
  process.exit(error instanceof CommanderError ? error.exitCode : report(error));
}
