// mounts -> one op each, in their order; the cgroup mounts are a section of their own.
import { type Context, canMount, impossible, type ParsedMount, refuse } from "../context.ts";
import { ATTR, MS } from "../kernel-flags.ts";
import { type Op, SYNC_POINTS } from "../op-table.ts";
import { cleanPath, hostPath, isWithin } from "../paths.ts";
import { cgroupMountOps, joinCgroupOps } from "./cgroup-mount.ts";
import { labelledData, rootLabel } from "./mount-label.ts";

/** The mode of a tmpfs whose options name none, when there is no directory to take it from: the kernel's own default. */
const TMPFS_MODE = 0o1777;
/** Of fsconfig(2), with the NUL that ends it 256. */
const MAX_WORD = 255;

/** Init joins its cgroups before the first mount that shows them, and no sooner: the parent makes them and writes the limits meanwhile. */
export function mountOps(context: Context): Op[] {
  // Without a mount namespace they are made in the runtime's, as in runc: everybody there sees them until delete takes them away.
  if (context.mounts.length > 0 && !canMount(context)) context.warnings.push("/mounts: without a mount namespace the mounts are made in the host's");
  const ops: Op[] = [];
  let joined = false;
  for (const mount of context.mounts) {
    if (!joined && showsCgroups(mount)) {
      ops.push(...joinCgroupOps(context));
      joined = true;
    }
    ops.push(...opsOf(context, mount));
  }
  return ops;
}

/** Joining the cgroups, when no mount did it sooner. */
export function lateCgroupOps(context: Context): Op[] {
  return context.mounts.some(showsCgroups) ? [] : joinCgroupOps(context);
}

function showsCgroups({ entry, options }: ParsedMount): boolean {
  return !options.bind && (entry.type === "cgroup" || entry.type === "cgroup2");
}

function opsOf(context: Context, mount: ParsedMount): Op[] {
  const { entry, options } = mount;
  if (isIdmapped(mount)) refuseUnmappable(mount);
  if (options.remount) return [remountOp(mount)];
  if (options.bind) return [bindOp(context, mount)];
  if (entry.type === "cgroup") return cgroupMountOps(context, mount);
  if (isPropagationOnly(mount)) return [{ op: "mount.propagation", at: mount.at, target: mount.target, propagation: options.propagation }];
  return [filesystemOp(context, mount)];
}

/** By its words or by its mappings; the parent gives it the mapping, since only that has the rights (spec 6.07, 6.08). */
export function isIdmapped({ entry, options }: ParsedMount): boolean {
  return options.idmap !== "" || entry.uidMappings !== undefined || entry.gidMappings !== undefined;
}

/** The kernel maps a mount before anybody can see it, or not at all. What a filesystem cannot, the kernel says. */
function refuseUnmappable(mount: ParsedMount): void {
  const { at, options } = mount;
  const elsewhere = "give the mapping to the entry that makes the mount";
  if (options.remount || isPropagationOnly(mount)) impossible(at, "a mount that is there already cannot be id-mapped", elsewhere);
  if (options.bind) return;
  if (showsCgroups(mount)) impossible(at, "a mount of cgroups cannot be id-mapped", "the kernel has no id-mapped mounts of this filesystem");
  if (isWhole(mount)) impossible(at, "iversion, long options and backslashes do not go with an id-mapped mount", "leave them out");
}

/**
 * What only mount(2) takes, and fsconfig(2) does not: iversion, words of more than 255 bytes, and commas that are escaped by a backslash
 * (paths of an overlay). The mount is visible at once then.
 */
function isWhole({ entry, options }: ParsedMount): boolean {
  return (options.flags & MS.I_VERSION) !== 0 || [entry.source ?? "", ...options.data].some((word) => word.includes("\\") || isLong(word));
}

/** In UTF-8 a unit of UTF-16 has three bytes at most. */
function isLong(word: string): boolean {
  return word.length > MAX_WORD || (word.length * 3 > MAX_WORD && /[^ -~]/.test(word));
}

