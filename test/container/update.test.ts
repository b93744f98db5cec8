// update: only what is asked for is written, and all of it or nothing. v1 files here; the v2 names in the second column.
import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, fails, ok } from "../helpers/container.ts";
import { needs, oracle, spec, tsrunOnly } from "../helpers/spec.ts";

/** Content of the first of these files that the container's cgroups have. */
function limitOf(container: Container, ...files: string[]): string {
  const parent = `tsrun-test/${container.bundle.name}`;
  const own = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4] ?? "");
  for (const line of readFileSync(`/proc/${container.created === undefined ? "" : pidOf(container)}/cgroup`, "utf8")
    .trim()
    .split("\n")) {
    const path = line.split(":")[2] ?? "";
    // A hierarchy that is mounted for somebody else alone.
    if (path === "/") continue;
    for (const mountpoint of own)
      for (const file of files) if (existsSync(`${mountpoint}${path}/${file}`)) return readFileSync(`${mountpoint}${path}/${file}`, "utf8").trim();
  }
  for (const mountpoint of own)
    for (const file of files) if (existsSync(`${mountpoint}/${parent}/${file}`)) return readFileSync(`${mountpoint}/${parent}/${file}`, "utf8").trim();
  throw new Error(`no cgroup of the container has ${files.join(" or ")}`);
}

const pids = new Map<Container, number>();
const pidOf = (container: Container) => pids.get(container) ?? 0;

async function running(resources = {}): Promise<Container> {
  const container = await new Container(bundle(probe("pause"), { linux: { resources } })).up();
  pids.set(container, (await container.state()).pid);
  return container;
}

const MEMORY = ["memory.limit_in_bytes", "memory.max"];
const PIDS = ["pids.max"];
const SHARES = ["cpu.shares", "cpu.weight"];

spec("update: memory with a suffix, pids, cpu shares", async () => {
  const container = await running();
  ok(await container.command("update", { flags: ["--memory", "64M", "--pids-limit", "33", "--cpu-share", "512"] }));
  expect(limitOf(container, ...MEMORY)).toBe(String(64 << 20));
  expect(limitOf(container, ...PIDS)).toBe("33");
  expect(["512", "59", "20", "50"]).toContain(limitOf(container, ...SHARES));
});

spec("update: what is not asked for stays as it is", oracle({ runc: "1.1 writes the other limits again (runc#4210)" }), async () => {
  const container = await running({ memory: { limit: 64 << 20 }, pids: { limit: 20 } });
  ok(await container.command("update", { flags: ["--pids-limit", "40"] }));
  expect(limitOf(container, ...PIDS)).toBe("40");
  expect(limitOf(container, ...MEMORY)).toBe(String(64 << 20));
});

spec("update: growing and shrinking memory with swap", async () => {
  const container = await running({ memory: { limit: 32 << 20, swap: 64 << 20 } });
  ok(await container.command("update", { flags: ["--memory", "128M", "--memory-swap", "256M"] }));
  expect(limitOf(container, ...MEMORY)).toBe(String(128 << 20));
  ok(await container.command("update", { flags: ["--memory", "32M", "--memory-swap", "32M"] }));
  expect(limitOf(container, ...MEMORY)).toBe(String(32 << 20));
});

spec("update: --resources from a file and from standard input", oracle({ runc: "1.1 falls over a null" }), async () => {
  const container = await running();
  const path = `${container.bundle.directory}/resources.json`;
  writeFileSync(path, JSON.stringify({ pids: { limit: 21 } }));
  ok(await container.command("update", { flags: ["--resources", path] }));
  expect(limitOf(container, ...PIDS)).toBe("21");
  ok(await container.command("update", { flags: ["--resources", "-"], stdin: JSON.stringify({ pids: { limit: 22 }, memory: null }) }));
  expect(limitOf(container, ...PIDS)).toBe("22");
});

spec("update: one limit that the kernel refuses, and the others are what they were", tsrunOnly, needs("cgroupV1"), async () => {
  const container = await running({ pids: { limit: 20 } });
  const result = fails(await container.command("update", { flags: ["--pids-limit", "44", "--cpuset-cpus", "0", "--cpuset-mems", "99"] }), /cpuset\.mems/);
  expect(result.stderr).toContain("hint");
  expect(limitOf(container, ...PIDS)).toBe("20");
  // The order of the writes is cpuset first: prove the rollback by a later failure as well.
  fails(await container.command("update", { flags: ["--cpuset-cpus", "0", "--memory", "1M", "--memory-swap", "4k"] }));
  expect(limitOf(container, "cpuset.cpus")).not.toBe("0");
});

spec("update: errors of a document name the line", tsrunOnly, async () => {
  const container = await running();
  const path = `${container.bundle.directory}/resources.json`;
  writeFileSync(path, '{\n  "pids": { "limit": "many" }\n}\n');
  fails(await container.command("update", { flags: ["-r", path] }), /resources\.json:2:\d+/);
});

spec("update: wrong sizes and stopped containers are errors", async () => {
  const container = await running();
  fails(await container.command("update", { flags: ["--memory", "much"] }));
  ok(await container.kill("KILL"));
  await container.stopped();
  fails(await container.command("update", { flags: ["--pids-limit", "5"] }), /not running/);
});

spec(
  "update: a class of service without a mounted resctrl is an error, and nothing else is changed",
  needs("noResctrl"),
  oracle({ crun: "1.8 has no such flags" }),
  async () => {
    const container = await running({ pids: { limit: 20 } });
    const schemas = [
      ["--l3-cache-schema", "L3:0=f"],
      ["--mem-bw-schema", "MB:0=50"],
    ];
    for (const schema of schemas) fails(await container.command("update", { flags: ["--pids-limit", "44", ...schema] }), /rdt|resctrl/i);
    expect(limitOf(container, ...PIDS)).toBe("20");
  },
);

spec("update: a class of service needs a line of schemata", tsrunOnly, async () => {
  const container = await running();
  for (const [flag = "", line = ""] of [
    ["--l3-cache-schema", "MB:0=50"],
    ["--mem-bw-schema", "MB:0=50\nL3:0=f"],
  ])
    fails(await container.command("update", { flags: [flag, line] }), /not a line of schemata/);
});
