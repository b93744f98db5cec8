// delete: remove what create built (runtime-spec, "Delete").
import { StateError } from "../errors.ts";
import { directoryOf, doesNotExist, find, lock, remove } from "../state/store.ts";
import { destroy } from "./destroy.ts";
import { currentStatus } from "./query.ts";

/** A `created` container is deleted as well, as engines expect of runc (docs/compat.md); a running one only by force. */
export function deleteContainer(root: string, id: string, force: boolean): void {
  const record = find(root, id);
  if (record === undefined) {
    if (!force) throw doesNotExist(id);
    // A create that was killed half way leaves a directory without a record.
    remove(directoryOf(root, id));
    return;
  }
  lock(root, id);
  const status = currentStatus(root, record);
  if (!force && status !== "stopped" && status !== "created") {
    throw new StateError("TS4004", `cannot delete container "${id}" that is not stopped: ${status}`, { hint: 'stop it with "tsrun kill", or use --force' });
  }
  destroy(root, record);
}
