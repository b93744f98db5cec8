// Bundle + options -> a container whose init waits for start (create) or has executed its program (run).
// The order here is that of runtime-spec, "Lifecycle", steps 1 to 5; each step adds its undo.
import { type Bundle, loadBundle } from "../bundle/load.ts";
import type { Cgroup } from "../cgroup/driver.ts";
import { cgroupfs } from "../cgroup/fs.ts";
import { removeRdt } from "../cgroup/intel-rdt.ts";
import { check, StateError, TsrunError } from "../errors.ts";
import { debug, warn } from "../log.ts";
import { readCgroupLayout } from "../machine/cgroup-layout.ts";
import { readFacts } from "../machine/facts.ts";
import { type InitFds, type InitProcess, killInit, startInit } from "../native/init.ts";
import { compileCreate } from "../plan/compile.ts";
import { explain } from "../plan/explain.ts";
import type { MachineFacts, Plan } from "../plan/plan.ts";
import type { StateRecord } from "../state/record.ts";
import { hookLogPath, startSocketPath } from "../state/status.ts";
import { claim } from "../state/store.ts";
import { sys } from "../sys.ts";
import { cgroupRequest } from "./cgroup-request.ts";
import { openConsole } from "./console.ts";
import { guideInit } from "./guide.ts";
import { runHooksTolerantly, stateAroundPid, stateOf } from "./hooks.ts";
import { hasHostMounts, removeHostMounts } from "./host-mounts.ts";
import { maySetGroups } from "./idmap.ts";
import { checkPreserved, listenEnv, listenFds } from "./inherited-fds.ts";
import { type MovedDevices, returnNetDevices } from "./net-devices.ts";
import { makeNotifyDirectory, managerSocket, NOTIFY_ENV } from "./notify.ts";
import { openFilter } from "./seccomp.ts";
import { Undo } from "./undo.ts";

const SEQPACKET = 1;
const EOPNOTSUPP = 95;
const O_NEW_LOG = 0o2302; // O_CREAT | O_EXCL | O_RDWR | O_APPEND

export interface BuildOptions {
  readonly root: string;
  readonly id: string;
  /** Bundle directory, absolute. */
  readonly bundle: string;
  /** It is the runtime's own, made for this container. */
  readonly ownBundle?: true;
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly pidFile: string | undefined;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
  readonly rootless: "auto" | "true" | "false";
  readonly systemdCgroup: boolean;
}

/** How create and run differ while building. */
export interface Mode {
  /** Stop before the program and wait for start. */
  readonly startWait: boolean;
  /** Nobody stays in the foreground: a terminal needs a console socket. */
  readonly detached: boolean;
}

/** A built container. It is not published yet: state.json is the caller's last step. */
export interface Built {
  readonly bundle: Bundle;
  readonly directory: string;
  readonly record: StateRecord;
  readonly init: InitProcess;
  readonly cgroup: Cgroup;
  readonly moved: MovedDevices;
  /** The terminal's master when it stays with us, else -1. */
  readonly master: number;
  /** A failure from here on runs the poststop hooks. */
  readonly onHooks: () => void;
}

/** Builds, then lets the caller finish; whatever fails in between, everything is taken back (spec 1.08). */
export function withBuilt<T>(options: BuildOptions, mode: Mode, finish: (built: Built, undo: Undo) => T): T {
  const bundle = loadBundle(options.bundle);
  for (const warning of bundle.warnings) warn(warning);
  const undo = new Undo();
  try {
    const built = build(options, mode, bundle, undo);
    const result = finish(built, undo);
    if (built.moved.namespace >= 0) sys.close(built.moved.namespace);
    return result;
  } catch (error) {
    undo.run(error);
    if (error instanceof TsrunError && error.pointer !== undefined) error.document ??= { path: bundle.configPath, text: bundle.text };
    throw error;
  }
}

