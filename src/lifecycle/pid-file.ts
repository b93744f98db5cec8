// --pid-file: the process of a container or exec, for whoever called us.
import { writeAtomically } from "../state/record.ts";
import { sys } from "../sys.ts";
import type { Undo } from "./undo.ts";

/** Of a command that fails afterwards nobody must read it. */
export function writePidFile(path: string, pid: number, undo: Undo): void {
  writeAtomically(path, String(pid));
  undo.add("pid file", () => sys.unlink(path));
}
