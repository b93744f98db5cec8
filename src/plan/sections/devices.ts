// linux.devices and the devices and links that every container has (spec 5.05, 5.06, 5.08) -> nodes, or binds of the host's.

import type { Device as SpecDevice } from "../../spec/config.ts";
import { type Context, canMount, hasBoundDev } from "../context.ts";
import type { Op } from "../op-table.ts";
import { cleanPath, containerPath, isWithin } from "../paths.ts";

/** Name below /dev, major, minor: all of them character devices with mode 0666. */
const DEFAULT_DEVICES: readonly (readonly [string, number, number])[] = [
  ["null", 1, 3],
  ["random", 1, 8],
  ["full", 1, 7],
  ["tty", 5, 0],
  ["zero", 1, 5],
  ["urandom", 1, 9],
];

const DEFAULT_MODE = 0o666;

/** Link text, name below /dev, and the path that must be there for it. */
const LINKS: readonly (readonly [string, string, string])[] = [
  ["/proc/self/fd", "fd", "/proc/self/fd"],
  ["/proc/self/fd/0", "stdin", "/proc/self/fd"],
  ["/proc/self/fd/1", "stdout", "/proc/self/fd"],
  ["/proc/self/fd/2", "stderr", "/proc/self/fd"],
  ["/proc/kcore", "core", "/proc/kcore"],
];

/** One device as the ops need it; a listed and a default one look alike. */
interface Device {
  readonly target: string;
  readonly type: string;
  readonly major: number | bigint;
  readonly minor: number | bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly at: string;
}

/** The defaults that are not listed, then the listed ones. */
export function deviceOps(context: Context): Op[] {
  const listed = context.config.linux?.devices ?? [];
  const boundDev = hasBoundDev(context);
  const ops: Op[] = [];
  if (!boundDev) {
    const taken = listed.map(({ path }) => cleanPath(path));
    for (const [name, major, minor] of DEFAULT_DEVICES) {
      const target = `/dev/${name}`;
      // The author's own wish for that path wins.
      if (!taken.includes(target)) ops.push(...makeOps(context, { target, type: "c", major, minor, mode: DEFAULT_MODE, uid: 0, gid: 0, at: "" }));
    }
  }
  for (const [index, entry] of listed.entries()) {
    // Below a /dev that is bound from the host the host's own nodes are used.
    if (boundDev && isWithin(entry.path, "/dev")) continue;
    ops.push(...makeOps(context, listedDevice(entry, `/linux/devices/${index}`)));
  }
  return ops;
}

function listedDevice(entry: SpecDevice, at: string): Device {
  return {
    target: containerPath(entry.path),
    type: entry.type === "u" ? "c" : entry.type,
    major: entry.major ?? 0,
    minor: entry.minor ?? 0,
    // The permission bits alone: some engines hand over the whole st_mode.
    mode: (entry.fileMode ?? DEFAULT_MODE) & 0o7777,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    at,
  };
}

function makeOps(context: Context, device: Device): Op[] {
  const { at, target, type, major, minor, mode, uid, gid } = device;
  // A FIFO is no device: anybody may make one.
  if (!context.bindDevices || type === "p") return [{ op: "device.node", at, target, type, major, minor, mode, uid, gid }];
  if (canMount(context)) return [{ op: "device.bind", at, source: target, target, type, major, minor }];
  context.warnings.push(`${at}: no device ${target}: it can neither be made in a user namespace nor bound without a mount namespace`);
  return [];
}

/** The links in /dev, after the mounts: what they point to must be there (spec 5.05). */
export function deviceLinkOps(context: Context): Op[] {
  if (hasBoundDev(context)) return [];
  const ops: Op[] = LINKS.map(([link, name, requires]) => ({ op: "path.symlink", at: "", link, target: `/dev/${name}`, requires, replace: 0 }));
  // devpts has instances: another ptmx than that of /dev/pts would open terminals of somebody else.
  ops.push({ op: "path.symlink", at: "", link: "pts/ptmx", target: "/dev/ptmx", requires: "", replace: 1 });
  return ops;
}
