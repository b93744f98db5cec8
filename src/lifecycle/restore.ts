// restore: a container from the files that checkpoint wrote, by CRIU, with the bundle as it is today.
import { type Bundle, loadBundle } from "../bundle/load.ts";
import type { Cgroup } from "../cgroup/driver.ts";
import { cgroupfs } from "../cgroup/fs.ts";
import { check, checkText, StateError, TsrunError, UsageError } from "../errors.ts";
import { warn } from "../log.ts";
import { readCgroupLayout } from "../machine/cgroup-layout.ts";
import { readFacts } from "../machine/facts.ts";
import { SPEC_VERSION } from "../spec/version.ts";
import { type StateRecord, writeAtomically } from "../state/record.ts";
import { startTimeOf } from "../state/status.ts";
import { claim } from "../state/store.ts";
import { sys } from "../sys.ts";
import { cgroupRequest } from "./cgroup-request.ts";
import { type CheckpointRecord, type CriuOptions, RECORD_FILE, refuseWhatCriuCannot, runCriu } from "./criu.ts";
import { destroyIfThere } from "./destroy.ts";
import { writePidFile } from "./pid-file.ts";
import { Undo } from "./undo.ts";

export interface RestoreOptions extends CriuOptions {
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  readonly detach: boolean;
  readonly pidFile: string | undefined;
  readonly subreaper: boolean;
  readonly rootless: "auto" | "true" | "false";
  readonly systemdCgroup: boolean;
}

/** Returns the program's exit code, 128 + n when signal n ended it; 0 when detached. */
export function restoreContainer(options: RestoreOptions): number {
  if (options.systemdCgroup) throw new UsageError("restore does not know the systemd cgroup driver", "without --systemd-cgroup the cgroupfs driver is used");
  const bundle = loadBundle(options.bundle);
  if (!options.detach && options.subreaper) check(sys.set_subreaper(1), "become a subreaper", "", "prctl");
  if (!options.detach) check(sys.hold_signals(), "hold signals back", "", "sigprocmask");
  const { record, cgroup, pidfd } = restored(options, bundle);
  if (options.detach) return 0;
  const code = sys.foreground(record.pid, pidfd, -1, options.subreaper ? 1 : 0);
  destroyIfThere(options.root, record, cgroup);
  return check(code, "wait for the container", options.id, "wait4");
}

/** Whatever fails, everything is taken back. Not later: a process that was waited for has no pid to be killed by. */
function restored(options: RestoreOptions, bundle: Bundle): { record: StateRecord; cgroup: Cgroup; pidfd: number } {
  const undo = new Undo();
  try {
    const { record, cgroup } = restore(options, bundle, undo);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, record.pid, undo);
    const pidfd = check(sys.pidfd_open(record.pid), "watch the container's process", options.id, "pidfd_open");
    return { record, cgroup, pidfd };
  } catch (error) {
    undo.run(error);
    if (error instanceof TsrunError && error.pointer !== undefined) error.document ??= { path: bundle.configPath, text: bundle.text };
    throw error;
  }
}

function restore(options: RestoreOptions, bundle: Bundle, undo: Undo): { record: StateRecord; cgroup: Cgroup } {
  const { config } = bundle;
  refuseWhatCriuCannot(config);
  const kept = readRecord(options.imagePath);
  const { directory, remove } = claim(options.root, options.id);
  undo.add("state directory", remove);
  const cgroup = cgroupfs.create(cgroupRequest(options, config, readFacts()), readCgroupLayout());
  undo.add("cgroup", () => cgroup.remove());
  const held = cgroup.directory();
  if (held >= 0) sys.close(held);
  cgroup.build(0);
  cgroup.apply();
  for (const warning of cgroup.warnings) warn(warning);

  const pid = runRestore(options, bundle, kept, cgroup, directory);
  undo.add("container process", () => {
    sys.kill(pid, 9);
    sys.wait_pid(pid, 10_000);
  });
  const record: StateRecord = {
    id: options.id,
    ociVersion: SPEC_VERSION,
    pid,
    pidStart: startTimeOf(pid),
    bundle: bundle.dir,
    rootfs: bundle.rootfs,
    created: sys.time_text() as string,
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    cgroup: cgroup.record(),
    ownPidNamespace: config.linux?.namespaces?.some(({ type }) => type === "pid") === true,
    startOp: 0,
    ...(config.hooks?.poststop === undefined ? {} : { poststop: config.hooks.poststop }),
  };
  check(sys.write_file(`${directory}/config.json`, bundle.text, 0o1100, 0o600), "keep a copy of config.json", directory, "open");
  writeAtomically(`${directory}/state.json`, JSON.stringify(record));
  return { record, cgroup };
}

function readRecord(imagePath: string): CheckpointRecord {
  const path = `${imagePath}/${RECORD_FILE}`;
  const text = sys.read_text(path);
  if (text === -2)
    throw new StateError("TS6004", `there is no checkpoint of tsrun in "${imagePath}"`, { hint: "give the directory of checkpoint with --image-path" });
  return JSON.parse(checkText(text, "read the checkpoint", path, "open")) as CheckpointRecord;
}

/** CRIU wants the root filesystem as a mount of its own. The restored process is a child of ours. */
function runRestore(options: RestoreOptions, bundle: Bundle, kept: CheckpointRecord, cgroup: Cgroup, directory: string): number {
  const root = `${directory}/criu-root`;
  const pidFile = `${directory}/criu.pid`;
  check(sys.mkdir(root, 0o700), "make the directory", root, "mkdir");
  try {
    check(sys.bind_mount(bundle.rootfs, root), "bind the root filesystem", root, "mount");
    runCriu("restore", options, [
      ...["--restore-detached", "--restore-sibling", "--pidfile", pidFile, "--root", root],
      ...kept.externalMounts.flatMap((point) => ["--external", `mnt[${point}]:${sourceOf(point, bundle, cgroup)}`]),
      ...kept.streams.flatMap((key, fd) => (key === "" ? [] : ["--inherit-fd", `fd[${fd}]:${key}`])),
      ...cgroup.view().mounts.flatMap(({ controllers, hostPath, mountpoint }) => {
        const path = hostPath.slice(mountpoint.length);
        return ["--cgroup-root", controllers.length === 0 ? path : `${controllers.join(",")}:${path}`];
      }),
    ]);
    return Number(checkText(sys.read_text(pidFile), "read the restored process's pid", pidFile, "open"));
  } finally {
    sys.umount(root);
    sys.rmdir(root);
    sys.unlink(pidFile);
  }
}

/** What lies behind an external mount today: the bundle's source, the new cgroup, or the null device of a masked file. */
function sourceOf(point: string, { config, dir }: Bundle, cgroup: Cgroup): string {
  for (const { destination, source = "", options } of config.mounts ?? []) {
    if (!options?.some((option) => option === "bind" || option === "rbind")) continue;
    if (point === destination || point.startsWith(`${destination}/`))
      return `${source.startsWith("/") ? source : `${dir}/${source}`}${point.slice(destination.length)}`;
  }
  const place = cgroup.view().mounts.find(({ name }) => point === (name === "" ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${name}`));
  return place?.hostPath ?? (point.startsWith("/sys/fs/cgroup") ? point : "/dev/null");
}
