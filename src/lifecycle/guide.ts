// The parent's part while init sets the container up: it answers init's sync points and works ahead of it.
// Which record may come when is drawn in docs/architecture.md, "The sync protocol".
import type { Bundle } from "../bundle/load.ts";
import type { Cgroup } from "../cgroup/driver.ts";
import { applyRdt, findResctrl, type RdtRecord } from "../cgroup/intel-rdt.ts";
import { check, SystemError, type TsrunError } from "../errors.ts";
import { warn } from "../log.ts";
import { type InitEvent, type InitFailure, nextEvent, pendingEvent } from "../native/events.ts";
import { adoptFork, answer, type InitProcess, sendFiles } from "../native/init.ts";
import { type Op, SYNC_POINTS } from "../plan/op-table.ts";
import type { MachineFacts, Plan } from "../plan/plan.ts";
import { SPEC_VERSION } from "../spec/version.ts";
import { type StateRecord, writeAtomically } from "../state/record.ts";
import { startTimeOf } from "../state/status.ts";
import { sys } from "../sys.ts";
import { type Console, sendMaster } from "./console.ts";
import { delegatedUid } from "./delegation.ts";
import { runHooks, stateOf } from "./hooks.ts";
import { hasHostMounts } from "./host-mounts.ts";
import { writeMappings } from "./idmap.ts";
import { idmapMount, idmappedTree } from "./idmapped-mounts.ts";
import { type MovedDevices, moveNetDevices } from "./net-devices.ts";
import { sendListener } from "./seccomp.ts";
import { initLost, stepError } from "./step-error.ts";

const ENOENT = 2;
const ESRCH = 3;
const DYING_MS = 100;

export interface Guided {
  readonly init: InitProcess;
  readonly plan: Plan;
  readonly id: string;
  readonly bundle: Bundle;
  readonly ownBundle: boolean;
  readonly rootfs: string;
  readonly directory: string;
  readonly hookLog: string;
  readonly cgroup: Cgroup;
  readonly facts: MachineFacts;
  readonly console: Console;
  readonly noNewKeyring: boolean;
  /** The seccomp filter's file, or -1. */
  readonly filter: number;
  /** Groups of linux.intelRdt that were made, for undo. */
  readonly rdtGroups: string[];
  /** Network devices that were moved, for undo. */
  readonly moved: MovedDevices;
  /** Hooks were begun: a failure from here on runs the poststop hooks (spec 3.11, 3.15). */
  onHooks: () => void;
}

export interface Outcome {
  readonly record: StateRecord;
  /** The terminal's master when it stays with us, else -1. */
  readonly master: number;
}

/** Returns when init waits for start, or has executed the program; throws what init, a hook or the cgroup says. */
export function guideInit(g: Guided): Outcome {
  let first = g.plan.ops.filter((op) => op.op === "init.fork" || isIdmapPoint(op)).length;
  let master = -1;
  let record: StateRecord | undefined;
  let ready = false;
  for (;;) {
    // Nothing more keeps init from mounting: do the parent's share at the same time.
    if (first === 0 && record === undefined) record = prepareFor(g);
    const event = nextEvent(g.init.sync);
    switch (event.kind) {
      case "forked":
        adoptFork(g.init, event.pid);
        first--;
        break;
      case "ask":
        if (event.point === SYNC_POINTS.idmap) first--;
        onAsk(g, event, record);
        break;
      case "terminal":
        if (g.console.socket >= 0) sendMaster(g.console, event.fd);
        else master = event.fd;
        break;
      case "listener":
        if (record === undefined || g.bundle.config.linux?.seccomp === undefined) throw initLost(g.init);
        sendListener(g.bundle.config.linux.seccomp, event.fd, record.pid, stateOf(record, "creating", record.pid));
        break;
      case "created":
        if (record === undefined) throw initLost(g.init);
        return { record, master };
      case "ready":
        ready = true;
        break;
      case "end":
        if (record === undefined || !ready) throw initLost(g.init);
        return { record, master };
      case "fail":
        // Those of the container's namespaces are init's: they were begun when it came as far.
        if (g.plan.ops.slice(0, event.op + 1).some((op) => op.op === "hook.run")) g.onHooks();
        throw failure(g, event);
    }
  }
}

function isIdmapPoint(op: Op): boolean {
  return op.op === "sync.ask" && op.point === SYNC_POINTS.idmap;
}

function onAsk(g: Guided, { point, op, fd }: InitEvent & { kind: "ask" }, record: StateRecord | undefined): void {
  const { config } = g.bundle;
  if (point === SYNC_POINTS.idmap) {
    // Now, as its /proc files will belong to root when it is not dumpable any more; the fork inherits it.
    setOomScore(g);
    writeMappings(g.init.pid, { uid: config.linux?.uidMappings ?? [], gid: config.linux?.gidMappings ?? [] }, g.facts.euid, g.facts.egid);
  } else if (point === SYNC_POINTS.hooks) {
    if (record === undefined) throw initLost(g.init);
    g.onHooks();
    const state = stateOf(record, "creating", record.pid);
    runHooks("prestart", config.hooks?.prestart, state);
    runHooks("createRuntime", config.hooks?.createRuntime, state);
  } else if (point === SYNC_POINTS.mount) idmapMount(g.plan.ops[op], fd, config);
  answer(g.init, point);
  if (point === SYNC_POINTS.mount) supplyFrom(g, op + 1);
}

