// What the engines' cases share: programs with a time limit, checks, and the cases themselves, tried on tsrun and, where that fails, on runc.
/// <reference types="bun" />

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const TIMEOUT_MS = 60_000;

export async function exec(
  argv: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; stdin?: string; timeoutMs?: number } = {},
): Promise<Ran> {
  const child = Bun.spawn([...argv], {
    env: { ...(process.env as Record<string, string>), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

export class CaseError extends Error {}

export function check(condition: boolean, what: string): void {
  if (!condition) throw new CaseError(what);
}

export function equal(actual: unknown, expected: unknown, what = "value"): void {
  check(JSON.stringify(actual) === JSON.stringify(expected), `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

export function matches(text: string, pattern: RegExp, what = "output"): void {
  check(pattern.test(text), `${what} ${JSON.stringify(text.slice(0, 600))} does not match ${pattern}`);
}

/** Polls until it holds; never a plain sleep in a case. */
export async function until(what: string, condition: () => Promise<boolean> | boolean, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new CaseError(`waited ${timeoutMs} ms in vain: ${what}`);
    await Bun.sleep(50);
  }
}

/** An engine with one runtime, as a case sees it. */
export interface Session {
  readonly runtime: "tsrun" | "runc";
  /** The engine's command line; throws when it does not exit with 0. */
  ok(...args: string[]): Promise<string>;
  /** The same with any exit code. */
  try(...args: string[]): Promise<Ran>;
  /** The command line itself, for a terminal around it. */
  readonly argv: readonly string[];
  /** A directory of the case. */
  readonly directory: string;
}

/** A session's two ways to call the engine. */
export function callers(engine: string, attempt: Session["try"]): Pick<Session, "ok" | "try"> {
  const ok = async (...args: string[]) => {
    const ran = await attempt(...args);
    if (ran.code !== 0) throw new Error(`${engine} ${args.join(" ")}: exit code ${ran.code}\n${ran.err}${ran.out.slice(0, 500)}`);
    return ran.out;
  };
  return { ok, try: attempt };
}

export type Case = readonly [name: string, body: (s: Session) => Promise<void>];

export interface Engine {
  readonly name: string;
  readonly cases: readonly Case[];
  /** Starts what it needs; throws when it cannot. */
  start(): Promise<void>;
  session(runtime: "tsrun" | "runc"): Session;
  /** Removes all containers. */
  clean(): Promise<void>;
  /** Stops what was started, in every case. */
  stop(): Promise<void>;
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Undefined when it works, else why not. */
async function attempt(engine: Engine, runtime: "tsrun" | "runc", body: Case[1]): Promise<string | undefined> {
  try {
    await body(engine.session(runtime));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await engine.clean();
  }
}

const oneLine = (text: string) => text.replaceAll("\n", " | ").slice(-400);

/** `only`: the runtime alone, for looking at runc by itself. */
export async function runEngine(engine: Engine, filter: string | undefined, only: "tsrun" | "runc"): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    await engine.start();
    for (const [name, body] of engine.cases) {
      if (filter !== undefined && !`${engine.name} ${name}`.includes(filter)) continue;
      const before = performance.now();
      const why = await attempt(engine, only, body);
      const took = `${((performance.now() - before) / 1000).toFixed(1)} s`;
      if (why === undefined) {
        counts.passed++;
        console.log(`ok   ${engine.name} ${name} ${took}`);
        continue;
      }
      const peer = only === "runc" ? why : await attempt(engine, "runc", body);
      if (peer === undefined) {
        counts.failed++;
        console.log(`FAIL ${engine.name} ${name} ${took}\n     ${why.replaceAll("\n", "\n     ")}`);
      } else {
        counts.skipped++;
        console.log(`skip ${engine.name} ${name}: ${oneLine(why)}\n     runc cannot do it here either: ${oneLine(peer)}`);
      }
    }
  } catch (error) {
    counts.failed++;
    console.log(`FAIL ${engine.name}: ${error instanceof Error ? error.message : error}`);
  } finally {
    await engine.stop();
  }
  return counts;
}

/** Keeps a daemon, and ends it with all its children's help. */
export class Daemon {
  readonly #child: Bun.Subprocess;
  constructor(argv: readonly string[], log: string, env: Record<string, string> = {}) {
    this.#child = Bun.spawn([...argv], {
      env: { ...(process.env as Record<string, string>), ...env },
      stdin: "ignore",
      stdout: Bun.file(log),
      stderr: Bun.file(log),
    });
  }
  get isAlive(): boolean {
    return this.#child.exitCode === null;
  }
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const end = setTimeout(() => this.#child.kill("SIGKILL"), 15_000);
    await this.#child.exited;
    clearTimeout(end);
  }
}
