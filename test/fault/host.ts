// The tool on Bun, where one thing goes wrong: an op of tsrun-init's test build, or one of the parent's system calls. $TSRUN_FAULT says which.
/// <reference types="bun" />
import { writeFileSync } from "node:fs";
import { makeSys } from "../../src/host-bun/sys.ts";
import { main } from "../../src/main.ts";
import { installSys } from "../../src/sys.ts";
import { SYS, type Sys } from "../../src/sys-table.ts";
import { callKey } from "./call-key.ts";

export interface Fault {
  /** The op with this index fails, or its `call`-th system call (0: the op itself) does. errno 0: init dies there. */
  readonly init?: { readonly op: number; readonly call: number; readonly errno: number };
  /** This system call of the parent (call-key.ts) fails when it comes for the `nth` time (from 1); without an errno it is late, and works. */
  readonly parent?: { readonly call: string; readonly nth: number; readonly errno?: number };
  /** Where to write what happened, as a Trace. */
  readonly trace: string;
}

export interface Trace {
  /** Keys of the parent's calls that can fail, in order. */
  readonly calls: readonly string[];
  /** The parent's fault was met. */
  readonly hasFailed: boolean;
  /** The plan as init got it, "" when there was none. */
  readonly plan: string;
}

/** They ask nothing that can be refused; and what is written to our own streams is not part of the work. */
const NEVER_FAIL: readonly string[] = [
  "out",
  "getpid",
  "geteuid",
  "getegid",
  "clock_ns",
  "time_text",
  "sleep_ms",
  "isatty",
  "json_is_plain",
  "write_fd",
  "close",
];

/** Long enough for init and a short program to come to their end. */
const LATE_MS = 40;

const fault = JSON.parse(process.env["TSRUN_FAULT"] ?? "{}") as Partial<Fault>;
const calls: string[] = [];
let left = fault.parent?.nth ?? 0;
let plan = "";

function withFaults(real: Sys): Sys {
  const port: Record<string, (...args: (string | number)[]) => string | number> = {};
  for (const name of Object.keys(SYS)) {
    const call = (real as unknown as typeof port)[name];
    if (call === undefined) throw new Error(`no ${name}`);
    port[name] = NEVER_FAIL.includes(name)
      ? call
      : (...args) => {
          const key = callKey(name, args[0]);
          calls.push(key);
          if (key === fault.parent?.call && --left === 0) {
            if (fault.parent.errno !== undefined) return -fault.parent.errno;
            Bun.sleepSync(LATE_MS);
          }
          return name === "spawn_init" ? call(...withPlanFault(args)) : call(...args);
        };
  }
  return port as unknown as Sys;
}

/** The second argument is the plan. */
function withPlanFault([flags = 0, text = "", ...rest]: (string | number)[]): (string | number)[] {
  plan = String(text);
  const { init } = fault;
  return [flags, init === undefined ? text : `TSRUNFAULT\0${init.op}\0${init.call}\0${init.errno}\0${text}`, ...rest];
}

installSys(withFaults(makeSys(new URL("../../build/tsrun-init-fault", import.meta.url).pathname)));
const code = main(process.argv.slice(2));
if (fault.trace !== undefined) writeFileSync(fault.trace, JSON.stringify({ calls, plan, hasFailed: fault.parent !== undefined && left <= 0 }));
process.exit(code);
