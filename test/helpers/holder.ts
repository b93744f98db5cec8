// A process that holds a user and a mount namespace of its own, in which a test prepares what a container finds that joins them.
/// <reference types="bun" />
import { writeFileSync } from "node:fs";
import { type JsonObject, NAMESPACES } from "./config.ts";

type Child = Bun.Subprocess<"ignore", "pipe", "inherit">;

/** Resolves when it says that it is ready. */
async function start(argv: readonly string[], script: string): Promise<Child> {
  const child = Bun.spawn([...argv, "sh", "-c", `${script}\necho ready; exec sleep 60`], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  if (new TextDecoder().decode(value) !== "ready\n") throw new Error(`the namespaces were not made: ${argv.join(" ")}`);
  return child;
}

/** Makes a user namespace with the ids 0 to 65535 of the host, and tells the body its path. */
export async function withUserNamespace(setgroups: "allow" | "deny", body: (path: string) => Promise<void>): Promise<void> {
  const user = await start(["unshare", "--user"], "");
  try {
    writeFileSync(`/proc/${user.pid}/setgroups`, setgroups);
    for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${user.pid}/${map}`, "0 0 65536");
    await body(`/proc/${user.pid}/ns/user`);
  } finally {
    user.kill();
    await user.exited;
  }
}

/** Runs the shell script in new namespaces, then the body with a config that joins them, and with a path to their root. The container has the host's processes. */
export async function withHolder(script: string, body: (patch: JsonObject, root: string) => Promise<void>): Promise<void> {
  const children: Child[] = [];
  try {
    const user = await start(["unshare", "--user"], "");
    children.push(user);
    for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${user.pid}/${map}`, "0 0 65536");
    // An exec without mappings has taken its capabilities: the one that mounts comes in anew.
    const mount = await start(["nsenter", `--user=/proc/${user.pid}/ns/user`, "unshare", "--mount", "--propagation", "private"], script);
    children.push(mount);
    const joined = [
      { type: "user", path: `/proc/${mount.pid}/ns/user` },
      { type: "mount", path: `/proc/${mount.pid}/ns/mnt` },
    ];
    const made = NAMESPACES.filter(({ type }) => type !== "mount" && type !== "pid");
    const patch = { mounts: [], linux: { namespaces: [...joined, ...made], maskedPaths: undefined, readonlyPaths: undefined } };
    await body(patch, `/proc/${mount.pid}/root`);
  } finally {
    for (const child of children) {
      child.kill();
      await child.exited;
    }
  }
}

/** A script: /proc becomes a tmpfs with the files that the security modules' labels are written to. */
export const FAKE_ATTRIBUTES = `mount -t tmpfs tmpfs /proc && cd /proc && mkdir -p thread-self/attr/apparmor && cd thread-self/attr && : > exec && : > keycreate && : > apparmor/exec && chmod 666 exec keycreate apparmor/exec && cd /`;
