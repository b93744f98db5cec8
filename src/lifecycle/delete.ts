// delete: remove what create built (runtime-spec, "Delete").
import { openCgroup } from "../cgroup/existing.ts";
import { StateError } from "../errors.ts";
import { directoryOf, doesNotExist, find, lockOf, remove } from "../state/store.ts";
import { destroy, endProcess } from "./destroy.ts";
import { currentStatus } from "./query.ts";

/** A `created` container is deleted as well, as engines expect of runc (docs/compat.md); a running one only by force. */
export function deleteContainer(root: string, id: string, force: boolean): void {
  const found = find(root, id);
  if (found === undefined) {
    if (!force) throw doesNotExist(id);
    // A create that was killed half way leaves a directory without a record.
    remove(directoryOf(root, id));
    return;
  }
  // A start has the lock for as long as a hook in the container hangs: it ends with the process.
  if (force) endProcess(found, openCgroup(found.cgroup));
  const locked = lockOf(root, found);
  if (locked === undefined) {
    if (!force) throw doesNotExist(id);
    return;
  }
  const { record, held } = locked;
  const status = currentStatus(root, record);
  if (!force && status !== "stopped" && status !== "created") {
    throw new StateError("TS4004", `cannot delete container "${id}" that is not stopped: ${status}`, { hint: 'stop it with "tsrun kill", or use --force' });
  }
  destroy(root, record, held);
}
