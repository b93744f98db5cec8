// Makes a config.json that an engine once wrote runnable here: what was the engine's (sources, hooks, namespaces, cgroup
// parents) is replaced by something harmless of the same kind; everything else stays as the engine asked for it.
/// <reference types="bun" />
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { type Bundle, bundle, CGROUP_PARENT } from "./bundle.ts";
import type { Json, JsonObject } from "./config.ts";

type Editable = { [key: string]: Json | undefined };

function object(value: Json | undefined): Editable {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? ({ ...value } as Editable) : {};
}

function objects(value: Json | undefined): Editable[] {
  return Array.isArray(value) ? value.map(object) : [];
}

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

const FILES = /^(hosts|hostname|resolv\.conf|localtime|\.containerenv|docker-init|podman-init|catatonit|init|.*\.(txt|conf|sock))$/;

function mayRaise(): boolean {
  return (BigInt(`0x${/CapEff:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`) & (1n << 24n)) !== 0n;
}

/** A mount of the engine, with sources of this bundle; undefined when the host has no such device. */
function adaptMount(mount: Editable, b: Bundle, index: number): Editable | undefined {
  const options = strings(mount["options"]).filter((option) => !/^r?idmap/.test(option));
  const source = String(mount["source"] ?? "");
  const isBind = options.includes("bind") || options.includes("rbind") || mount["type"] === "bind";
  const adapted: Editable = { ...mount, options };
  if (mount["options"] === undefined) delete adapted["options"];
  delete adapted["uidMappings"];
  delete adapted["gidMappings"];
  if (isBind) {
    if (/^\/(dev|proc|sys)(\/|$)/.test(source)) return existsSync(source) ? adapted : undefined;
    const directory = `${b.directory}/sources/${index}`;
    mkdirSync(directory, { recursive: true });
    const name = basename(String(mount["destination"]));
    if (FILES.test(name)) writeFileSync(`${directory}/${name}`, "");
    adapted["source"] = FILES.test(name) ? `${directory}/${name}` : directory;
  }
  if (mount["type"] === "overlay") {
    adapted["options"] = options.map((option) => {
      const key = /^(lowerdir|upperdir|workdir)=/.exec(option)?.[1];
      if (key === undefined) return option;
      for (const layer of [key, `${key}2`]) mkdirSync(`${b.directory}/overlay/${layer}`, { recursive: true });
      // Without an upper directory the kernel wants two lower ones.
      return key === "lowerdir" ? `lowerdir=${b.directory}/overlay/lowerdir:${b.directory}/overlay/lowerdir2` : `${key}=${b.directory}/overlay/${key}`;
    });
  }
  return adapted;
}

function adaptProcess(process: Editable, args: readonly string[]): Editable {
  const adapted: Editable = { ...process, args, terminal: false };
  delete adapted["apparmorProfile"];
  delete adapted["selinuxLabel"];
  if (!mayRaise()) {
    // What needs CAP_SYS_RESOURCE on a machine without it.
    adapted["rlimits"] = objects(process["rlimits"]).filter(
      (limit) => !/NOFILE|NPROC|MEMLOCK|CORE/.test(String(limit["type"])) || Number(limit["hard"]) <= 1024,
    );
    if (Number(process["oomScoreAdj"] ?? 0) < 0) delete adapted["oomScoreAdj"];
    const capabilities: Editable = {};
    for (const [set, names] of Object.entries(object(process["capabilities"])))
      capabilities[set] = strings(names).filter((name) => name !== "CAP_SYS_RESOURCE");
    if (process["capabilities"] !== undefined) adapted["capabilities"] = capabilities;
  }
  return adapted;
}

/** A bundle with the engine's config, running these args. */
export function engineBundle(path: string, args: readonly string[]): Bundle {
  const b = bundle();
  const config = object(JSON.parse(readFileSync(path, "utf8")) as Json);
  const linux = object(config["linux"]);
  const hooks: Editable = {};
  for (const [kind, list] of Object.entries(object(config["hooks"])))
    hooks[kind] = objects(list).map(() => ({ path: "/bin/sh", args: ["sh", "-c", "cat > /dev/null"] }));
  delete linux["mountLabel"];
  linux["cgroupsPath"] = `${CGROUP_PARENT}/${b.name}`;
  linux["namespaces"] = objects(linux["namespaces"]).map((namespace) => ({ type: namespace["type"] }));
  config["linux"] = linux;
  config["hooks"] = hooks["startContainer"] === undefined ? hooks : { ...hooks, startContainer: [] };
  config["root"] = { ...object(config["root"]), path: "rootfs" };
  config["process"] = adaptProcess(object(config["process"]), args);
  config["mounts"] = objects(config["mounts"])
    .map((mount, index) => adaptMount(mount, b, index))
    .filter((mount) => mount !== undefined);
  const uid = Number(objects(linux["uidMappings"])[0]?.["hostID"] ?? 0);
  const gid = Number(objects(linux["gidMappings"])[0]?.["hostID"] ?? 0);
  if (uid !== 0 || gid !== 0) Bun.spawnSync(["chown", "-R", "--no-dereference", `${uid}:${gid}`, b.rootfs]);
  // Not a merge: the engine's config replaces the standard one.
  const cleared = Object.fromEntries(Object.keys(b.config).map((key) => [key, undefined])) as JsonObject;
  return b.rewrite(cleared).rewrite(config as JsonObject);
}
