// process.terminal, process.consoleSize -> the container's terminal.
import { type Context, canMount } from "../context.ts";
import type { Op } from "../op-table.ts";

/** After the pivot: the pty comes from the container's own devpts. The size counts only with a terminal (spec 7.02). */
export function terminalOps(context: Context): Op[] {
  const { process } = context.config;
  if (process?.terminal !== true) return [];
  const { width = 0, height = 0 } = process.consoleSize ?? {};
  return [{ op: "terminal.open", at: "/process/terminal", width, height, console: canMount(context) ? 1 : 0 }];
}
