// process.env -> the program's environment, unchanged (spec 7.05) but for what the runtime adds to it.

import type { Process } from "../../spec/config.ts";
import type { Context } from "../context.ts";
import type { Op } from "../op-table.ts";

/** Where execvp looks when PATH is not set at all. */
const DEFAULT_PATHS: readonly string[] = ["/bin", "/usr/bin"];

export function programEnv(context: Context, process: Process): readonly string[] {
  return [...(process.env ?? []), ...context.options.extraEnv];
}

/** The first PATH counts, as for getenv. */
export function searchPaths(context: Context, process: Process): readonly string[] {
  const path = programEnv(context, process).find((entry) => entry.startsWith("PATH="));
  return path === undefined ? DEFAULT_PATHS : path.slice("PATH=".length).split(":");
}

/** HOME from the container's passwd file, while init may still read it. */
export function homeOps(context: Context, process: Process): Op[] {
  const hasHome = programEnv(context, process).some((entry) => entry.startsWith("HOME="));
  return hasHome ? [] : [{ op: "env.home", at: "/process/user/uid", uid: process.user.uid }];
}
