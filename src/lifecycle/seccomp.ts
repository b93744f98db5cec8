// The parent's share of linux.seccomp: the compiled filter, from the cache when its profile was seen before, and the agent that
// answers notifications (runtime-spec, config-linux.md, "The Container Process State").
import { check, SystemError } from "../errors.ts";
import { seccompProfile } from "../plan/seccomp.ts";
import type { Config, Seccomp } from "../spec/config.ts";
import { stringifyExact } from "../spec/stringify.ts";
import { SPEC_VERSION, TSRUN_VERSION } from "../spec/version.ts";
import { sys } from "../sys.ts";

const ENOENT = 2;
const STREAM = 0;
/** Profiles that are kept before all are dropped: they come by image and engine, not by container. */
const MOST_KEPT = 128;

/** An open file of the filter's instructions, -1 without linux.seccomp. `root`: the state directory, where compiled filters are kept. */
export function openFilter(config: Config, root: string): number {
  const seccomp = config.linux?.seccomp;
  if (seccomp === undefined) return -1;
  // No container has this name: ids have no "~".
  const directory = `${root}/~seccomp`;
  const key = `${TSRUN_VERSION}\0${stringifyExact(seccomp)}`;
  const cached = sys.cached_filter(directory, key);
  return cached >= 0 ? cached : compileFilter(seccomp, directory, key);
}

function compileFilter(seccomp: Seccomp, directory: string, key: string): number {
  makeRoom(directory);
  const { text, pointers } = seccompProfile(seccomp);
  const filter = sys.compile_filter(directory, key, text);
  if (filter >= 0) return filter;
  throw new SystemError("compile the seccomp filter", "linux.seccomp", "libseccomp", -filter, {
    pointer: `/linux/seccomp${pointers[sys.out(0)] ?? ""}`,
    hint: "libseccomp refuses this rule, or the filter has more than 4096 instructions",
  });
}

function makeRoom(directory: string): void {
  if (sys.mkdir(directory, 0o700) !== -17) return;
  const names = sys.read_dir(directory);
  const kept = typeof names === "number" ? [] : names.split("\0").filter((name) => name !== "");
  if (kept.length >= MOST_KEPT) for (const name of kept) sys.unlink(`${directory}/${name}`);
}

/** One message on a connection of its own: the process state, and the listener with it. `state`: the container's, as hooks get it. */
export function sendListener(seccomp: Seccomp, listener: number, pid: number, state: Record<string, unknown>): void {
  const path = seccomp.listenerPath ?? "";
  const pointer = "/linux/seccomp/listenerPath";
  const socket = sys.connect(path, STREAM);
  if (socket < 0)
    throw new SystemError("reach the seccomp agent", path, "connect", -socket, {
      pointer,
      ...(socket === -ENOENT ? { hint: "start the agent that listens there first" } : {}),
    });
  const { listenerMetadata } = seccomp;
  const message = { ociVersion: SPEC_VERSION, fds: ["seccompFd"], pid, ...(listenerMetadata === undefined ? {} : { metadata: listenerMetadata }), state };
  const sent = sys.send_fd(socket, listener, JSON.stringify(message));
  sys.close(socket);
  sys.close(listener);
  check(sent, "send the seccomp listener", path, "sendmsg");
}
