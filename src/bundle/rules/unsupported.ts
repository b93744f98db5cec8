// What tsrun cannot do yet is refused by name: isolation that was asked for is never skipped in silence.
import type { Config } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";

const CODE = "TS1104";

/** What concerns one process, the container's own or that of an exec. */
export function unsupportedProcess({ process }: Config): Problem[] {
  return (process?.selinuxLabel ?? "") === "" ? [] : [refusal("/process/selinuxLabel", "process.selinuxLabel")];
}

export function unsupported(config: Config): Problem[] {
  const problems = unsupportedProcess(config);
  const { linux } = config;
  const refuse = (pointer: string, what: string, hint?: string) => problems.push(refusal(pointer, what, hint));
  if ((linux?.mountLabel ?? "") !== "") refuse("/linux/mountLabel", "linux.mountLabel");
  return problems;
}

function refusal(pointer: string, what: string, hint?: string): Problem {
  return { code: CODE, pointer, message: `${what} is not supported yet`, ...(hint === undefined ? {} : { hint }) };
}
