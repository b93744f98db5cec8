// exec: one more process in a running container. Only the static init enters it; it is handed the container's cgroup,
// a pidfd of its process and nothing else.
import { checkProcess, inProcessDocument, type ProcessDocument } from "../bundle/process-document.ts";
import { type CgroupEntry, openEntry, openOwnV2, ownBelow } from "../cgroup/enter.ts";
import { joinRdt } from "../cgroup/intel-rdt.ts";
import { attachToUnit } from "../cgroup/systemd-unit.ts";
import { check, checkText, StateError, type TsrunError } from "../errors.ts";
import { debug, warn } from "../log.ts";
import { readFacts } from "../machine/facts.ts";
import { type InitFailure, nextEvent } from "../native/events.ts";
import { adoptFork, type InitProcess, killInit, sendFiles, startInit } from "../native/init.ts";
import { compileExec } from "../plan/compile.ts";
import { explain } from "../plan/explain.ts";
import type { Op } from "../plan/op-table.ts";
import type { CgroupView, Plan } from "../plan/plan.ts";
import type { Config } from "../spec/config.ts";
import type { StateRecord } from "../state/record.ts";
import { isAlive } from "../state/status.ts";
import { directoryOf, load } from "../state/store.ts";
import { O_PATH, sys } from "../sys.ts";
import { type Console, openConsole, sendMaster, sendPidfd } from "./console.ts";
import { readContainerConfig } from "./container-config.ts";
import { type ProcessRequest, requestedProcess } from "./exec-process.ts";
import { stateOf } from "./hooks.ts";
import { checkPreserved, listenEnv, listenFds } from "./inherited-fds.ts";
import { writePidFile } from "./pid-file.ts";
import { currentStatus, notRunning } from "./query.ts";
import { openFilter, sendListener } from "./seccomp.ts";
import { initLost, stepError } from "./step-error.ts";
import { Undo } from "./undo.ts";

const EACCES = 13;
const EBUSY = 16;

export interface ExecOptions {
  readonly root: string;
  readonly id: string;
  readonly process: ProcessRequest;
  readonly detach: boolean;
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly pidFile: string | undefined;
  readonly preserveFds: number;
  /** Values of --cgroup (cgroup/enter.ts). */
  readonly cgroups: readonly string[];
  /** The program of a paused container's exec waits until it is resumed. */
  readonly ignorePaused: boolean;
}

/** Returns the program's exit code, 128 + n when signal n ended it; 0 when detached. */
export function execInContainer(options: ExecOptions): number {
  const record = load(options.root, options.id);
  checkStatus(options, record);
  const own = readContainerConfig(directoryOf(options.root, options.id), record);
  const { process, document } = requestedProcess(options.process, own.config.process);
  const config = { ...own.config, process };
  checkProcess(config, document);
  const console = openConsole(process, options.consoleSocket, options.detach);
  const preserve = checkPreserved(options.preserveFds + listenFds());
  // From the program's first moment on, our signals are its signals.
  if (!options.detach) check(sys.hold_signals(), "hold signals back", "", "sigprocmask");
  const { init, master } = enter({ options, record, config, document, own, console, preserve });
  if (options.detach) return 0;
  return check(sys.foreground(init.pid, init.pidfd, master, 0), "wait for the program", options.id, "wait4");
}

function checkStatus({ root, id, ignorePaused }: ExecOptions, record: StateRecord): void {
  const status = currentStatus(root, record);
  if (status === "stopped") throw new StateError("TS4008", `cannot exec in a stopped container: container not running: "${id}"`);
  if (status === "creating") throw new StateError("TS4004", `cannot exec in a container that is being created: "${id}"`);
  if (status === "paused" && !ignorePaused)
    throw new StateError("TS4009", `cannot exec in a paused container: "${id}"`, { hint: 'resume it with "tsrun resume", or use --ignore-paused' });
}

interface Entering {
  readonly options: ExecOptions;
  readonly record: StateRecord;
  /** The container's, with the new process. */
  readonly config: Config;
  readonly document: ProcessDocument | undefined;
  /** The container's config.json. */
  readonly own: ProcessDocument;
  readonly console: Console;
  readonly preserve: number;
}

/** Returns when the program was executed; whatever fails before, the new process is gone. */
function enter(e: Entering): { init: InitProcess; master: number } {
  const { options, record } = e;
  const undo = new Undo();
  try {
    const pidfd = openProcess(record);
    const entry = openEntry(record.cgroup.places, options.cgroups, (e.config.process?.execCPUAffinity?.initial ?? "") !== "");
    const filter = openFilter(e.config, options.root);
    const plan = compile(e, entry.files.length);
    const init = spawn(e, plan, entry);
    undo.add("the new process", () => killInit(init));
    setOomScore(e.config, init.pid);
    // While it waits for what is sent now: what it forks is in the same groups.
    if (record.rdt !== undefined) joinRdt(record.rdt, init.pid);
    sendFiles(init, filter < 0 ? entry.files : [...entry.files, filter]);
    if (plan.ops.some((op) => op.op === "ns.enter")) sendFiles(init, [pidfd]);
    if (plan.ops.some((op) => op.op === "root.enter")) sendFiles(init, [openRoot(record)]);
    for (const fd of [pidfd, entry.directory, filter, ...entry.files]) if (fd >= 0) sys.close(fd);
    const master = guide(e, plan, init);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, init.pid, undo);
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, init.pidfd);
    return { init, master };
  } catch (error) {
    undo.run(error);
    throw error;
  }
}

