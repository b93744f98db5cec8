// Calls of the runtime by a user who is not root, with a bundle and a range of ids of their own.
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { asUser } from "./as-user.ts";
import { type Bundle, bundle } from "./bundle.ts";
import type { JsonObject } from "./config.ts";
import { type ExecOptions, exec, type Result } from "./exec.ts";
import { COMMAND, RUNTIME } from "./runtime.ts";
import type { Notes } from "./spec.ts";

/** The virtual machine's user with a systemd of their own has this number as well. */
export const UID = 21500;
export const FIRST = 2150000;

/** How the runtime is called. */
export interface Caller extends ExecOptions {
  /** Directory of the cgroup that it is called in. */
  readonly cgroup?: string;
  /** A command that calls it. */
  readonly prefix?: readonly string[];
}

export interface Unprivileged {
  readonly b: Bundle;
  /** A command of the runtime as the user, who has a range of ids in /etc/subuid of a mount namespace of its own. */
  readonly call: (...args: string[]) => Promise<Result>;
  readonly callAs: (caller: Caller, ...args: string[]) => Promise<Result>;
}

/** A bundle that belongs to the user; the runtime is copied to where the user can read it. */
export async function unprivileged(patch: JsonObject, script: string): Promise<Unprivileged> {
  const namespaces = [{ type: "pid" }, { type: "mount" }, { type: "ipc" }, { type: "uts" }, { type: "user" }, { type: "network" }];
  const b = bundle(
    { process: { args: ["/bin/sh", "-c", script], capabilities: {} }, linux: { cgroupsPath: undefined, namespaces, resources: undefined }, mounts: MOUNTS },
    patch,
  );
  const program = `${b.directory}/runtime`;
  if (COMMAND.length === 1) copyFileSync(COMMAND[0] ?? "", program);
  else writeFileSync(program, `#!/bin/sh\nexec ${COMMAND.join(" ")} "$@"\n`);
  chmodSync(program, 0o755);
  for (const name of ["subuid", "subgid"]) writeFileSync(`${b.directory}/${name}`, `${UID}:${FIRST}:65536\n`);
  // newuidmap asks who the user is.
  writeFileSync(`${b.directory}/passwd`, `${readFileSync("/etc/passwd", "utf8")}tsrun-test:x:${UID}:${UID}::/:/bin/sh\n`);
  mkdirSync(`${b.directory}/run`);
  await exec(["chown", "-R", `${UID}:${UID}`, b.rootfs, `${b.directory}/run`]);
  chownSync(b.directory, UID, UID);
  const callAs = ({ cgroup, prefix = [], env = {}, ...options }: Caller, ...args: string[]) => {
    const join = cgroup === undefined ? "" : `echo 0 > ${cgroup}/cgroup.procs;`;
    const binds = ["subuid", "subgid", "passwd"].map((name) => `mount --bind ${b.directory}/${name} /etc/${name};`).join(" ");
    const user = asUser(UID, { HOME: "/", PATH: "/usr/bin:/bin:/usr/sbin", XDG_RUNTIME_DIR: `${b.directory}/run`, ...env });
    const enter = `${join} ${binds} exec ${user.join(" ")} "$@"`;
    return exec(["unshare", "--mount", "sh", "-c", enter, "-", ...prefix, program, ...args], options);
  };
  return { b, callAs, call: (...args) => callAs({}, ...args) };
}

/** What a user may mount: no mqueue of another's ipc, no sysfs of another's network. */
const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
  { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] },
];

export const single = { linux: { uidMappings: [{ containerID: 0, hostID: UID, size: 1 }], gidMappings: [{ containerID: 0, hostID: UID, size: 1 }] } };
const mapping = [
  { containerID: 0, hostID: UID, size: 1 },
  { containerID: 1, hostID: FIRST, size: 65536 },
];
export const ranges = { linux: { uidMappings: mapping, gidMappings: mapping } };

/** The checkout's files need not be readable for the user. */
export const released: Notes =
  RUNTIME === "tsrun" && process.env["TSRUN_HOST"] === "bun" ? { needs: [{ name: "the released executable", ci: false, isThere: () => false }] } : {};
