// A container that is made, or a process that is executed in one, again and again, each time with another fault.
/// <reference types="bun" />
import { writeFileSync } from "node:fs";
import type { Bundle } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { findProcesses } from "../helpers/leftovers.ts";
import { command, leftProblem, type Outcome, type PlannedOp, plannedOps } from "./faulty.ts";
import type { Fault } from "./host.ts";
import type { Scenario } from "./scenarios.ts";

export type InitFault = NonNullable<Fault["init"]>;

/** What the loops over ops do their faults to. */
export interface Subject {
  /** Exit code of the command when it fails. */
  readonly failureCode: number;
  /** The ops when nothing goes wrong. */
  plan(): Promise<PlannedOp[]>;
  attempt(init: InitFault): Promise<Outcome>;
  /** Takes away what is there by right (`remains`): "", or what is left. */
  settle(remains: boolean): Promise<string>;
  end(): Promise<void>;
  /** A line of the plan without the names of this bundle. */
  anonymous(line: string): string;
  /** The place that an error of the op names. */
  pointerOf(op: PlannedOp): string;
}

abstract class Life {
  readonly scenario: Scenario;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  get bundle(): Bundle {
    return this.scenario.bundle;
  }

  tool(args: readonly string[], fault: Omit<Fault, "trace"> = {}, debug = false): Promise<Outcome> {
    return command(args, fault, { prefix: this.scenario.prefix, debug });
  }

  /** The same for a command that must not fail. */
  async good(args: readonly string[], debug = false): Promise<Outcome> {
    const outcome = await this.tool(args, {}, debug);
    if (outcome.result.code !== 0) throw new Error(`it fails without a fault: ${outcome.result.stderr}`);
    return outcome;
  }

  get createArgs(): string[] {
    return ["create", "--bundle", this.bundle.directory, ...this.scenario.flags, this.bundle.name];
  }

  remove(): Promise<Outcome> {
    return this.tool(["delete", "--force", this.bundle.name]);
  }

  anonymous(line: string): string {
    return line.replaceAll(this.bundle.directory, "BUNDLE").replaceAll(this.bundle.name, "ID");
  }
}

/** create, and start when that went well. */
export class Creating extends Life implements Subject {
  readonly failureCode = 1;
  #wasCreated = false;

  async plan(): Promise<PlannedOp[]> {
    await this.scenario.prepare();
    const outcome = await this.good(this.createArgs, true);
    await this.remove();
    return plannedOps(outcome);
  }

  async attempt(init: InitFault): Promise<Outcome> {
    await this.scenario.prepare();
    const created = await this.tool(this.createArgs, { init });
    this.#wasCreated = created.result.code === 0;
    return this.#wasCreated ? this.tool(["start", this.bundle.name]) : created;
  }

  async settle(remains: boolean): Promise<string> {
    if (remains) await this.remove();
    const left = (await leftProblem(this.bundle)) || (this.#wasCreated ? "" : await this.scenario.problem());
    if (left !== "") await this.remove();
    return left;
  }

  async end(): Promise<void> {
    this.scenario.end();
  }

  pointerOf({ pointer }: PlannedOp): string {
    return pointer;
  }
}

/** exec, in a container that runs all the time. */
export class Executing extends Life implements Subject {
  readonly failureCode = 255;
  readonly #document: string;
  readonly #flags: readonly string[];

  /** `flags`: of exec. */
  constructor(scenario: Scenario, process: JsonObject, flags: readonly string[]) {
    super(scenario);
    this.#document = `${this.bundle.directory}/process.json`;
    this.#flags = flags;
    writeFileSync(this.#document, JSON.stringify(process));
  }

  get args(): string[] {
    return ["exec", "--process", this.#document, ...this.#flags, this.bundle.name];
  }

  async plan(): Promise<PlannedOp[]> {
    await this.good(this.createArgs);
    await this.good(["start", this.bundle.name]);
    const ops = plannedOps(await this.good(this.args, true));
    await this.settle();
    return ops;
  }

  attempt(init: InitFault): Promise<Outcome> {
    return this.tool(this.args, { init });
  }

  /** The container's own process alone. */
  async settle(): Promise<string> {
    for (let i = 0; ; i++) {
      const processes = findProcesses(this.bundle.name);
      if (processes.length === 1) return "";
      if (i === 200) return `not one process in the container, but ${JSON.stringify(processes)}`;
      await Bun.sleep(10);
    }
  }

  async end(): Promise<void> {
    await this.remove();
    this.scenario.end();
  }

  /** In the document of the process, or in the container's config.json. */
  pointerOf({ pointer }: PlannedOp): string {
    return pointer.replace(/^\/process/, "");
  }
}
