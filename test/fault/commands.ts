// The commands whose own system calls are made to fail, each with the state that it needs before and what must be true afterwards.
/// <reference types="bun" />
import { existsSync, readFileSync, rmSync } from "node:fs";
import type { Bundle } from "../helpers/bundle.ts";
import { findCgroups } from "../helpers/leftovers.ts";
import { ROOT } from "../helpers/spec.ts";
import { command, leftProblem, type Outcome } from "./faulty.ts";
import type { Fault } from "./host.ts";
import { everySection, execInside, onHost, running, SCENARIOS, type Scenario, usual } from "./scenarios.ts";

type ParentFault = NonNullable<Fault["parent"]>;

export interface Commanded {
  /** Commands of one name are alike: what fails in one of them need not be tried in the other. */
  readonly name: string;
  readonly bundle: Bundle;
  readonly failureCode: number;
  readonly prepare: () => Promise<void>;
  readonly run: (fault?: ParentFault) => Promise<Outcome>;
  /** Afterwards, whether it has failed or not: "", or what is not as it must be. */
  readonly settle: (outcome: Outcome) => Promise<string>;
  readonly end: () => Promise<void>;
}

interface Parts {
  readonly args: readonly string[];
  /** Command lines that make the state before. */
  readonly before?: readonly (readonly string[])[];
  /** What must be true before the container is deleted: "", or what is not. */
  readonly check?: (outcome: Outcome) => Promise<string>;
}

class Tool {
  readonly scenario: Scenario;
  readonly id: string;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.id = scenario.bundle.name;
  }

  run(args: readonly string[], parent?: ParentFault): Promise<Outcome> {
    return command(args, parent === undefined ? {} : { parent }, { prefix: this.scenario.prefix });
  }

  async good(args: readonly string[]): Promise<void> {
    const { result } = await this.run(args);
    if (result.code !== 0) throw new Error(`it fails without a fault: ${args.join(" ")}: ${result.stderr}`);
  }

  create(...flags: string[]): string[] {
    return ["create", ...flags, "--bundle", this.scenario.bundle.directory, ...this.scenario.flags, this.id];
  }

  /** Deletes it when it is there, which must work; then nothing may be left. */
  async gone(): Promise<string> {
    const { result } = await this.run(["delete", "--force", this.id]);
    return (result.code === 0 ? "" : `delete --force fails: ${result.stderr}`) || (await leftProblem(this.scenario.bundle));
  }
}

/** A command that makes a container, starts or ends it. */
function ofLife(name: string, tool: Tool, { args, before = [], check = async () => "" }: Parts): Commanded {
  const { scenario } = tool;
  return {
    name,
    bundle: scenario.bundle,
    failureCode: 1,
    prepare: async () => {
      await scenario.prepare();
      for (const line of before) await tool.good(line);
    },
    run: (fault) => tool.run(args, fault),
    settle: async (outcome) => {
      const problem = await check(outcome);
      return [problem, await tool.gone()].filter((text) => text !== "").join("; ");
    },
    end: async () => scenario.end(),
  };
}

/** Nothing is left by the failed command itself. */
function creating(name: string, make: () => Promise<Scenario>, args: (tool: Tool, file: string) => string[]) {
  return async () => {
    const scenario = await make();
    const tool = new Tool(scenario);
    const file = `${scenario.bundle.directory}/pid`;
    const check = async ({ result, trace }: Outcome) => {
      // The next one is to compile its filter as well.
      rmSync(`${ROOT}/~seccomp`, { recursive: true, force: true });
      const files = [file, `${file}.new`].filter((path) => existsSync(path));
      for (const path of files) rmSync(path);
      // What goes wrong after the program has run is for delete to mend.
      if (result.code === 0 || trace.calls.some((call) => call.startsWith("foreground"))) return "";
      return (files.length > 0 ? `left behind: ${files.join(" ")}` : "") || (await leftProblem(scenario.bundle)) || (await scenario.problem());
    };
    return ofLife(name, tool, { args: args(tool, file), check });
  };
}

const create = (make: () => Promise<Scenario>) => creating("create", make, (tool, file) => tool.create("--pid-file", file));

/** A container that is still `created` after a failed start can be started. */
async function starting(): Promise<Commanded> {
  const tool = new Tool(await running());
  const check = async (outcome: Outcome) => {
    const { result } = await tool.run(["state", tool.id]);
    if (outcome.result.code === 0 || result.code !== 0) return "";
    if (JSON.parse(result.stdout).status !== "created") return `neither created nor gone: ${result.stdout}`;
    const again = await tool.run(["start", tool.id]);
    return again.result.code === 0 ? "" : `created, and cannot be started: ${again.result.stderr}`;
  };
  return ofLife("start", tool, { args: ["start", tool.id], before: [tool.create()], check });
}

interface RunningParts {
  /** Command lines that make the state before, and that undo what the command did. */
  readonly before?: (tool: Tool) => string[];
  readonly back?: (tool: Tool) => string[];
  readonly check?: (tool: Tool, outcome: Outcome) => Promise<string>;
}

