// Why start failed.
import type { TsrunError } from "../errors.ts";
import type { InitFailure } from "../native/events.ts";
import type { Op } from "../plan/op-table.ts";
import type { Config } from "../spec/config.ts";
import type { StateRecord } from "../state/record.ts";
import { hookLogPath } from "../state/status.ts";
import { directoryOf } from "../state/store.ts";
import { readContainerConfig } from "./container-config.ts";
import { stepError } from "./step-error.ts";

/** The plan is gone with create; what can fail in start is known from the container's copy of config.json. */
export function startError(root: string, record: StateRecord, failure: InitFailure): TsrunError {
  const directory = directoryOf(root, record.id);
  const { config, path, text } = readContainerConfig(directory, record);
  const error = stepError(opsOfStart(config)[failure.op - record.startOp], failure, hookLogPath(directory));
  error.document = { path, text };
  return error;
}

/** In the plan's order: the startContainer hooks, then the program. */
function opsOfStart(config: Config): Op[] {
  const hooks = (config.hooks?.startContainer ?? []).map(
    (hook, index): Op => ({
      op: "hook.run",
      at: `/hooks/startContainer/${index}`,
      path: hook.path,
      args: [],
      env: [],
      timeoutMs: (hook.timeout ?? 0) * 1000,
      stateBefore: "",
      stateAfter: "",
    }),
  );
  return [...hooks, { op: "exec.run", at: "/process/args/0", args: config.process?.args ?? [], env: [] }];
}
