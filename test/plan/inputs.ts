// The fixed inputs of the golden plans: everything that compileCreate takes beside the config, and what some fixtures change in it.
import type { CgroupMount, CgroupView, MachineFacts, PlanOptions } from "../../src/plan/plan.ts";

const v1 = (name: string, ...controllers: string[]): CgroupMount => {
  return { name, controllers, hostPath: `/sys/fs/cgroup/${name}/pods/a`, mountpoint: `/sys/fs/cgroup/${name}` };
};

const V1: CgroupMount[] = [v1("systemd", "name=systemd"), v1("memory", "memory"), v1("cpu,cpuacct", "cpu", "cpuacct"), v1("pids", "pids")];

const CGROUPS = {
  v1: { layout: "v1", mounts: V1, joinFiles: 4 },
  hybrid: { layout: "hybrid", mounts: [...V1, v1("unified")], joinFiles: 5 },
  v2: { layout: "v2", mounts: [{ name: "", controllers: [], hostPath: "/sys/fs/cgroup/pods/a", mountpoint: "/sys/fs/cgroup" }], joinFiles: 0 },
  none: { layout: "none", mounts: [], joinFiles: 0 },
} as const satisfies Record<string, CgroupView>;

export const FACTS: MachineFacts = { euid: 0, egid: 0, lastCap: 40, grantable: 2 ** 41 - 1 };

export const OPTIONS: PlanOptions = {
  id: "c1",
  bundle: "/bundle",
  rootfs: "/bundle/rootfs",
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  startWait: true,
  hookState: { creating: ['{"status":"creating","pid":', "}"], created: ['{"status":"created","pid":', "}"] },
  extraEnv: [],
  setgroups: true,
};

export interface Inputs {
  readonly cgroup: CgroupView;
  readonly facts: MachineFacts;
  readonly options: PlanOptions;
}

interface Changes {
  readonly cgroup?: keyof typeof CGROUPS;
  readonly facts?: Partial<MachineFacts>;
  readonly options?: Partial<PlanOptions>;
}

/** By fixture name; all others run as root on a v2 machine. */
const CHANGES: Readonly<Record<string, Changes>> = {
  "apparmor-confined": { facts: { confined: true } },
  "capabilities-not-granted": { facts: { lastCap: 37 } },
  "cgroup-hybrid-rw": { cgroup: "hybrid" },
  "cgroup-none": { cgroup: "none" },
  "cgroup-v1": { cgroup: "v1" },
  "cgroup-v1-namespace": { cgroup: "hybrid" },
  "engine-docker": { cgroup: "v1", options: { rootfs: "/var/lib/engine/overlay/c1/merged" } },
  nested: { facts: { inUserNamespace: true } },
  "no-pivot": { options: { noPivot: true, noNewKeyring: true } },
  rootless: { cgroup: "none", facts: { euid: 1000, egid: 1000 }, options: { setgroups: false } },
  "run-notify": {
    options: { startWait: false, preserveFds: 2, extraEnv: ["LISTEN_FDS=2", "NOTIFY_SOCKET=/run/notify/notify.sock"], notifyDir: "/run/tsrun/c1/notify" },
  },
};

export function inputsFor(name: string): Inputs {
  const changes = CHANGES[name] ?? {};
  return { cgroup: CGROUPS[changes.cgroup ?? "v2"], facts: { ...FACTS, ...changes.facts }, options: { ...OPTIONS, ...changes.options } };
}
