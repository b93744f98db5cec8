// checkpoint: the state of a running container into files, by CRIU.
import { freezerOf } from "../cgroup/processes.ts";
import { check, checkText, StateError } from "../errors.ts";
import type { Config } from "../spec/config.ts";
import { type StateRecord, writeAtomically } from "../state/record.ts";
import { directoryOf, load, lock } from "../state/store.ts";
import { sys } from "../sys.ts";
import { readContainerConfig } from "./container-config.ts";
import { type CheckpointRecord, type CriuOptions, RECORD_FILE, refuseWhatCriuCannot, runCriu } from "./criu.ts";
import { destroy } from "./destroy.ts";
import { currentStatus, notRunning } from "./query.ts";

const EEXIST = 17;
const STREAMS = [0, 1, 2] as const;

export interface CheckpointOptions extends CriuOptions {
  readonly root: string;
  readonly id: string;
  readonly leaveRunning: boolean;
  /** Only the memory, while the container goes on; a later checkpoint names it by parentPath. */
  readonly preDump: boolean;
  readonly parentPath: string | undefined;
}

/** The container is deleted afterwards, unless it is left running. */
export function checkpointContainer(options: CheckpointOptions): void {
  const held = lock(options.root, options.id);
  const record = load(options.root, options.id);
  const status = currentStatus(options.root, record);
  if (status === "stopped") throw notRunning(options.id);
  if (status === "created") throw new StateError("TS4004", `cannot checkpoint a container that is ${status}: "${options.id}"`);
  const { config, path, text } = readContainerConfig(directoryOf(options.root, options.id), record);
  try {
    refuseWhatCriuCannot(config);
  } catch (error) {
    if (error instanceof StateError) error.document = { path, text };
    throw error;
  }
  for (const directory of [options.imagePath, options.workPath ?? options.imagePath]) {
    const made = sys.mkdir(directory, 0o700);
    if (made !== -EEXIST) check(made, "make the directory", directory, "mkdir");
  }
  const kept: CheckpointRecord = { externalMounts: externalMounts(record.pid, config), streams: STREAMS.map((fd) => streamKey(record.pid, fd)) };
  runCriu(options.preDump ? "pre-dump" : "dump", options, [
    ...["--tree", String(record.pid), "--root", record.rootfs],
    ...kept.externalMounts.flatMap((point) => ["--external", `mnt[${point}]:${point}`]),
    ...kept.streams.flatMap((key) => (key.startsWith("file[") ? ["--external", key] : [])),
    ...freezeArgs(record),
    ...(options.parentPath === undefined ? [] : ["--prev-images-dir", options.parentPath]),
    ...(options.preDump || options.parentPath !== undefined ? ["--track-mem"] : []),
    ...(options.leaveRunning && !options.preDump ? ["--leave-running"] : []),
  ]);
  if (options.preDump) return;
  writeAtomically(`${options.imagePath}/${RECORD_FILE}`, JSON.stringify(kept));
  if (!options.leaveRunning) destroy(options.root, record, held);
}

/** Bind mounts, cgroups and the null device over masked files come from outside of the container. */
function externalMounts(pid: number, { mounts = [], linux }: Config): string[] {
  const binds = mounts.filter(({ options }) => options?.some((option) => option === "bind" || option === "rbind")).map(({ destination }) => destination);
  const table = checkText(sys.read_lossy(`/proc/${pid}/mountinfo`), "read the container's mounts", String(pid), "open");
  return table
    .trimEnd()
    .split("\n")
    .flatMap((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [, , , source = "", point = ""] = before.split(" ");
      const type = after.split(" ")[0] ?? "";
      const isBind = binds.some((destination) => point === destination || point.startsWith(`${destination}/`));
      const isMask = type === "devtmpfs" || (source === "/null" && linux?.maskedPaths?.includes(point) === true);
      return isBind || isMask || type === "cgroup" || type === "cgroup2" ? [point] : [];
    });
}

/** The container's streams are its caller's: a pipe by its name, a file outside of its mounts by mount and inode. */
function streamKey(pid: number, fd: number): string {
  const target = sys.read_link(`/proc/${pid}/fd/${fd}`);
  if (typeof target === "number") return "";
  if (target.startsWith("pipe:[") || target.startsWith("socket:[")) return target;
  const info = sys.read_lossy(`/proc/${pid}/fdinfo/${fd}`);
  const mount = typeof info === "number" ? undefined : /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  const table = sys.read_lossy(`/proc/${pid}/mountinfo`);
  if (mount === undefined || typeof table === "number" || table.split("\n").some((line) => line.startsWith(`${mount} `))) return "";
  const inode = sys.inode(`/proc/${pid}/fd/${fd}`);
  return inode < 0 ? "" : `file[${Number(mount).toString(16)}:${inode.toString(16)}]`;
}

function freezeArgs({ cgroup }: StateRecord): string[] {
  const place = freezerOf(cgroup.places);
  return place === undefined ? [] : ["--freeze-cgroup", place.path];
}
