// The built image tool as the tests run it: dist/tsrun-image.mjs on Node, or on Bun with TSRUN_IMAGE_HOST=bun.
/// <reference types="bun" />
import { setDefaultTimeout } from "bun:test";
import { resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dir, "../../..");
const TOOL = `${REPOSITORY}/dist/tsrun-image.mjs`;
const TIMEOUT_MS = 120_000;
// A test starts the tool and its peers many times, on a machine that others use as well.
setDefaultTimeout(TIMEOUT_MS);

export const TOOL_ARGV: readonly string[] =
  process.env["TSRUN_IMAGE_HOST"] === "bun" ? [process.execPath, "--no-env-file", "--config=/dev/null", TOOL] : ["node", TOOL];

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: Uint8Array | Blob | ReadableStream<Uint8Array>;
}

/** Runs a program to its end; it has nothing on standard input unless that is given. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn([...argv], {
    env: { ...(process.env as Record<string, string>), ...options.env },
    cwd: options.cwd ?? REPOSITORY,
    stdin: options.stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

/** `tsrun image ARGS...` */
export function image(...args: string[]): Promise<Ran> {
  return run([...TOOL_ARGV, ...args]);
}

/** The same, which must succeed: its standard output. */
export async function imageOk(...args: string[]): Promise<string> {
  const { code, out, err } = await image(...args);
  if (code !== 0) throw new Error(`tsrun image ${args.join(" ")}: exit code ${code}\n${err}`);
  return out;
}

/** Another program, which must succeed: its standard output. */
export async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await run(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}\n${err}${out}`);
  return out;
}
