// process.selinuxLabel (spec 7.13) and linux.mountLabel (spec 8.64): their form. Whether the policy knows them is the kernel's to say.
import type { Config } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";

/** An empty line would take a label back, and a quote end the mount option that holds it. */
const LABEL = /^[^\s"\\\p{Cc}]*$/u;

export function processLabelProblems({ process }: Config): Problem[] {
  return labelProblems("/process/selinuxLabel", process?.selinuxLabel);
}

export function findLabelProblems(config: Config): Problem[] {
  return [...processLabelProblems(config), ...labelProblems("/linux/mountLabel", config.linux?.mountLabel)];
}

function labelProblems(pointer: string, label = ""): Problem[] {
  if (LABEL.test(label)) return [];
  return [{ pointer, message: `${JSON.stringify(label)} is not an SELinux label`, hint: 'for example "system_u:system_r:container_t:s0:c1,c2"' }];
}