/** A command on a container that runs all the time, and must still do so afterwards. */
function onRunning(name: string, args: (tool: Tool) => string[], more: RunningParts = {}) {
  return async (): Promise<Commanded> => {
    const scenario = await running();
    const tool = new Tool(scenario);
    await tool.good(tool.create());
    await tool.good(["start", tool.id]);
    return {
      name,
      bundle: scenario.bundle,
      failureCode: 1,
      prepare: async () => {
        if (more.before !== undefined) await tool.good(more.before(tool));
      },
      run: (fault) => tool.run(args(tool), fault),
      settle: async (outcome) => {
        const problem = (await more.check?.(tool, outcome)) ?? "";
        if (more.back !== undefined) await tool.run(more.back(tool));
        const { result } = await tool.run(["state", tool.id]);
        return problem || (result.code === 0 && JSON.parse(result.stdout).status === "running" ? "" : `not running: ${result.stdout}${result.stderr}`);
      },
      end: async () => {
        await tool.gone();
        scenario.end();
      },
    };
  };
}

const OLD_LIMITS = ["268435456", "100"];
const NEW_LIMITS = ["134217728", "50"];
const LIMIT_FILES = ["memory/memory.limit_in_bytes", "pids/pids.max"];

/** Limits are written all or none. */
async function limitsProblem({ scenario }: Tool, { result }: Outcome): Promise<string> {
  const values = LIMIT_FILES.flatMap((place) => {
    const [controller = "", file = ""] = place.split("/");
    const path = findCgroups(scenario.bundle.name).find((directory) => directory.includes(`/${controller}/`));
    return path === undefined ? [] : [readFileSync(`${path}/${file}`, "utf8").trim()];
  });
  const due = result.code === 0 ? NEW_LIMITS : OLD_LIMITS;
  return values.length === 0 || values.join() === due.join() ? "" : `limits ${values.join()}, not ${due.join()}`;
}

const update =
  ([memory = "", pids = ""]: readonly string[]) =>
  ({ id }: Tool) => ["update", "--memory", memory, "--pids-limit", pids, id];
const withId =
  (name: string, ...rest: string[]) =>
  ({ id }: Tool) => [name, id, ...rest];

/** After success the status is this one. */
const isThen =
  (status: string) =>
  async (tool: Tool, { result }: Outcome) => {
    const state = await tool.run(["state", tool.id]);
    const found = JSON.parse(state.result.stdout || "{}").status;
    return result.code !== 0 || found === status ? "" : `it succeeds, and the container is ${found}`;
  };

async function executing(): Promise<Commanded> {
  const made = await execInside();
  const file = `${made.bundle.directory}/pid`;
  await made.plan();
  return {
    name: "exec",
    bundle: made.bundle,
    failureCode: made.failureCode,
    prepare: async () => {},
    run: (parent) => made.tool([...made.args.slice(0, 1), "--pid-file", file, ...made.args.slice(1)], parent === undefined ? {} : { parent }),
    settle: async ({ result, trace }) => {
      const files = [file, `${file}.new`].filter((path) => existsSync(path));
      for (const path of files) rmSync(path);
      const isLeft = result.code !== 0 && files.length > 0 && !trace.calls.some((call) => call.startsWith("foreground"));
      return (isLeft ? `left behind: ${files.join(" ")}` : "") || made.settle();
    },
    end: () => made.end(),
  };
}

async function deleting(before: "created" | "running"): Promise<Commanded> {
  const tool = new Tool(await everySection());
  const args = before === "created" ? ["delete", tool.id] : ["delete", "--force", tool.id];
  const check = async ({ result }: Outcome) => (result.code === 0 ? leftProblem(tool.scenario.bundle) : "");
  return ofLife(`delete, ${before}`, tool, { args, before: [tool.create(), ...(before === "created" ? [] : [["start", tool.id]])], check });
}

export const COMMANDS: Readonly<Record<string, () => Promise<Commanded>>> = {
  ...Object.fromEntries(Object.entries(SCENARIOS).map(([name, make]) => [`create, ${name}`, create(make)])),
  run: creating("run", everySection, (tool, file) => ["run", "--pid-file", file, ...tool.create().slice(1)]),
  "run, without hooks": creating("run", usual, (tool, file) => ["run", "--pid-file", file, ...tool.create().slice(1)]),
  "run --detach": creating("run --detach", onHost, (tool, file) => ["run", "--detach", "--pid-file", file, ...tool.create().slice(1)]),
  start: starting,
  exec: executing,
  "delete, created": () => deleting("created"),
  "delete, running": () => deleting("running"),
  kill: onRunning("kill", withId("kill", "WINCH")),
  // What could not be thawed is for resume.
  "kill --all": onRunning("kill --all", ({ id }) => ["kill", "--all", id, "WINCH"], { back: withId("resume") }),
  pause: onRunning("pause", withId("pause"), { back: withId("resume"), check: isThen("paused") }),
  resume: onRunning("resume", withId("resume"), { before: withId("pause"), back: withId("resume"), check: isThen("running") }),
  update: onRunning("update", update(NEW_LIMITS), { before: update(OLD_LIMITS), check: limitsProblem }),
  state: onRunning("state", withId("state")),
  list: onRunning("list", () => ["list"]),
  ps: onRunning("ps", withId("ps")),
};
