// What every section of the compiler sees: the inputs of compileCreate, and a few facts that are read off the config once.
import { ConfigError } from "../errors.ts";
import type { Config, Mount } from "../spec/config.ts";
import { CLONE, type NamespaceType } from "./kernel-flags.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";
import { cleanPath, containerPath } from "./paths.ts";
import type { CgroupView, MachineFacts, PlanOptions } from "./plan.ts";

/** One namespace of the config: without a path it is made, with one it is joined. */
export interface NamespaceRequest {
  readonly path: string | undefined;
  readonly at: string;
}

export type Namespaces = Readonly<Partial<Record<NamespaceType, NamespaceRequest>>>;

/** One entry of `mounts` with its options read. */
export interface ParsedMount {
  readonly entry: Mount;
  /** Where it goes, as a container path. */
  readonly target: string;
  readonly options: MountOptions;
  readonly at: string;
}

export interface Context {
  readonly config: Config;
  readonly cgroup: CgroupView;
  readonly facts: MachineFacts;
  readonly options: PlanOptions;
  readonly namespaces: Namespaces;
  readonly mounts: readonly ParsedMount[];
  /** Device nodes cannot be made (user namespace, rootless): the host's are bound instead. */
  readonly bindDevices: boolean;
  /** Things that go on with less than was asked for; never isolation. */
  readonly warnings: string[];
}

export function makeContext(config: Config, cgroup: CgroupView, facts: MachineFacts, options: PlanOptions): Context {
  const namespaces = readNamespaces(config);
  const mounts = (config.mounts ?? []).map((entry, index): ParsedMount => {
    return { entry, target: containerPath(entry.destination), options: parseMountOptions(entry.options ?? []), at: `/mounts/${index}` };
  });
  const bindDevices = namespaces.user !== undefined || facts.euid !== 0 || facts.inUserNamespace === true;
  return { config, cgroup, facts, options, namespaces, mounts, bindDevices, warnings: [] };
}

function readNamespaces(config: Config): Namespaces {
  const namespaces: Partial<Record<NamespaceType, NamespaceRequest>> = {};
  for (const [index, { type, path }] of (config.linux?.namespaces ?? []).entries()) {
    const at = `/linux/namespaces/${index}`;
    if (!Object.hasOwn(CLONE, type)) refuse(`${at}/type`, `unknown namespace type ${type}`);
    // An empty path is none: Go programs write it so.
    namespaces[type] = { path: path === "" ? undefined : path, at };
  }
  return namespaces;
}

export function isNew(context: Context, type: NamespaceType): boolean {
  const request = context.namespaces[type];
  return request !== undefined && request.path === undefined;
}

export function isJoined(context: Context, type: NamespaceType): boolean {
  return context.namespaces[type]?.path !== undefined;
}

/** How init is told of setgroups(2): 0 denied, 1 allowed, 2 unknown: only a process in the namespace can see it. */
export function setgroupsMode(context: Context): number {
  if (!context.options.setgroups) return 0;
  return isJoined(context, "user") ? 2 : 1;
}

/** The container has a mount namespace apart from the runtime's, made or joined: only there may anything be mounted. */
export function canMount(context: Context): boolean {
  return context.namespaces.mount !== undefined;
}

/** /dev comes from a bind mount: it is somebody else's directory, so nothing is made in it (as runc does). */
export function hasBoundDev(context: Context): boolean {
  return context.mounts.some(({ target, options }) => options.bind && cleanPath(target) === "/dev");
}

/** Pointer of a setting when it is there, "" when its default is at work. */
export function pointerIf(present: unknown, pointer: string): string {
  return present === undefined ? "" : pointer;
}

/** A value that is wrong, or does not go with another one. Most of it is found earlier, by the rules; what would weaken the container is refused here too. */
export function refuse(pointer: string, message: string, hint?: string): never {
  throw new ConfigError("TS1103", "config.json", [hint === undefined ? { pointer, message } : { pointer, message, hint }]);
}

/** The config asks for what this machine cannot do. */
export function impossible(pointer: string, message: string, hint: string): never {
  throw new ConfigError("TS1104", "config.json", [{ pointer, message, hint }]);
}
