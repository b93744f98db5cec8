// The security modules that the config asks for must be on: a confinement that cannot be had is an error, never skipped (spec 7.13, 8.64).
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";
import type { Problem } from "./rules.ts";

const APPARMOR = "/sys/module/apparmor/parameters/enabled";
const SELINUX = "/sys/fs/selinux";
const SELINUX_MAGIC = 0xf97cff8c;
/** The label that every process has before a policy is loaded: the kernel takes any other for the same then. */
const WITHOUT_POLICY = "kernel";
const SELINUX_HINT = 'remove it, or start the machine with SELinux (kernel command line "security=selinux") and a policy';
const EINVAL = 22;

/** What concerns one process, the container's own or that of an exec. */
export function confinementProblems(config: Config): Problem[] {
  return [...apparmorProblems(config), ...selinuxProblems("/process/selinuxLabel", "SELinux label", config.process?.selinuxLabel)];
}

export function mountLabelProblems({ linux }: Config): Problem[] {
  return selinuxProblems("/linux/mountLabel", "mount label", linux?.mountLabel);
}

function apparmorProblems({ process }: Config): Problem[] {
  const profile = process?.apparmorProfile ?? "";
  if (profile === "" || profile === "unconfined") return [];
  const enabled = sys.read_lossy(APPARMOR);
  if (typeof enabled === "string" && enabled.startsWith("Y")) return [];
  return [
    {
      pointer: "/process/apparmorProfile",
      message: `the AppArmor profile "${profile}" cannot be applied: AppArmor is not enabled on this machine`,
      hint: 'remove it, or start the machine with AppArmor (kernel command line "security=apparmor")',
    },
  ];
}

function selinuxProblems(pointer: string, what: string, label = ""): Problem[] {
  if (label === "") return [];
  const why = whyNotApplicable(label);
  return why === undefined ? [] : [{ pointer, message: `the ${what} "${label}" cannot be applied: ${why.cause}`, hint: why.hint }];
}

function whyNotApplicable(label: string): { cause: string; hint: string } | undefined {
  if (sys.fs_magic(SELINUX) !== SELINUX_MAGIC) return { cause: "SELinux is not enabled on this machine", hint: SELINUX_HINT };
  const own = sys.read_lossy("/proc/self/attr/current");
  if (typeof own !== "string" || own.split("\0")[0] === WITHOUT_POLICY) return { cause: "SELinux has no policy on this machine", hint: SELINUX_HINT };
  // Whoever may not ask hears it from the step that sets the label.
  if (sys.write_file(`${SELINUX}/context`, label, 0, 0) !== -EINVAL) return undefined;
  return {
    cause: "the policy of this machine does not know it",
    hint: "a label is user:role:type:level, and the policy decides which go together: see seinfo(1)",
  };
}
