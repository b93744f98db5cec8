// start: let a created container run its program (runtime-spec, "Start").
import { check, StateError } from "../errors.ts";
import { type InitEvent, nextEvent } from "../native/events.ts";
import type { StateRecord } from "../state/record.ts";
import { isAlive, startSocketPath } from "../state/status.ts";
import { directoryOf, load, lock } from "../state/store.ts";
import { sys } from "../sys.ts";
import { readContainerConfig } from "./container-config.ts";
import { destroy, destroyIfThere } from "./destroy.ts";
import { runHooks, stateOf } from "./hooks.ts";
import { listenNotify, managerSocket, passReadiness } from "./notify.ts";
import { currentStatus } from "./query.ts";
import { startError } from "./start-error.ts";
import { initLost } from "./step-error.ts";

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
  letGo(root, record, held);
  // The hooks may use the runtime on their container, and nobody has to wait for them to delete it.
  sys.close(held);
  try {
    runHooks("poststart", record.poststart, stateOf(record, "running", record.pid));
  } catch (error) {
    destroyIfThere(root, record);
    throw error;
  }
  if (manager !== undefined) passReadiness(notify, manager, record.pid, () => isAlive(record));
}

/** What init said last: "ready" when the program was executed, or why it was not. Without an answer start has failed. */
function lastEvent(socket: number, giveUp: () => void): InitEvent {
  try {
    for (let last: InitEvent = { kind: "end" }; ; ) {
      const event = nextEvent(socket);
      if (event.kind === "end") return last;
      if (event.kind === "fail") return event;
      last = event;
    }
  } catch (error) {
    giveUp();
    throw error;
  }
}

/** Returns when the program was executed; its failure, or a startContainer hook's, destroys the container (spec 3.15). */
function letGo(root: string, record: StateRecord, held: number): void {
  const path = startSocketPath(directoryOf(root, record.id));
  const socket = check(sys.connect(path, SEQPACKET), "reach the container's init", path, "connect");
  check(sys.send_text(socket, "start"), "start the container", record.id, "sendmsg");
  const event = lastEvent(socket, () => destroy(root, record, held));
  sys.close(socket);
  sys.unlink(path);
  if (event.kind === "ready") return;
  const error = event.kind === "fail" ? startError(root, record, event) : initLost();
  destroy(root, record, held);
  throw error;
}
