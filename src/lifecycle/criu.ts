// CRIU (criu.org) as a program: what tsrun tells it of a container, and its log when it fails.
import { StateError, SystemError } from "../errors.ts";
import type { Config } from "../spec/config.ts";
import { O_PATH, sys } from "../sys.ts";

/** Fixed places: what PATH names could be anything. */
const PROGRAMS = ["/usr/sbin/criu", "/usr/local/sbin/criu", "/sbin/criu", "/usr/bin/criu"] as const;
const OWN_STREAMS = -1;
const LOG_LINES = 12;

/** The flags that checkpoint and restore have in common, in CRIU's words already where they are switches. */
export interface CriuOptions {
  readonly imagePath: string;
  /** Where logs go; the image path unless given. */
  readonly workPath: string | undefined;
  readonly manageCgroups: string;
  /** "--tcp-established" and the like. */
  readonly switches: readonly string[];
}

/** Beside CRIU's images: what restore has to know of the container besides its bundle. */
export interface CheckpointRecord {
  /** Mount points, as the container sees them, whose content is not in the images. */
  readonly externalMounts: readonly string[];
  /** CRIU's key of the file behind fds 0, 1 and 2 that is not the container's own; "" for others. */
  readonly streams: readonly string[];
}

export const RECORD_FILE = "tsrun.json";

export function runCriu(command: "dump" | "pre-dump" | "restore", options: CriuOptions, args: readonly string[]): void {
  const program = PROGRAMS.find((path) => isThere(path));
  if (program === undefined)
    throw new StateError("TS6001", "CRIU is not installed: checkpoint and restore need it", { hint: "on Debian: apt-get install criu" });
  const work = options.workPath ?? options.imagePath;
  const log = `${command}.log`;
  const common = ["--images-dir", options.imagePath, "--work-dir", work, "--log-file", log, "-v4", `--manage-cgroups=${options.manageCgroups}`];
  const argv = ["criu", command, ...common, ...options.switches, ...args];
  const outcome = sys.run_program(program, `${argv.join("\0")}\0`, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\0", "", 0, OWN_STREAMS);
  if (typeof outcome === "number") throw new SystemError("run", program, "execve", -outcome);
  if (sys.out(0) !== 0) throw new StateError("TS6002", `criu ${command} failed: ${endOfLog(`${work}/${log}`)}`, { hint: `its whole log is ${work}/${log}` });
}

function isThere(path: string): boolean {
  const fd = sys.open(path, O_PATH, 0);
  if (fd >= 0) sys.close(fd);
  return fd >= 0;
}

/** The lines with errors, or else the last ones. */
function endOfLog(path: string): string {
  const text = sys.read_text(path);
  if (typeof text === "number") return "there is no log";
  const lines = text.trimEnd().split("\n");
  const errors = lines.filter((line) => line.includes("Error"));
  return (errors.length > 0 ? errors : lines).slice(-LOG_LINES).join("\n");
}

/** Joined namespaces would have to be handed to CRIU one by one; a terminal has its master elsewhere. */
export function refuseWhatCriuCannot({ linux, process }: Config): void {
  const joined = linux?.namespaces?.findIndex(({ path }) => (path ?? "") !== "") ?? -1;
  if (joined >= 0)
    throw new StateError("TS6003", "a container with a namespace that was joined by path cannot be checkpointed or restored", {
      pointer: `/linux/namespaces/${joined}/path`,
    });
  if (process?.terminal === true)
    throw new StateError("TS6003", "a container with a terminal cannot be checkpointed or restored", { pointer: "/process/terminal" });
}
