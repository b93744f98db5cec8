// SCHED_DEADLINE with startContainer hooks: a process with a deadline may not fork, so that it gets the deadline after them.
import { expect } from "bun:test";
import { bundle, probe } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { facts } from "../helpers/container.ts";
import { oracle, spec } from "../helpers/spec.ts";

const TEN_MS = 10_000_000;
const deadline: JsonObject = {
  process: { scheduler: { policy: "SCHED_DEADLINE", runtime: TEN_MS, deadline: 2 * TEN_MS, period: 3 * TEN_MS } },
  hooks: { startContainer: [{ path: "/probe", args: ["probe", "sched"] }] },
};
const FILTERS: Readonly<Record<string, JsonObject>> = {
  "no filter": {},
  "a filter": { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } },
  "a filter, without no_new_privs": { process: { noNewPrivileges: false }, linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } },
};

for (const [name, patch] of Object.entries(FILTERS))
  spec(`7.10 4.09 a deadline and a startContainer hook, with ${name}`, oracle({ runc: "1.1 knows no scheduler", crun: "1.8 knows no scheduler" }), async () => {
    for (const user of [
      { uid: 0, gid: 0 },
      { uid: 1000, gid: 1000 },
    ]) {
      const f = await facts(bundle(probe("sched", "caps"), deadline, { process: { user } }, patch));
      expect(f.get("sched")).toContain(`policy=6 flags=0 nice=0 priority=0 runtime=${TEN_MS} deadline=${2 * TEN_MS} period=${3 * TEN_MS}`);
      // Nothing of what it took is left.
      const plain = await facts(bundle(probe("caps"), { process: { user } }, patch));
      for (const set of ["effective", "permitted", "inheritable", "bounding", "ambient"]) expect(f.get(`caps.${set}`)).toBe(plain.get(`caps.${set}`));
    }
  });
