// argv in, exit code out. The host (src/host-quickjs or src/host-bun) has installed the system port before.
import { runProgram } from "./cli/program.ts";
import { report } from "./cli/report.ts";
import { flushWarnings } from "./log.ts";

export function main(argv: readonly string[]): number {
  try {
    const code = runProgram(argv);
    flushWarnings();
    return code;
  } catch (error) {
    return report(error);
  }
}
