// Writes the id mappings of a new user namespace, at init's first sync point (user_namespaces(7)).
// Root writes the files itself; others may map their own id alone, and need newuidmap and newgidmap for more.
import { SystemError } from "../errors.ts";
import type { MachineFacts } from "../plan/plan.ts";
import type { IdMapping } from "../spec/config.ts";
import { sys } from "../sys.ts";

const HELPER_TIMEOUT_MS = 10_000;
const OUTPUT_TAIL = 1000;
const ENOENT = 2;

export interface Mappings {
  readonly uid: readonly IdMapping[];
  readonly gid: readonly IdMapping[];
}

/** An unprivileged caller that maps only itself must give up setgroups(2) (CVE-2014-8989). */
function needsSetgroupsDenied(mappings: Mappings, euid: number, egid: number): boolean {
  return euid !== 0 && isOwnIdOnly(mappings.gid, egid);
}

/** May setgroups(2) be called in a new user namespace? What is denied to the caller stays so in every namespace below. */
export function maySetGroups(mappings: Mappings, { euid, egid, inUserNamespace }: MachineFacts): boolean {
  if (needsSetgroupsDenied(mappings, euid, egid)) return false;
  return inUserNamespace !== true || !String(sys.read_lossy("/proc/self/setgroups")).startsWith("deny");
}

export function writeMappings(pid: number, mappings: Mappings, euid: number, egid: number): void {
  if (needsSetgroupsDenied(mappings, euid, egid)) writeProc(pid, "setgroups", "deny", "/linux/gidMappings");
  mapIds(pid, "uid", mappings.uid, euid === 0 || isOwnIdOnly(mappings.uid, euid));
  mapIds(pid, "gid", mappings.gid, euid === 0 || isOwnIdOnly(mappings.gid, egid));
}

function isOwnIdOnly(mappings: readonly IdMapping[], own: number): boolean {
  return mappings.length === 1 && mappings[0]?.size === 1 && mappings[0].hostID === own;
}

function mapIds(pid: number, kind: "uid" | "gid", mappings: readonly IdMapping[], direct: boolean): void {
  const pointer = `/linux/${kind}Mappings`;
  if (direct) {
    let text = "";
    for (const map of mappings) text += `${map.containerID} ${map.hostID} ${map.size}\n`;
    writeProc(pid, `${kind}_map`, text, pointer);
    return;
  }
  const program = `/usr/bin/new${kind}map`;
  const args = [program, String(pid), ...mappings.flatMap((map) => [String(map.containerID), String(map.hostID), String(map.size)])];
  const output = sys.run_program(program, `${args.join("\0")}\0`, "", "", HELPER_TIMEOUT_MS, OUTPUT_TAIL);
  const hint = `an unprivileged user needs ${program} (package uidmap) and a range in /etc/sub${kind}`;
  if (typeof output === "number")
    throw new SystemError(`map the container's ${kind}s`, program, "execve", output === -ENOENT ? ENOENT : -output, { pointer, hint });
  if (sys.out(0) !== 0) throw new SystemError(`map the container's ${kind}s (${output.trim()})`, program, "write", 1, { pointer, hint });
}

function writeProc(pid: number, file: string, text: string, pointer: string): void {
  const path = `/proc/${pid}/${file}`;
  const written = sys.write_file(path, text, 0, 0);
  if (written < 0)
    throw new SystemError("write the id mapping", path, "write", -written, {
      pointer,
      hint: "mappings must not overlap, and must lie inside of the caller's own",
    });
}