/** Open first, then look: the pid may have been given to another process in between. */
function openProcess(record: StateRecord): number {
  const pidfd = sys.pidfd_open(record.pid);
  if (!isAlive(record)) throw notRunning(record.id);
  return check(pidfd, "open the container's process", record.id, "pidfd_open");
}

function openRoot(record: StateRecord): number {
  const path = `/proc/${record.pid}/root`;
  const root = check(sys.open(path, O_PATH, 0), "open the container's root", path, "open");
  if (!isAlive(record)) throw notRunning(record.id);
  return root;
}

function compile({ options, record, config, preserve }: Entering, joinFiles: number): Plan {
  const cgroup: CgroupView = { layout: record.cgroup.layout, mounts: [], joinFiles };
  const setgroups = checkText(sys.read_lossy(`/proc/${record.pid}/setgroups`), "look at the container's user namespace", record.id, "open");
  const plan = compileExec(config, cgroup, readFacts(), {
    id: options.id,
    bundle: record.bundle,
    rootfs: record.rootfs,
    noPivot: false,
    noNewKeyring: record.noNewKeyring === true,
    preserveFds: preserve,
    startWait: false,
    hookState: { creating: ["", ""], created: ["", ""] },
    extraEnv: listenEnv(),
    setgroups: !setgroups.startsWith("deny"),
  });
  for (const warning of plan.warnings) warn(warning);
  debug(() => `plan of exec in "${options.id}":\n${explain(plan)}`);
  return plan;
}

/** Born in the container's cgroup; put there by systemd, which made it, where the caller may not do that. */
function spawn({ record, preserve }: Entering, plan: Plan, entry: CgroupEntry): InitProcess {
  const fds = { cgroup: entry.directory, preserve, start: -1, hookLog: -1 };
  try {
    return startInit(plan, fds);
  } catch (error) {
    const { places, unit } = record.cgroup;
    const { errno } = error as { errno?: number };
    const place = places.find(({ controllers }) => controllers.length === 0);
    if (place === undefined) throw error;
    if (errno === EBUSY) return startInit(plan, { ...fds, cgroup: openOwnV2(place, record.pid) });
    if (errno !== EACCES || unit === undefined) throw error;
    const init = startInit(plan, { ...fds, cgroup: -1 });
    try {
      // It waits for what enters it into the container.
      attachToUnit(unit, entry.below || ownBelow(place, record.pid), init.pid);
    } catch (problem) {
      killInit(init);
      throw problem;
    }
    return init;
  }
}

/** The container's own, unless the process has one. */
function setOomScore(config: Config, pid: number): void {
  const score = config.process?.oomScoreAdj;
  if (score === undefined) return;
  const path = `/proc/${pid}/oom_score_adj`;
  check(sys.write_file(path, String(score), 0, 0), "set the OOM score", path, "write");
}

/** Follows init to the execve; the terminal's master, or -1. */
function guide(e: Entering, plan: Plan, init: InitProcess): number {
  let master = -1;
  let ready = false;
  for (;;) {
    const event = nextEvent(init.sync);
    if (event.kind === "end") {
      if (!ready) throw initLost(init);
      return master;
    }
    if (event.kind === "ready") ready = true;
    else if (event.kind === "forked") adoptFork(init, event.pid);
    else if (event.kind === "terminal" && e.console.socket >= 0) sendMaster(e.console, event.fd);
    else if (event.kind === "terminal") master = event.fd;
    else if (event.kind === "listener") deliver(e, init, event.fd);
    else if (event.kind === "fail") throw failure(e, plan.ops[event.op], event);
  }
}

/** The place is in the document of the process, or in the container's config.json, which the rest comes from. */
function failure({ document, own }: Entering, op: Op | undefined, event: InitFailure): TsrunError {
  const isOfProcess = op?.at.startsWith("/process") === true;
  const error = stepError(op !== undefined && isOfProcess ? { ...op, at: inProcessDocument(op.at) } : op, event, "");
  error.document = isOfProcess ? document : own;
  return error;
}

function deliver({ config, record }: Entering, init: InitProcess, listener: number): void {
  if (config.linux?.seccomp !== undefined) sendListener(config.linux.seccomp, listener, init.pid, stateOf(record, "running", record.pid));
}
