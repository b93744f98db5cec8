// root, linux.rootfsPropagation -> the root mount before the mounts are made in it, the move into it, and its last changes.
import { type Context, canMount, isNew, pointerIf, refuse } from "../context.ts";
import { MS, PROPAGATION } from "../kernel-flags.ts";
import type { Op } from "../op-table.ts";
import { lateReadonlyMounts } from "./mounts.ts";
import { readonlyMount } from "./readonly-mount.ts";

const AT_PROPAGATION = "/linux/rootfsPropagation";

/** The root fd: everything below a container path is resolved under it from here on. */
export function rootOps(context: Context): Op[] {
  const { config, options } = context;
  const ops: Op[] = [];
  if (isNew(context, "mount")) {
    ops.push({ op: "mountns.propagation", at: pointerIf(config.linux?.rootfsPropagation, AT_PROPAGATION), flags: namespacePropagation(context) });
  }
  ops.push({ op: rootOp(context), at: "/root/path", source: options.rootfs });
  return ops;
}

function rootOp(context: Context): "root.bind" | "root.follow" | "root.open" {
  if (!canMount(context)) return "root.open";
  // In a namespace that is joined mounts may be shared: there it is cut off, as always.
  const word = context.config.linux?.rootfsPropagation;
  return isNew(context, "mount") && (word === "slave" || word === "rslave") ? "root.follow" : "root.bind";
}

/**
 * What happens to the mounts that were copied from the runtime. They are never left in the host's peer groups, except when the
 * config asks for `shared`: only so can a bind mount with rshared hand the container's mounts to the host.
 */
function namespacePropagation(context: Context): number {
  switch (context.config.linux?.rootfsPropagation) {
    case "shared":
      return MS.SHARED;
    case "rshared":
      return MS.SHARED | MS.REC;
    // unbindable would forbid to bind the rootfs itself: it is set on the container's root afterwards.
    case "private":
    case "rprivate":
    case "unbindable":
    case "runbindable":
      return MS.PRIVATE | MS.REC;
    default:
      return MS.SLAVE | MS.REC;
  }
}

/** Into the new root. Its own propagation comes after that, when it is the container's / and no longer below a host mount. */
export function enterRootOps(context: Context): Op[] {
  const ops: Op[] = [{ op: "null.open", at: "" }];
  if (!isNew(context, "mount")) ops.push({ op: "root.chroot", at: "/root/path" });
  else if (context.options.noPivot) ops.push({ op: "root.move", at: "/root/path" });
  else ops.push({ op: "root.pivot", at: "/root/path" });
  const word = context.config.linux?.rootfsPropagation;
  if (word !== undefined && word !== "") {
    if (!canMount(context)) refuse(AT_PROPAGATION, "needs a mount namespace");
    const flags = Object.hasOwn(PROPAGATION, word) ? PROPAGATION[word] : undefined;
    if (flags === undefined) refuse(AT_PROPAGATION, `unknown propagation ${word}`);
    ops.push({ op: "root.propagation", at: AT_PROPAGATION, flags });
  }
  return ops;
}

/** Mounts that stayed writable while mount points, devices and the working directory were made in them; the root comes last. */
export function readonlyOps(context: Context): Op[] {
  const ops = lateReadonlyMounts(context).map(({ at, target }) => readonlyMount(at, target));
  if (context.config.root?.readonly === true) {
    if (!canMount(context)) refuse("/root/readonly", "needs a mount namespace");
    ops.push({ op: "root.readonly", at: "/root/readonly" });
  }
  return ops;
}
