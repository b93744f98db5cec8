// What a container's directory remembers of it (state.json), and its form on disk.
// The file is tsrun's own: engines read `tsrun state`, not this.
import type { CgroupRecord } from "../cgroup/driver.ts";
import type { RdtRecord } from "../cgroup/intel-rdt.ts";
import { check } from "../errors.ts";
import type { Hook } from "../spec/config.ts";
import { sys } from "../sys.ts";

export interface StateRecord {
  readonly id: string;
  readonly ociVersion: string;
  /** The container process (init), as the runtime sees it. */
  readonly pid: number;
  /** Start time of that process in clock ticks since boot (field 22 of /proc/PID/stat): pids are used again. */
  readonly pidStart: string;
  /** Hooks of create are still to run. */
  readonly creating?: true;
  readonly bundle: string;
  /** The runtime has made the bundle itself (run --image), and removes it with the container. */
  readonly ownBundle?: true;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly cgroup: CgroupRecord;
  /** Created with --no-new-keyring: an exec keeps its caller's keyring as well. */
  readonly noNewKeyring?: true;
  /** Its groups of resctrl, when it has any. */
  readonly rdt?: RdtRecord;
  /** Its mounts are in the runtime's mount namespace, below rootfs. */
  readonly hostMounts?: true;
  /** Has a pid namespace of its own: the death of its process is the death of all. */
  readonly ownPidNamespace: boolean;
  /** Index of the plan's first op after start.wait: what a failure record of start counts from. */
  readonly startOp: number;
  /** config.json has no process: start must fail (spec 3.14). */
  readonly noProcess?: true;
  /** The hooks that start and delete have to run; config.json may change after create (spec 3.08). */
  readonly poststart?: readonly Hook[];
  readonly poststop?: readonly Hook[];
}

/** Writes a file so that readers see the old text or the new one, never a part. */
export function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.new`;
  const written = sys.write_file(temporary, text, 0o1100, 0o600); // O_CREAT | O_TRUNC
  const renamed = written < 0 ? written : sys.rename(temporary, path);
  check(renamed, "write the file", path, written < 0 ? "open" : "rename");
}
