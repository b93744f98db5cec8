// hooks (spec 4.03, 4.04).
import type { Config, HookKind } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";

const KINDS: readonly HookKind[] = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

export function hookProblems(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const kind of KINDS) {
    for (const [index, { path, timeout }] of (config.hooks?.[kind] ?? []).entries()) {
      const pointer = `/hooks/${kind}/${index}`;
      if (!path.startsWith("/"))
        problems.push({ pointer: `${pointer}/path`, message: `the hook's path "${path}" is not absolute`, hint: "hooks are not searched for in $PATH" });
      if (timeout !== undefined && timeout <= 0)
        problems.push({
          pointer: `${pointer}/timeout`,
          message: `the hook's timeout must be more than 0, not ${timeout}`,
          hint: "leave it out for no time limit",
        });
    }
  }
  return problems;
}
