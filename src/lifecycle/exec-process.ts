// The process of an exec: as a document says it (--process), or the container's own with what the flags change, as runc does it.
import { type ProcessDocument, readProcess } from "../bundle/process-document.ts";
import { UsageError } from "../errors.ts";
import type { Capabilities, Process, User } from "../spec/config.ts";

export interface ProcessRequest {
  /** --process: the document has it all, and the other members do not count. */
  readonly file: string | undefined;
  readonly args: readonly string[];
  readonly terminal: boolean;
  readonly cwd: string | undefined;
  /** "NAME=value", added to the container's; a name that is there is replaced. */
  readonly env: readonly string[];
  /** "uid" or "uid:gid", in numbers. */
  readonly user: string | undefined;
  readonly additionalGids: readonly string[];
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean | undefined;
  readonly apparmorProfile: string | undefined;
  readonly selinuxLabel: string | undefined;
}

/** `own`: the container's process, from its config.json. */
export function requestedProcess(request: ProcessRequest, own: Process | undefined): { process: Process; document?: ProcessDocument } {
  if (request.file !== undefined) {
    if (request.args.length > 0) throw new UsageError("--process has the program and its arguments: give none on the command line");
    const { process, document } = readProcess(request.file);
    return { process: { ...inherited(own), ...process }, document };
  }
  if (request.args.length === 0) throw new UsageError("no program to execute", 'give it after the container id, or a process document with "--process"');
  if (own === undefined) throw new UsageError("the container's config.json has no process to take the rest from", 'give a process document with "--process"');
  const { noNewPrivileges, apparmorProfile, selinuxLabel, cwd, capabilities } = request;
  return {
    process: {
      ...own,
      args: [...request.args],
      terminal: request.terminal,
      env: withEnv(own.env ?? [], request.env),
      user: changedUser(own.user, request),
      ...(cwd === undefined ? {} : { cwd }),
      ...(capabilities.length === 0 ? {} : { capabilities: withCapabilities(own.capabilities ?? {}, capabilities) }),
      ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
      ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
      ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
    },
  };
}

/** What a document leaves out of these is the container's, as in runc: limits and confinement are not lifted by silence. */
function inherited(own: Process | undefined): Partial<Process> {
  const { capabilities, rlimits, apparmorProfile, selinuxLabel, noNewPrivileges } = own ?? {};
  return {
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(rlimits === undefined ? {} : { rlimits }),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
  };
}

function withEnv(own: readonly string[], more: readonly string[]): string[] {
  const nameOf = (entry: string) => entry.slice(0, entry.indexOf("="));
  for (const entry of more) if (!/^[^=]+=/.test(entry)) throw new UsageError(`--env: "${entry}" is not of the form NAME=value`);
  const names = new Set(more.map(nameOf));
  return [...own.filter((entry) => !names.has(nameOf(entry))), ...more];
}

function changedUser(own: User, { user, additionalGids }: ProcessRequest): User {
  const groups = [...(own.additionalGids ?? []), ...additionalGids.map((gid) => idNumber("--additional-gids", gid))];
  const changed = groups.length === 0 ? own : { ...own, additionalGids: groups };
  if (user === undefined) return changed;
  const [uid = "", gid, ...rest] = user.split(":");
  if (rest.length > 0) throw new UsageError(`--user: "${user}" is not of the form uid[:gid]`);
  return { ...changed, uid: idNumber("--user", uid), ...(gid === undefined ? {} : { gid: idNumber("--user", gid) }) };
}

/** No names: the runtime must not read the image's passwd file to decide who somebody is (CVE-2026-30892 read "1" as 0). */
function idNumber(flag: string, text: string): number {
  const id = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(id <= 4294967294)) throw new UsageError(`${flag}: "${text}" is not a numeric id`);
  return id;
}

function withCapabilities(own: Capabilities, more: readonly string[]): Capabilities {
  const add = (names: readonly string[] | undefined) => [...new Set([...(names ?? []), ...more])];
  return { ...own, bounding: add(own.bounding), effective: add(own.effective), permitted: add(own.permitted) };
}
