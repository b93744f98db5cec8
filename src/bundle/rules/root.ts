// root (spec 5.01) and annotations (spec 10.01). That the directory is there is seen to in load.ts.
import type { Config } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";

export function rootProblems(config: Config): Problem[] {
  const problems: Problem[] = [];
  if (config.root?.path === "") problems.push({ pointer: "/root/path", message: "root.path is empty", hint: 'a usual value is "rootfs"' });
  if (config.annotations !== undefined && Object.hasOwn(config.annotations, ""))
    problems.push({ pointer: "/annotations", message: "an annotation has an empty name" });
  return problems;
}
