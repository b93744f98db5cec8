// Entry of the image tool, on Node 20 or later or on Bun: argv -> command -> exit code.
/// <reference types="node" />
import { makeProgram } from "./program.ts";
import { report } from "./report.ts";

try {
  await makeProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}
