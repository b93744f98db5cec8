// process (spec 7.02 to 7.14), without its ids: rules/user.ts.
import type { Config, ConsoleSize, Process, Scheduler } from "../../spec/config.ts";
import { maskWords } from "../../spec/number-list.ts";
import type { Problem } from "../rules.ts";

/** struct winsize has 16 bits for each. */
const MAX_SIZE = 65535;

export function processProblems(config: Config): Problem[] {
  const { process } = config;
  // Only start needs a process (spec 3.14).
  if (process === undefined) return [];
  return [...basics(process), ...consoleSize(process), ...rlimits(process), ...scheduler(process.scheduler), ...affinity(process)];
}

function basics(process: Process): Problem[] {
  const problems: Problem[] = [];
  if (!process.cwd.startsWith("/")) problems.push({ pointer: "/process/cwd", message: `process.cwd "${process.cwd}" is not an absolute path` });
  if (process.args === undefined || process.args.length === 0)
    problems.push({ pointer: "/process/args", message: "process.args must have at least one entry: the program" });
  else if (process.args[0] === "") problems.push({ pointer: "/process/args/0", message: "process.args[0], the program, is empty" });
  return problems;
}

/** Ignored without a terminal (spec 7.02). */
function consoleSize({ terminal, consoleSize }: Process): Problem[] {
  if (terminal !== true || consoleSize === undefined) return [];
  // The schema lets both be absent.
  const { width, height }: Partial<ConsoleSize> = consoleSize;
  const pointer = "/process/consoleSize";
  if (width === undefined || height === undefined) return [{ pointer, message: "process.consoleSize must have both height and width" }];
  return width > MAX_SIZE || height > MAX_SIZE ? [{ pointer, message: `process.consoleSize is above ${MAX_SIZE}` }] : [];
}

function rlimits(process: Process): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [index, { type, soft, hard }] of (process.rlimits ?? []).entries()) {
    const pointer = `/process/rlimits/${index}`;
    if (seen.has(type))
      problems.push({ pointer: `${pointer}/type`, message: `${type} is there twice`, hint: "one entry has both the soft and the hard limit" });
    seen.add(type);
    if (soft > hard) problems.push({ pointer: `${pointer}/soft`, message: `the soft limit ${soft} is above the hard limit ${hard}` });
  }
  return problems;
}

/** sched(7): each policy has settings of its own; the kernel's answer to the others' is a bare EINVAL. */
function scheduler(scheduler: Scheduler | undefined): Problem[] {
  if (scheduler === undefined) return [];
  const problems: Problem[] = [];
  const pointer = "/process/scheduler";
  const { policy, nice = 0, priority = 0 } = scheduler;
  if (nice < -20 || nice > 19) problems.push({ pointer: `${pointer}/nice`, message: `nice ${nice} is not between -20 and 19` });
  const isRealTime = policy === "SCHED_FIFO" || policy === "SCHED_RR";
  if (isRealTime && (priority < 1 || priority > 99)) problems.push({ pointer, message: `${policy} needs a priority from 1 to 99, not ${priority}` });
  if (!isRealTime && priority !== 0) problems.push({ pointer: `${pointer}/priority`, message: `${policy} has no priority: only SCHED_FIFO and SCHED_RR do` });
  for (const name of ["runtime", "deadline", "period"] as const) {
    if (policy !== "SCHED_DEADLINE" && Number(scheduler[name] ?? 0) !== 0)
      problems.push({ pointer: `${pointer}/${name}`, message: `${policy} has no ${name}: only SCHED_DEADLINE does` });
  }
  return problems;
}

/** The list form of cpuset(7), blanks allowed. */
const CPU_LIST = /^\s*(\d+(\s*-\s*\d+)?(\s*,\s*\d+(\s*-\s*\d+)?)*)?\s*$/;

function affinity({ execCPUAffinity }: Process): Problem[] {
  const problems: Problem[] = [];
  for (const name of ["initial", "final"] as const) {
    const list = execCPUAffinity?.[name] ?? "";
    if (!CPU_LIST.test(list) || (list.trim() !== "" && maskWords(list) === undefined))
      problems.push({ pointer: `/process/execCPUAffinity/${name}`, message: `"${list}" is not a list of processors`, hint: 'for example "0-3,7"' });
  }
  return problems;
}