function build(options: BuildOptions, mode: Mode, bundle: Bundle, undo: Undo): Built {
  const { config } = bundle;
  if (config.process === undefined && !mode.startWait) throw new StateError("TS4006", "config.json has no process: there is nothing to run");
  const console = openConsole(config.process, options.consoleSocket, mode.detached);
  const preserve = checkPreserved(options.preserveFds + listenFds());
  const claimed = claim(options.root, options.id);
  const { directory } = claimed;
  let hooksBegan = false;
  undo.add("poststop hooks", () => {
    if (hooksBegan)
      runHooksTolerantly("poststop", config.hooks?.poststop, stateOf({ ...options, bundle: bundle.dir }, "stopped", 0), (error) => warn(error.message));
  });
  undo.add("state directory", claimed.remove);

  const facts = readFacts();
  const filter = openFilter(config, options.root);
  const cgroup = cgroupfs.create(cgroupRequest(options, config, facts), readCgroupLayout());
  undo.add("cgroup", () => cgroup.remove());
  if (hasHostMounts(config)) undo.add("mounts", () => removeHostMounts(bundle.rootfs));

  const rdtGroups: string[] = [];
  undo.add("class of service", () => removeRdt({ made: rdtGroups }));

  const cgroupDirectory = cgroup.directory();
  const plan = compile(options, mode, bundle, directory, cgroup, facts);
  const start = mode.startWait ? listenForStart(directory) : -1;
  const hookLog = openHookLog(bundle, directory);
  const init = startInCgroup(plan, { cgroup: cgroupDirectory, preserve, start, hookLog }, cgroup);
  undo.add("container process", () => killInit(init));
  const moved: MovedDevices = { namespace: -1, devices: [] };
  // Before init is killed: with its namespace a virtual device would end.
  undo.add("network devices", () => returnNetDevices(moved));
  for (const fd of [start, hookLog, cgroupDirectory]) if (fd >= 0) sys.close(fd);

  const onHooks = () => {
    hooksBegan = true;
  };
  const { id, noNewKeyring } = options;
  const outcome = guideInit({
    init,
    plan,
    id,
    noNewKeyring,
    filter,
    rdtGroups,
    moved,
    bundle,
    rootfs: bundle.rootfs,
    directory,
    hookLog: hookLogPath(directory),
    cgroup,
    facts,
    console,
    onHooks,
    ownBundle: options.ownBundle === true,
  });
  return { bundle, directory, init, cgroup, moved, onHooks, ...outcome };
}

function startInCgroup(plan: Plan, fds: InitFds, cgroup: Cgroup): InitProcess {
  try {
    return startInit(plan, fds);
  } catch (error) {
    if ((error as { errno?: number }).errno !== EOPNOTSUPP || !cgroup.becomeThreaded()) throw error;
    return startInit(plan, fds);
  }
}

function compile(options: BuildOptions, mode: Mode, bundle: Bundle, directory: string, cgroup: Cgroup, facts: MachineFacts): Plan {
  const { config } = bundle;
  const self = { id: options.id, bundle: bundle.dir, ...(config.annotations === undefined ? {} : { annotations: config.annotations }) };
  const mappings = { uid: config.linux?.uidMappings ?? [], gid: config.linux?.gidMappings ?? [] };
  const notifyDir = managerSocket() === undefined ? undefined : makeNotifyDirectory(directory, config);
  const plan = compileCreate(config, cgroup.view(), facts, {
    id: options.id,
    bundle: bundle.dir,
    rootfs: bundle.rootfs,
    noPivot: options.noPivot,
    noNewKeyring: options.noNewKeyring,
    preserveFds: options.preserveFds + listenFds(),
    startWait: mode.startWait,
    hookState: { creating: stateAroundPid(self, "creating"), created: stateAroundPid(self, "created") },
    extraEnv: [...listenEnv(), ...(notifyDir === undefined ? [] : [NOTIFY_ENV])],
    ...(notifyDir === undefined ? {} : { notifyDir }),
    setgroups: maySetGroups(mappings, facts),
  });
  for (const warning of plan.warnings) warn(warning);
  debug(() => `plan of "${options.id}":\n${explain(plan)}`);
  return plan;
}

function listenForStart(directory: string): number {
  const path = startSocketPath(directory);
  return check(sys.listen(path, SEQPACKET), "make the start socket", path, "bind");
}

function openHookLog(bundle: Bundle, directory: string): number {
  const { hooks } = bundle.config;
  if (hooks?.createContainer === undefined && hooks?.startContainer === undefined) return -1;
  return check(sys.open(hookLogPath(directory), O_NEW_LOG, 0o600), "make the hook log", hookLogPath(directory), "open");
}
