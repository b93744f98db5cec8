// linux.maskedPaths, linux.readonlyPaths (spec 8.63).
import type { Config } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";
import { hasNamespace, namespaceHint } from "./namespace-set.ts";

export function pathProblems(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const key of ["maskedPaths", "readonlyPaths"] as const) {
    const paths = config.linux?.[key] ?? [];
    if (paths.length > 0 && !hasNamespace(config, "mount"))
      problems.push({ pointer: `/linux/${key}`, message: `linux.${key} needs a mount namespace`, hint: namespaceHint("mount") });
    for (const [index, path] of paths.entries()) {
      if (!path.startsWith("/")) problems.push({ pointer: `/linux/${key}/${index}`, message: `"${path}" is not an absolute path` });
    }
  }
  return problems;
}
