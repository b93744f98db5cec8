// config.json -> plan: the tables of contents of a container and of an exec. The order of the sections is the order of what init does.
import type { Config } from "../spec/config.ts";
import { type Context, canMount, makeContext } from "./context.ts";
import type { Op } from "./op-table.ts";
import type { CgroupView, MachineFacts, Plan, PlanOptions } from "./plan.ts";
import { apparmorOps } from "./sections/apparmor.ts";
import { credentialOps, programMasks, SYS_ADMIN, SYS_NICE, withPermitted } from "./sections/capabilities.ts";
import { deviceLinkOps, deviceOps } from "./sections/devices.ts";
import { enterOps } from "./sections/enter.ts";
import { homeOps } from "./sections/env.ts";
import { createHookOps, startHookOps } from "./sections/hooks.ts";
import { hostNameOps, loopbackOps } from "./sections/host-name.ts";
import { lateCgroupOps, mountOps } from "./sections/mounts.ts";
import { startNamespaces } from "./sections/namespaces.ts";
import { notifyOps } from "./sections/notify.ts";
import { hiddenPathOps } from "./sections/paths.ts";
import { detachOps, enterCwdOps, execOps, isScheduledLate, lateSchedulerOps, lookupOps, makeCwdOps, schedulingOps } from "./sections/process.ts";
import { rlimitOps } from "./sections/rlimits.ts";
import { enterRootOps, readonlyOps, rootOps } from "./sections/rootfs.ts";
import { loadFilterOps, needsSysAdmin, receiveFilterOps } from "./sections/seccomp.ts";
import { endKeyLabelOps, keyLabelOps, selinuxOps } from "./sections/selinux.ts";
import { sysctlOps } from "./sections/sysctl.ts";
import { terminalOps } from "./sections/terminal.ts";

/** The plan of `create` and `run`: pure, so the same inputs always give the same plan. */
export function compileCreate(config: Config, cgroup: CgroupView, facts: MachineFacts, options: PlanOptions): Plan {
  const context = makeContext(config, cgroup, facts, options);
  const start = startNamespaces(context);
  const ops: Op[] = [
    // Everything below is to happen inside of them, and as their root.
    ...start.ops,
    // Nothing of the caller may show in the container.
    ...keyLabelOps(context),
    ...detachOps(context),
    ...endKeyLabelOps(context),
    // They need only the namespaces, and the parent has time to make cgroups meanwhile.
    ...hostNameOps(context),
    ...loopbackOps(context),
    // The root fd, under which all that follows is resolved.
    ...rootOps(context),
    // In the author's order; the mount of the cgroups waits for the parent.
    ...mountOps(context),
    ...notifyOps(context),
    // After the mounts, as /dev is one of them.
    ...deviceOps(context),
    ...deviceLinkOps(context),
    // Hooks must find the container in its cgroups.
    ...lateCgroupOps(context),
    ...receiveFilterOps(context),
    // Mounts done, not pivoted yet: createContainer hooks are looked up in the runtime's filesystem.
    ...createHookOps(context),
    // After the hooks: they may bring the network interface that a setting is for.
    ...sysctlOps(context),
    // After the hooks: what they mount is hidden as well.
    ...hiddenPathOps(context),
    ...apparmorOps(context),
    ...selinuxOps(context),
    // From here on / is the container's.
    ...enterRootOps(context),
    // Its pty is in the devpts of the container.
    ...terminalOps(context, canMount(context)),
    // The last things that write to the root filesystem are done.
    ...makeCwdOps(context),
    ...readonlyOps(context),
    ...processOps(context),
  ];
  return { cloneFlags: start.cloneFlags, ops, warnings: context.warnings };
}

/** The plan of `exec`: one more process in a container that is there. `config` is the container's, with the new process in it. */
export function compileExec(config: Config, cgroup: CgroupView, facts: MachineFacts, options: PlanOptions): Plan {
  // Hooks belong to the container's own process.
  const { hooks: _, ...rest } = config;
  const context = makeContext(rest, cgroup, facts, options);
  const ops: Op[] = [...enterOps(context), ...detachOps(context), ...terminalOps(context, false), ...processOps(context)];
  return { cloneFlags: 0, ops, warnings: context.warnings };
}

/** From root in the container to the program. Without `process` a container can be created, but never started (spec 3.14). */
function processOps(context: Context): Op[] {
  const { process } = context.config;
  const wait: Op[] = context.options.startWait ? [{ op: "start.wait", at: "" }] : [];
  if (process === undefined) return wait;
  const cwd = enterCwdOps(process);
  const masks = programMasks(context, process);
  const isLate = isScheduledLate(context, process);
  const nice = isLate ? SYS_NICE : 0;
  const filter = loadFilterOps(context, process, masks, nice);
  const admin = needsSysAdmin(context, process) ? SYS_ADMIN : 0;
  return [
    // While init may still raise limits and priorities.
    ...rlimitOps(process),
    ...schedulingOps(context, process),
    ...homeOps(context, process),
    ...cwd.asRoot,
    // The privileges go, in the one order that the kernel allows.
    ...credentialOps(context, process, { masks, keep: admin + nice, enterCwd: cwd.asUser }),
    // As the user, with the user's rights, and nothing open that the container must not have.
    ...lookupOps(context, process),
    ...filter.beforeStart,
    ...wait,
    ...startHookOps(context),
    ...(isLate ? lateSchedulerOps(context, process, withPermitted(masks, context, filter.last.length > 0 ? admin : 0)) : []),
    ...filter.last,
    ...execOps(context, process),
  ];
}
