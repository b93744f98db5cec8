// linux.sysctl (spec 8.61): only what belongs to a namespace of the container; anything else would change the host.
import type { Config, NamespaceType } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";
import { hasNamespace, namespaceHint, pointerPart } from "./namespace-set.ts";

const IPC_KEYS = ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map((name) => `kernel.${name}`);

export function sysctlProblems(config: Config): Problem[] {
  const { sysctl } = config.linux ?? {};
  return sysctl === undefined ? [] : Object.keys(sysctl).flatMap((key) => problemOf(config, key));
}

function problemOf(config: Config, key: string): Problem[] {
  const pointer = `/linux/sysctl/${pointerPart(key)}`;
  // Empty parts are also what "." and ".." would come to: they could leave the directory that the prefix names.
  if (key.split(/[./]/).includes("")) return [{ pointer, message: `"${key}" is not the name of a sysctl` }];
  const name = key.replaceAll("/", ".");
  if (name === "kernel.hostname") return [{ pointer, message: `sysctl "${key}" is not allowed`, hint: "use hostname" }];
  const needed = namespaceOf(name);
  if (needed === undefined) return [{ pointer, message: `sysctl "${key}" is not in a separate kernel namespace: it would change the host` }];
  return hasNamespace(config, needed)
    ? []
    : [{ pointer, message: `sysctl "${key}" is not allowed in the host's ${needed} namespace`, hint: namespaceHint(needed) }];
}

function namespaceOf(name: string): NamespaceType | undefined {
  if (IPC_KEYS.includes(name) || name.startsWith("fs.mqueue.")) return "ipc";
  if (name.startsWith("net.")) return "network";
  if (name === "kernel.domainname") return "uts";
  if (name.startsWith("user.")) return "user";
  return undefined;
}
