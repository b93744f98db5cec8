// Starts programs with a time limit. Output goes to files, not pipes: a created container keeps its runtime's streams open.
/// <reference types="bun" />
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { RUNTIME, SCRATCH, SLOWNESS } from "./runtime.ts";

export interface ExecOptions {
  readonly cwd?: string;
  /** Replaces the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

export interface Result {
  readonly argv: readonly string[];
  /** 128 + n when killed by a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The same file read anew: what the container has written since. */
  readonly later: () => string;
}

const scratch = mkdtempSync(`${SCRATCH}/out-`);
let count = 0;

/** Runs a program to its end. A program that overstays its time is killed and the promise rejected. */
export function exec(argv: readonly string[], options: ExecOptions = {}): Promise<Result> {
  const base = `${scratch}/${++count}`;
  const outPath = `${base}.out`;
  const errPath = `${base}.err`;
  const out = openSync(outPath, "a+");
  const err = openSync(errPath, "a+");
  const [program = "", ...rest] = argv;
  // crun 1.8 gives its streams to the container's user: never the host's /dev/null.
  const stdin = options.stdin ?? (RUNTIME === "crun" ? "" : undefined);
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: options.env ?? { ...process.env },
    stdio: [stdin === undefined ? "ignore" : "pipe", out, err],
  });
  // A program need not read it.
  child.stdin?.on("error", () => undefined);
  if (stdin !== undefined) child.stdin?.end(stdin);
  const limit = (options.timeoutMs ?? 15_000) * SLOWNESS;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`no end after ${limit} ms: ${argv.join(" ")}\n${readFileSync(errPath, "utf8")}`));
    }, limit);
    const finish = () => {
      clearTimeout(timer);
      closeSync(out);
      closeSync(err);
    };
    child.on("error", (error) => {
      finish();
      reject(error);
    });
    child.on("exit", (code, signal) => {
      finish();
      resolve({
        argv,
        code: code ?? 128 + (signalNumbers[signal ?? ""] ?? 0),
        stdout: readFileSync(outPath, "utf8"),
        stderr: readFileSync(errPath, "utf8"),
        later: () => (existsSync(outPath) ? readFileSync(outPath, "utf8") : ""),
      });
    });
  });
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Waits until the condition gives a value; never a plain sleep in a test. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  timeoutMs = 10_000,
): Promise<T> {
  const end = Date.now() + timeoutMs * SLOWNESS;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false && value !== null) return value;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await Bun.sleep(5);
  }
}
