// Why start failed.
import type { TsrunError } from "../errors.ts";
import { readFacts } from "../machine/facts.ts";
import type { InitFailure } from "../native/events.ts";
import { compileCreate } from "../plan/compile.ts";
import type { Op } from "../plan/op-table.ts";
import type { Config } from "../spec/config.ts";
import type { StateRecord } from "../state/record.ts";
import { hookLogPath } from "../state/status.ts";
import { directoryOf } from "../state/store.ts";
import { readContainerConfig } from "./container-config.ts";
import { stepError } from "./step-error.ts";

/** The plan is gone with create: its end is compiled again, from the container's copy of config.json. */
export function startError(root: string, record: StateRecord, failure: InitFailure): TsrunError {
  const directory = directoryOf(root, record.id);
  const { config, path, text } = readContainerConfig(directory, record);
  const error = stepError(opsOfStart(config, record)[failure.op - record.startOp], failure, hookLogPath(directory));
  error.document = { path, text };
  return error;
}

/** The same sections make the same ops. What only the others depend on does not matter. */
function opsOfStart(config: Config, { id, bundle, rootfs, cgroup }: StateRecord): Op[] {
  const { ops } = compileCreate(config, { layout: cgroup.layout, mounts: [], joinFiles: 0 }, readFacts(), {
    id,
    bundle,
    rootfs,
    noPivot: false,
    noNewKeyring: true,
    preserveFds: 0,
    startWait: true,
    hookState: { creating: ["", ""], created: ["", ""] },
    extraEnv: [],
    setgroups: true,
  });
  return ops.slice(ops.findIndex(({ op }) => op === "start.wait") + 1);
}
