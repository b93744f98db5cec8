// Looks for what a container leaves behind on the machine: processes, mounts, cgroups, files of the runtime.
/// <reference types="bun" />
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { CGROUP_PARENT } from "./bundle.ts";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Cgroup mount points of this machine. */
function hierarchies(): string[] {
  const points: string[] = [];
  for (const line of read("/proc/self/mountinfo").split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    if (/^cgroup2? /.test(after)) points.push(before.split(" ")[4] ?? "");
  }
  return points;
}

/** Cgroup directories whose name holds the word. */
export function findCgroups(word: string): string[] {
  const found: string[] = [];
  const walk = (directory: string, depth: number) => {
    let entries: string[];
    try {
      entries = readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name);
    } catch {
      return;
    }
    for (const entry of entries) {
      if (entry.includes(word)) found.push(`${directory}/${entry}`);
      else if (depth > 0) walk(`${directory}/${entry}`, depth - 1);
    }
  };
  for (const point of hierarchies()) walk(point, 4);
  return found;
}

/** Processes that have the word in their cgroup or in their root: "pid command line". */
export function findProcesses(word: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    if (/^Z|^X/.test(/^State:\s+(.*)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "X")) continue;
    const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    if (read(`/proc/${pid}/cgroup`).includes(word) || command.includes(word)) found.push({ pid, command });
  }
  return found;
}

function findMounts(word: string): string[] {
  return read("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(word));
}

/** Everything that still carries the name of a bundle. `root` is the runtime's --root of the test. */
export function leftovers(name: string, root: string): string[] {
  const found: string[] = [];
  for (const { pid, command } of findProcesses(name)) found.push(`process ${pid}: ${command}`);
  for (const line of findMounts(name)) found.push(`mount: ${line}`);
  for (const path of findCgroups(name)) found.push(`cgroup: ${path}`);
  if (existsSync(root)) for (const entry of readdirSync(root)) if (entry.includes(name)) found.push(`state: ${root}/${entry}`);
  return found;
}

/** Removes what a failed test has left, so that the next one starts clean. Only what carries the name. */
export function sweep(name: string): void {
  for (const { pid } of findProcesses(name)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {}
  }
  for (const line of findMounts(name)) Bun.spawnSync(["umount", "-l", line.split(" ")[4] ?? ""]);
  for (const path of findCgroups(name)) {
    // With the cgroups below it; a killed process needs a moment to leave.
    for (let i = 0; i < 20 && existsSync(path); i++) {
      if (i > 0) Bun.sleepSync(10);
      Bun.spawnSync(["find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], { stderr: "ignore" });
    }
  }
}

/**
 * Makes the shared parent cgroups: then no container is the one that made them, and files of tests can run at the same
 * time. (What a container does with parents of its own has a test.)
 */
export function makeCgroupParents(): void {
  for (const point of hierarchies()) {
    try {
      mkdirSync(point + CGROUP_PARENT, { recursive: true });
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        if (existsSync(`${point}/cgroup.clone_children`) && existsSync(`${point}/${file}`))
          writeFileSync(`${point}${CGROUP_PARENT}/${file}`, read(`${point}/${file}`));
      }
    } catch {}
  }
}

/** The shared parent cgroups, when nothing is in them. */
export function removeCgroupParents(): void {
  for (const point of hierarchies()) {
    try {
      rmdirSync(point + CGROUP_PARENT);
    } catch {}
  }
}