/** A new filesystem has the mapping of the user namespace in which init mounts it, the container's: another one is the parent's to give. */
function mappingPoint({ entry }: ParsedMount): number {
  return entry.uidMappings === undefined ? 0 : SYNC_POINTS.mount;
}

function remountOp({ target, options, at }: ParsedMount): Op {
  return {
    op: "mount.remount",
    at,
    target,
    bind: options.bind ? 1 : 0,
    flags: options.bind ? 0 : options.flags,
    attrSet: options.attrSet,
    attrClear: options.attrClear,
    recAttrSet: options.recAttrSet,
    recAttrClear: options.recAttrClear,
    data: options.bind ? "" : [...options.data, ...offWords(options.flagsClear)].join(","),
    propagation: options.propagation,
  };
}

/** A filesystem that is there has flags that only a word switches off; read-only is an argument of its own. */
function offWords(flags: number): string[] {
  const words: readonly (readonly [number, string])[] = [
    [MS.SYNCHRONOUS, "async"],
    [MS.LAZYTIME, "nolazytime"],
    [MS.MANDLOCK, "nomand"],
  ];
  return words.flatMap(([flag, word]) => (flags & flag ? [word] : []));
}

function bindOp(context: Context, mount: ParsedMount): Op {
  const { entry, options, at } = mount;
  if (entry.source === undefined || entry.source === "") refuse(`${at}/source`, "a bind mount needs a source");
  if (options.data.length > 0) context.warnings.push(`${at}/options: a bind mount takes no filesystem options: ${options.data.join(",")}`);
  return {
    op: "mount.bind",
    at,
    source: hostPath(entry.source, context.options.bundle),
    given: isIdmapped(mount) ? 1 : 0,
    target: mount.target,
    recursive: options.recursive ? 1 : 0,
    attrSet: options.attrSet,
    attrClear: options.attrClear,
    recAttrSet: options.recAttrSet,
    recAttrClear: options.recAttrClear,
    propagation: options.propagation,
  };
}

/** `mount --make-rshared` and the like: words of propagation, and no other that would be passed over. */
function isPropagationOnly({ entry, options }: ParsedMount): boolean {
  const nothing = entry.type === undefined || entry.type === "" || entry.type === "none";
  return nothing && options.propagation.length > 0 && options.data.length === 0 && (options.flags | options.attrSet | options.attrClear) === 0;
}

function filesystemOp(context: Context, mount: ParsedMount): Op {
  const { entry, options } = mount;
  const type = entry.type ?? "";
  const late = isLateReadonly(mount);
  const ownMode = type === "tmpfs" && !options.data.some((word) => word.startsWith("mode="));
  return {
    op: "mount.fs",
    at: mount.at,
    source: entry.source ?? "",
    target: mount.target,
    type,
    flags: late ? options.flags & ~MS.RDONLY : options.flags,
    attrSet: late ? options.attrSet & ~ATTR.RDONLY : options.attrSet,
    data: labelledData(context, type, options.data),
    propagation: options.propagation,
    copyUp: options.copyUp && type === "tmpfs" ? 1 : 0,
    mode: ownMode ? TMPFS_MODE : -1,
    rootLabel: rootLabel(context, type),
    idmap: mappingPoint(mount),
    whole: isWhole(mount) ? 1 : 0,
  };
}

/** The mounts that become read-only at the end, as far as the end shows them: nothing that comes later covers them, or makes them writable again. */
export function lateReadonlyMounts({ mounts }: Context): ParsedMount[] {
  return mounts.filter((mount, index) => isLateReadonly(mount) && !mounts.slice(index + 1).some((later) => covers(later, mount)));
}

function covers(later: ParsedMount, mount: ParsedMount): boolean {
  const [over, target] = [cleanPath(later.target), cleanPath(mount.target)];
  if (later.options.remount) return over === target && (later.options.attrClear & ATTR.RDONLY) !== 0;
  return !isPropagationOnly(later) && isWithin(target, over);
}

/** Read-only only at the end: later mounts and devices need their mount points made in it. */
function isLateReadonly({ entry, target, options }: ParsedMount): boolean {
  if (!options.readonly || options.bind || options.remount) return false;
  return entry.type === "tmpfs" || cleanPath(target) === "/dev";
}
