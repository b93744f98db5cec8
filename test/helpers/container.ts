// One container of a test: the runtime's commands as methods.
/// <reference types="bun" />
import { existsSync, readFileSync } from "node:fs";
import type { Bundle } from "./bundle.ts";
import { type ExecOptions, exec, type Result, until } from "./exec.ts";
import { Facts } from "./facts.ts";
import { COMMAND, RUNTIME, SLOWNESS } from "./runtime.ts";
import { ROOT } from "./spec.ts";

export interface CommandOptions extends ExecOptions {
  /** Flags of the command, before the id. */
  readonly flags?: readonly string[];
  /** Global flags, before the command. */
  readonly globals?: readonly string[];
}

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: string;
  readonly pid: number;
  readonly bundle: string;
  readonly rootfs?: string;
  readonly created?: string;
  readonly owner?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The runtime with this test's --root; any arguments. */
export function runtime(args: readonly string[], options: CommandOptions = {}): Promise<Result> {
  return exec([...COMMAND, "--root", ROOT, ...(options.globals ?? []), ...args], options);
}

export class Container {
  readonly bundle: Bundle;
  readonly id: string;
  /** Result of the create (or run --detach): the container writes to its streams. */
  created: Result | undefined;

  constructor(bundle: Bundle, suffix = "") {
    this.bundle = bundle;
    this.id = bundle.name + suffix;
  }

  command(name: string, options: CommandOptions = {}, ...rest: string[]): Promise<Result> {
    return runtime([name, ...(options.flags ?? []), this.id, ...rest], options);
  }

  /** `run` in the foreground. */
  run(options: CommandOptions = {}): Promise<Result> {
    return this.command("run", { ...options, flags: ["--bundle", this.bundle.directory, ...(options.flags ?? [])] });
  }

  async create(options: CommandOptions = {}): Promise<Result> {
    this.created = await this.command("create", { ...options, flags: ["--bundle", this.bundle.directory, ...(options.flags ?? [])] });
    return this.created;
  }

  start(options: CommandOptions = {}): Promise<Result> {
    return this.command("start", options);
  }

  kill(signal?: string, options: CommandOptions = {}): Promise<Result> {
    return this.command("kill", options, ...(signal === undefined ? [] : [signal]));
  }

  delete(options: CommandOptions = {}): Promise<Result> {
    return this.command("delete", options);
  }

  async state(): Promise<State> {
    const result = ok(await this.command("state"));
    return JSON.parse(result.stdout) as State;
  }

  async status(): Promise<string> {
    return (await this.state()).status;
  }

  /** Waits until the container's process has gone. */
  async stopped(): Promise<State> {
    for (let i = 0; ; i++) {
      const state = await this.state();
      if (state.status === "stopped") return state;
      if (i > 500 * SLOWNESS) throw new Error(`still ${state.status}`);
      await Bun.sleep(10);
    }
  }

  /** What the container has written so far. */
  output(): string {
    return this.created?.later() ?? "";
  }

  facts(): Facts {
    return new Facts(this.output());
  }

  /** Waits for a word in the container's output. */
  said(word: string): Promise<true> {
    return until(`"${word}" in the container's output`, () => this.output().includes(word));
  }

  /** create and start. */
  async up(options: CommandOptions = {}): Promise<this> {
    ok(await this.create(options));
    ok(await this.start());
    return this;
  }
}

/** Insists on exit code 0. */
export function ok(result: Result): Result {
  if (result.code !== 0) throw new Error(`exit code ${result.code}: ${result.argv.join(" ")}\n${result.stderr}${result.stdout.slice(0, 1000)}`);
  return result;
}

/** Insists on a failure whose words match: engines search for runc's, and crun has its own. */
export function fails(result: Result, words?: RegExp): Result {
  if (result.code === 0) throw new Error(`exit code 0, but a failure was due: ${result.argv.join(" ")}\n${result.stdout.slice(0, 2000)}`);
  if (words !== undefined && RUNTIME !== "crun" && !words.test(result.stderr)) throw new Error(`the words ${words} are not in:\n${result.stderr}`);
  return result;
}

/** Runs the bundle in the foreground and reads the probe's facts. */
export async function facts(bundle: Bundle, options: CommandOptions = {}): Promise<Facts> {
  return new Facts(ok(await new Container(bundle).run(options)).stdout);
}

/** create is refused (exit code, words), and nothing is left: neither a state nor a process. */
export async function refused(bundle: Bundle, words?: RegExp, options: CommandOptions = {}): Promise<Result> {
  const container = new Container(bundle);
  const result = fails(await container.create(options), words);
  fails(await container.command("state"));
  if (existsSync(`${ROOT}/${container.id}`)) throw new Error("the refused container has left its state directory");
  return result;
}

/** The records of a JSON log. */
export function readLog(path: string): { level: string; msg: string; time: string }[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
