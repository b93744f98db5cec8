// process.terminal, process.consoleSize -> the container's terminal.
import type { Context } from "../context.ts";
import type { Op } from "../op-table.ts";

/**
 * In the container's root: the pty comes from its own devpts. The size counts only with a terminal (spec 7.02).
 * `isConsole`: it becomes /dev/console as well.
 */
export function terminalOps(context: Context, isConsole: boolean): Op[] {
  const { process } = context.config;
  if (process?.terminal !== true) return [];
  const { width = 0, height = 0 } = process.consoleSize ?? {};
  return [{ op: "terminal.open", at: "/process/terminal", width, height, console: isConsole ? 1 : 0 }];
}
