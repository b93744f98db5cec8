// linux.seccomp (spec 8.70 to 8.74): what its schema does not say.
import type { Config, Seccomp } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";

const AT = "/linux/seccomp";
/** struct seccomp_data has six arguments. */
const LAST_ARGUMENT = 5;
const NOTIFY = "SCMP_ACT_NOTIFY";

export function seccompProblems(config: Config): Problem[] {
  const seccomp = config.linux?.seccomp;
  if (seccomp === undefined) return [];
  const problems: Problem[] = [];
  if (seccomp.defaultErrnoRet !== undefined && !takesErrno(seccomp.defaultAction))
    problems.push(noErrno(`${AT}/defaultErrnoRet`, "defaultErrnoRet", seccomp.defaultAction));
  if ((seccomp.listenerMetadata ?? "") !== "" && (seccomp.listenerPath ?? "") === "") {
    problems.push({ pointer: `${AT}/listenerMetadata`, message: "listenerMetadata needs listenerPath" });
  }
  return [...problems, ...notifyProblems(seccomp), ...syscallProblems(seccomp)];
}

/** An agent answers notifications; init needs sendmsg to hand it the listener, and would wait for the answer for ever. */
function notifyProblems({ defaultAction, syscalls = [], listenerPath = "" }: Seccomp): Problem[] {
  const problems: Problem[] = [];
  if (defaultAction === NOTIFY) problems.push({ pointer: `${AT}/defaultAction`, message: `${NOTIFY} cannot be the default action` });
  for (const [index, { names, action }] of syscalls.entries()) {
    if (action !== NOTIFY) continue;
    const pointer = `${AT}/syscalls/${index}`;
    if (listenerPath === "") problems.push({ pointer, message: `${NOTIFY} needs listenerPath`, hint: "the socket of the agent that answers" });
    for (const name of ["sendmsg", "write"])
      if (names.includes(name)) problems.push({ pointer, message: `${NOTIFY} cannot be used for ${name}: the runtime needs it itself` });
  }
  return problems;
}

function syscallProblems(seccomp: Seccomp): Problem[] {
  const problems: Problem[] = [];
  for (const [index, { names, action, errnoRet, args = [] }] of (seccomp.syscalls ?? []).entries()) {
    const pointer = `${AT}/syscalls/${index}`;
    if (names.length === 0) problems.push({ pointer: `${pointer}/names`, message: "a rule for system calls names none" });
    if (errnoRet !== undefined && !takesErrno(action)) problems.push(noErrno(`${pointer}/errnoRet`, "errnoRet", action));
    for (const [number, argument] of args.entries()) {
      if (argument.index > LAST_ARGUMENT)
        problems.push({ pointer: `${pointer}/args/${number}/index`, message: `a system call has arguments 0 to ${LAST_ARGUMENT}, not ${argument.index}` });
    }
  }
  return problems;
}

function takesErrno(action: string): boolean {
  return action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
}

function noErrno(pointer: string, name: string, action: string): Problem {
  return { pointer, message: `${name} does not go with ${action}: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE return it` };
}
