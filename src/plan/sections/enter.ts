// exec: from the caller's cgroup and namespaces into those of a container that is there.
import type { ExecCPUAffinity } from "../../spec/config.ts";
import { maskWords } from "../../spec/number-list.ts";
import { type Context, refuse, setgroupsMode } from "../context.ts";
import { CLONE } from "../kernel-flags.ts";
import type { Op } from "../op-table.ts";

import { apparmorOps } from "./apparmor.ts";
import { HIDE } from "./idmap.ts";
import { receiveFilterOps } from "./seccomp.ts";
import { keyLabelOps, selinuxOps } from "./selinux.ts";

const AT_AFFINITY = "/process/execCPUAffinity";

/** In the order in which the parent sends: the cgroup's files, the seccomp filter, a pidfd of the container, its root directory. */
export function enterOps(context: Context): Op[] {
  const { cgroup, namespaces } = context;
  const { execCPUAffinity = {} } = context.config.process ?? {};
  const ops: Op[] = [
    // While /dev/null is the host's.
    { op: "null.open", at: "" },
    // `initial` counts outside of the container's cgroup, `final` in it (spec 7.12).
    ...affinityOps("initial", execCPUAffinity),
    { op: "cgroup.join", at: "/linux/cgroupsPath", count: cgroup.joinFiles },
    ...affinityOps("final", execCPUAffinity),
    ...receiveFilterOps(context),
    ...apparmorOps(context),
    ...selinuxOps(context),
    ...keyLabelOps(context),
    // Before anything in the container can see init.
    HIDE,
  ];
  const flags = namespaceFlags(context);
  if (flags !== 0) ops.push({ op: "ns.enter", at: "/linux/namespaces", flags });
  // By a change of ids a process may become visible (proc(5), fs.suid_dumpable).
  if (namespaces.user !== undefined) ops.push({ op: "user.become_root", at: namespaces.user.at, setgroups: setgroupsMode(context) }, HIDE);
  if (namespaces.mount === undefined) ops.push({ op: "root.enter", at: "/root/path" });
  // A pid namespace takes in only children.
  if (namespaces.pid !== undefined) ops.push({ op: "init.fork", at: namespaces.pid.at, flags: 0 });
  return ops;
}

/** Made or joined by the container's process: in each case it is in them. */
function namespaceFlags({ namespaces }: Context): number {
  let flags = 0;
  for (const type of Object.keys(namespaces) as (keyof typeof namespaces)[]) flags += CLONE[type];
  return flags;
}

function affinityOps(name: "initial" | "final", affinity: ExecCPUAffinity): Op[] {
  const list = affinity[name]?.trim() ?? "";
  if (list === "") return [];
  const at = `${AT_AFFINITY}/${name}`;
  return [{ op: "affinity.set", at, words: maskWords(list) ?? refuse(at, `"${list}" is not a list of processors`) }];
}