/** Sends ahead what init will ask the parent for, in the order of the plan; up to an op that waits for an answer among them. */
function supplyFrom(g: Guided, first: number): void {
  for (const op of g.plan.ops.slice(first)) {
    if (op.op === "mount.fs" && op.idmap !== 0) return;
    supply(g, op);
  }
}

function supply(g: Guided, op: Op): void {
  if (op.op === "sync.wait" && op.point === SYNC_POINTS.cgroup) answer(g.init, SYNC_POINTS.cgroup);
  else if (op.op === "cgroup.join") handOver(g, g.cgroup.joinFiles());
  else if (op.op === "seccomp.receive") handOver(g, [g.filter]);
  else if (op.op === "mount.bind" && op.given === 1) handOver(g, [idmappedTree(op, g.bundle.config, g.init.pid)]);
}

function handOver({ init }: Guided, files: readonly number[]): void {
  sendFiles(init, files);
  for (const fd of files) sys.close(fd);
}

/** When init has failed meanwhile, what we could not do for it any more is not the cause. */
function prepareFor(g: Guided): StateRecord {
  try {
    return prepare(g);
  } catch (error) {
    // A process that ends has no files in /proc any more, and its sockets for a moment longer.
    const isGone = error instanceof SystemError && (error.errno === ENOENT || error.errno === ESRCH);
    throw lastWords(g, isGone ? DYING_MS : 0) ?? error;
  }
}

/** Why init has failed, when it has. What else it said before does not matter any more. */
function lastWords(g: Guided, timeoutMs: number): TsrunError | undefined {
  for (let isDone = false; ; ) {
    const event = pendingEvent(g.init.sync, timeoutMs);
    if (event === undefined) return undefined;
    if (event.kind === "fail") return failure(g, event);
    // It may be through before us: then it waits for start, or has executed the program, and the failure is ours.
    if (event.kind === "created" || event.kind === "ready") isDone = true;
    if (event.kind === "end") return isDone ? undefined : initLost(g.init);
  }
}

/** Everything that needs init's final pid but not init's attention. */
function prepare(g: Guided): StateRecord {
  const { config } = g.bundle;
  if (!g.plan.ops.some(isIdmapPoint)) setOomScore(g);
  g.cgroup.build(g.init.pid);
  g.cgroup.apply();
  for (const warning of g.cgroup.warnings) warn(warning);
  const owner = delegatedUid(config);
  if (owner !== undefined) g.cgroup.delegate(owner);
  moveNetDevices(config, g.init.pid, g.moved);
  const rdt = config.linux?.intelRdt;
  const groups = rdt === undefined ? undefined : applyRdt(findResctrl(), rdt, g.id, g.init.pid, g.rdtGroups);
  supplyFrom(g, 0);

  const record = makeRecord(g, groups);
  const hasHooks = config.hooks !== undefined;
  if (hasHooks) writeAtomically(`${g.directory}/state.json`, JSON.stringify({ ...record, creating: true }));
  check(sys.write_file(`${g.directory}/config.json`, g.bundle.text, 0o1100, 0o600), "keep a copy of config.json", g.directory, "open");
  return record;
}

function setOomScore(g: Guided): void {
  const score = g.bundle.config.process?.oomScoreAdj;
  if (score === undefined) return;
  const path = `/proc/${g.init.pid}/oom_score_adj`;
  check(sys.write_file(path, String(score), 0, 0), "set the OOM score", path, "write");
}

function makeRecord(g: Guided, rdt: RdtRecord | undefined): StateRecord {
  const { config } = g.bundle;
  return {
    id: g.id,
    ociVersion: SPEC_VERSION,
    pid: g.init.pid,
    pidStart: startTimeOf(g.init.pid),
    bundle: g.bundle.dir,
    ...(g.ownBundle ? { ownBundle: true as const } : {}),
    rootfs: g.rootfs,
    created: sys.time_text() as string,
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    cgroup: g.cgroup.record(),
    ...(g.noNewKeyring ? { noNewKeyring: true as const } : {}),
    ...(rdt === undefined ? {} : { rdt }),
    ...(hasHostMounts(config) ? { hostMounts: true as const } : {}),
    ownPidNamespace: config.linux?.namespaces?.some((namespace) => namespace.type === "pid" && !namespace.path) === true,
    startOp: g.plan.ops.findIndex((op) => op.op === "start.wait") + 1,
    ...(config.process === undefined ? { noProcess: true as const } : {}),
    ...(config.hooks?.poststart === undefined ? {} : { poststart: config.hooks.poststart }),
    ...(config.hooks?.poststop === undefined ? {} : { poststop: config.hooks.poststop }),
  };
}

function failure(g: Guided, event: InitFailure): TsrunError {
  sys.wait_pid(g.init.pid, 5000);
  return stepError(g.plan.ops[event.op], event, g.hookLog);
}
