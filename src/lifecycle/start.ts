// start: let a created container run its program (runtime-spec, "Start").
import { check, StateError } from "../errors.ts";
import { nextEvent } from "../native/events.ts";
import type { StateRecord } from "../state/record.ts";
import { isAlive, startSocketPath } from "../state/status.ts";
import { directoryOf, load, lock } from "../state/store.ts";
import { sys } from "../sys.ts";
import { readContainerConfig } from "./container-config.ts";
import { destroy } from "./destroy.ts";
import { runHooks, stateOf } from "./hooks.ts";
import { listenNotify, managerSocket, passReadiness } from "./notify.ts";
import { currentStatus } from "./query.ts";
import { startError } from "./start-error.ts";

const SEQPACKET = 1;

export function startContainer(root: string, id: string): void {
  const held = lock(root, id);
  const record = load(root, id);
  const status = currentStatus(root, record);
  if (status !== "created") {
    throw new StateError("TS4004", `cannot start a container that is ${status}: "${id}"`, {
      hint: status === "stopped" ? "its program has ended; delete it and create it again" : "only a created container can be started",
    });
  }
  if (record.noProcess) throw new StateError("TS4006", `cannot start "${id}": its config.json has no process`);
  const manager = managerSocket();
  const directory = directoryOf(root, id);
  const notify = manager === undefined ? -1 : listenNotify(directory, readContainerConfig(directory, record).config);
  letGo(root, record);
  try {
    runHooks("poststart", record.poststart, stateOf(record, "running", record.pid));
  } catch (error) {
    destroy(root, record);
    throw error;
  }
  sys.close(held);
  if (manager !== undefined) passReadiness(notify, manager, record.pid, () => isAlive(record));
}

/** Returns when the program was executed; its failure, or a startContainer hook's, destroys the container (spec 3.15). */
function letGo(root: string, record: StateRecord): void {
  const path = startSocketPath(directoryOf(root, record.id));
  const socket = check(sys.connect(path, SEQPACKET), "reach the container's init", path, "connect");
  check(sys.send_text(socket, "start"), "start the container", record.id, "sendmsg");
  const event = nextEvent(socket);
  sys.close(socket);
  sys.unlink(path);
  if (event.kind !== "fail") return;
  const error = startError(root, record, event);
  destroy(root, record);
  throw error;
}
