// Signal names and numbers, as kill(1) takes them: TERM, SIGTERM, 15, SIGRTMIN+3.
import { UsageError } from "../errors.ts";

const NAMES = [
  "",
  "HUP",
  "INT",
  "QUIT",
  "ILL",
  "TRAP",
  "ABRT",
  "BUS",
  "FPE",
  "KILL",
  "USR1",
  "SEGV",
  "USR2",
  "PIPE",
  "ALRM",
  "TERM",
  "STKFLT",
  "CHLD",
  "CONT",
  "STOP",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "XCPU",
  "XFSZ",
  "VTALRM",
  "PROF",
  "WINCH",
  "IO",
  "PWR",
  "SYS",
];
const ALIASES: Readonly<Record<string, number>> = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 };
const RTMIN = 34;
const RTMAX = 64;

export function signalNumber(word: string): number {
  if (/^[0-9]{1,3}$/.test(word)) return inRange(Number(word), word);
  const name = word.toUpperCase().replace(/^SIG/, "");
  const index = NAMES.indexOf(name);
  if (index > 0) return index;
  const alias = ALIASES[name];
  if (alias !== undefined) return alias;
  const realTime = /^RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?$/.exec(name);
  if (realTime === null) throw unknown(word);
  const offset = Number(realTime[3] ?? "0") * (realTime[2] === "-" ? -1 : 1);
  return inRange((realTime[1] === "MIN" ? RTMIN : RTMAX) + offset, word);
}

function inRange(signal: number, word: string): number {
  if (signal < 0 || signal > RTMAX) throw unknown(word);
  return signal;
}

function unknown(word: string): UsageError {
  return new UsageError(`unknown signal: "${word}"`, 'a name ("SIGTERM", "TERM", "SIGRTMIN+1") or a number from 1 to 64');
}
