// update --l3-cache-schema, --mem-bw-schema: other limits for the class of service of a container that is there.
import { check } from "../errors.ts";
import { sys } from "../sys.ts";
import { EEXIST, readOrThrow, writeError, writeFile } from "./files.ts";
import { type RdtRecord, removeRdt, writeSchemata } from "./intel-rdt.ts";

const ESRCH = 3;
/** A container that forks while it is moved: the children of what was moved are in the class already. */
const ROUNDS = 20;

export interface RdtUpdate {
  readonly record: RdtRecord;
  /** Makes the class what it was, for when another limit cannot be set. */
  readonly undo: () => void;
}

/**
 * `lines`: of schemata. `present`: the container's groups; without any it gets a class of its own below `root`, as if config.json had
 * an empty intelRdt. `processes`: those of the container.
 */
export function updateRdt(lines: readonly string[], present: RdtRecord | undefined, root: () => string, id: string, processes: () => number[]): RdtUpdate {
  const [own] = present?.groups ?? [];
  if (present !== undefined && own !== undefined) {
    const before = readOrThrow(`${own}/schemata`);
    writeSchemata(own, lines);
    return { record: present, undo: () => writeFile(`${own}/schemata`, `${before}\n`) };
  }
  const group = `${root()}/${id}`;
  const result = sys.mkdir(group, 0o755);
  if (result !== -EEXIST) check(result, "make the class of service", group, "mkdir");
  const record = { groups: [group], made: result < 0 ? [] : [group] };
  // The kernel puts what is in a class that is removed back into the root class.
  const undo = () => removeRdt(record);
  try {
    writeSchemata(group, lines);
    moveThreads(group, processes);
    return { record, undo };
  } catch (error) {
    undo();
    throw error;
  }
}

/** resctrl counts threads, not processes. */
function moveThreads(group: string, processes: () => number[]): void {
  const moved = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const fresh = processes()
      .flatMap(threadsOf)
      .filter((thread) => !moved.has(thread));
    if (fresh.length === 0) return;
    for (const thread of fresh) {
      const path = `${group}/tasks`;
      const result = writeFile(path, thread);
      if (result < 0 && result !== -ESRCH) throw writeError(path, thread, result, undefined);
      moved.add(thread);
    }
  }
}

function threadsOf(pid: number): string[] {
  const names = sys.read_dir(`/proc/${pid}/task`);
  return typeof names === "number" ? [] : names.split("\0").filter((name) => name !== "");
}
