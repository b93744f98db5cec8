// `npm run bench`: dist/tsrun, runc and crun side by side, interleaved in one run; medians and ratios, never a pass or fail.
// Options: --n 60 (rounds), --parallel 100 (containers at once, 0: leave out), --runtimes a,b (paths). Needs root.
/// <reference types="bun" />
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { basename, resolve } from "node:path";
import { type Json, NAMESPACES, STANDARD, stringify } from "../test/helpers/config.ts";

const repository = resolve(import.meta.dir, "..");
const build = `${repository}/build`;

function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
}

const rounds = Number(option("n", "60"));
const parallel = Number(option("parallel", "100"));
const WARM_UP = 3;

interface Runtime {
  readonly name: string;
  readonly path: string;
  readonly root: string;
}

/** One call, timed by the C driver. */
interface Call {
  readonly ms: number;
  readonly residentKb: number;
}

/** Names of the measures, in the order of the table; the unit, and what DESIGN asks of the ratios. */
const MEASURES = {
  run: { unit: "ms", crun: 0.5, runc: 0.2 },
  "run with Docker's seccomp profile": { unit: "ms", crun: 0.5, runc: 0.2 },
  create: { unit: "ms" },
  start: { unit: "ms", crun: 0.6 },
  state: { unit: "ms", crun: 0.6 },
  delete: { unit: "ms" },
  "create + start + state + delete": { unit: "ms", crun: 0.5, runc: 0.3 },
  exec: { unit: "ms", crun: 0.6, runc: 0.25 },
  "200 execs in a row": { unit: "ms", crun: 0.6, runc: 0.25 },
  "peak resident, exec": { unit: "kB", most: 8192 },
  "peak resident, run": { unit: "kB", most: 8192 },
  "peak resident, create": { unit: "kB", most: 8192 },
  "peak resident, state": { unit: "kB", most: 8192 },
  "init resident, created": { unit: "kB", most: 100 },
  "cgroup memory, created": { unit: "kB", most: 200 },
  "cgroup memory, highest": { unit: "kB" },
  "cgroup threads, created": { unit: "", most: 1 },
  "at once, in all": { unit: "ms", crun: 0.5 },
} as const satisfies Record<string, { unit: string; crun?: number; runc?: number; most?: number }>;
type Measure = keyof typeof MEASURES;

const samples = new Map<string, number[]>();
const failures = new Map<string, number>();

function note(runtime: Runtime, measure: Measure, value: number): void {
  const key = `${runtime.name} ${measure}`;
  const list = samples.get(key) ?? [];
  list.push(value);
  samples.set(key, list);
}

function median(runtime: Runtime, measure: Measure): number | undefined {
  const list = samples.get(`${runtime.name} ${measure}`)?.toSorted((a, b) => a - b);
  if (list === undefined || list.length === 0) return undefined;
  const middle = list.length >> 1;
  return list.length % 2 === 1 ? list[middle] : ((list[middle - 1] ?? 0) + (list[middle] ?? 0)) / 2;
}

function findRuntimes(scratch: string): Runtime[] {
  const asked = option("runtimes", "");
  const paths = asked === "" ? [`${repository}/dist/tsrun`, "runc", "crun"] : asked.split(",");
  const found: Runtime[] = [];
  for (const path of paths) {
    const full = path.includes("/") ? resolve(path) : Bun.which(path, { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
    if (full === null || !existsSync(full)) console.log(`${path}: not there, left out`);
    else found.push({ name: basename(full), path: full, root: `${scratch}/state/${basename(full)}` });
  }
  return found;
}

function call(runtime: Runtime, ...args: string[]): Call {
  const result = Bun.spawnSync([`${build}/bench-run`, runtime.path, "--root", runtime.root, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
  });
  const [ns = "0", residentKb = "0", status = "1"] = result.stdout.toString().trim().split(" ");
  if (status !== "0") {
    const key = `${runtime.name} ${args[0]}`;
    failures.set(key, (failures.get(key) ?? 0) + 1);
  }
  return { ms: Number(ns) / 1e6, residentKb: Number(residentKb) };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The directory of a process's cgroup that counts memory (v1 or v2), or tasks. */
function cgroupOf(pid: string, controller: string): string {
  const lines = read(`/proc/${pid}/cgroup`).trim().split("\n");
  const v1 = lines.find((line) => line.split(":")[1] === controller);
  const point = (type: string, word: string) =>
    read("/proc/self/mountinfo")
      .split("\n")
      .find((line) => line.includes(` - ${type} `) && (word === "" || line.split(" ").at(-1)?.split(",").includes(word)))
      ?.split(" ")[4] ?? "";
  if (v1 !== undefined) return point("cgroup", controller) + v1.split(":").slice(2).join(":");
  return point("cgroup2", "") + (lines.find((line) => line.startsWith("0::"))?.slice(3) ?? "");
}

function firstNumber(...paths: string[]): number | undefined {
  for (const path of paths) {
    const text = read(path).trim();
    if (/^\d+$/.test(text)) return Number(text);
  }
  return undefined;
}

/** The kernel charges in batches of 64 pages for each processor (256 kB): this gives back what is not used of them. cgroup v1 alone can be told so. */
function returnUnused(memory: string): void {
  if (existsSync(`${memory}/memory.force_empty`)) writeFileSync(`${memory}/memory.force_empty`, "0");
}

/** What the container's cgroup is charged while init waits. */
function noteCreated(runtime: Runtime, pid: string): string {
  const memory = cgroupOf(pid, "memory");
  // Never the machine's own cgroup, which has no /bench in its name.
  if (memory.includes("/bench-")) returnUnused(memory);
  const now = firstNumber(`${memory}/memory.usage_in_bytes`, `${memory}/memory.current`);
  const tasks = cgroupOf(pid, "pids");
  const threads = firstNumber(`${tasks}/pids.current`);
  const resident = /VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1];
  if (now !== undefined) note(runtime, "cgroup memory, created", now / 1024);
  if (threads !== undefined) note(runtime, "cgroup threads, created", threads);
  if (resident !== undefined) note(runtime, "init resident, created", Number(resident));
  return memory;
}

/** Waits until the process has gone (its parent reaps it). */
function waitGone(pid: string): void {
  const isThere = () => {
    const status = read(`/proc/${pid}/status`);
    return status !== "" && !/State:\s+[ZX]/.test(status);
  };
  for (let i = 0; i < 2000 && isThere(); i++) Bun.sleepSync(0.5);
}

function measureOnce(runtime: Runtime, { bundle, filtered }: { bundle: string; filtered: string }, id: string, isWarmUp: boolean): void {
  const pidFile = `${bundle}/pid`;
  const run = call(runtime, "run", "--bundle", bundle, id);
  const runFiltered = call(runtime, "run", "--bundle", filtered, id);
  const create = call(runtime, "create", "--bundle", bundle, "--pid-file", pidFile, id);
  const pid = read(pidFile).trim();
  const memory = isWarmUp ? "" : noteCreated(runtime, pid);
  const state = call(runtime, "state", id);
  const start = call(runtime, "start", id);
  waitGone(pid);
  const highest = firstNumber(`${memory}/memory.max_usage_in_bytes`, `${memory}/memory.peak`);
  const remove = call(runtime, "delete", id);
  if (isWarmUp) return;
  note(runtime, "run", run.ms);
  note(runtime, "run with Docker's seccomp profile", runFiltered.ms);
  note(runtime, "create", create.ms);
  note(runtime, "start", start.ms);
  note(runtime, "state", state.ms);
  note(runtime, "delete", remove.ms);
  note(runtime, "create + start + state + delete", create.ms + start.ms + state.ms + remove.ms);
  note(runtime, "peak resident, run", run.residentKb);
  note(runtime, "peak resident, create", create.residentKb);
  note(runtime, "peak resident, state", state.residentKb);
  if (memory !== "" && highest !== undefined) note(runtime, "cgroup memory, highest", highest / 1024);
}

/** Many containers at once: from the first start to the last end. */
async function measureParallel(runtime: Runtime, bundle: string): Promise<void> {
  const before = performance.now();
  const children = Array.from({ length: parallel }, (_, i) =>
    Bun.spawn([runtime.path, "--root", runtime.root, "run", "--bundle", bundle, `bench-p${i}`], { stdin: "ignore", stdout: "ignore", stderr: "ignore" }),
  );
  const codes = await Promise.all(children.map((child) => child.exited));
  note(runtime, "at once, in all", performance.now() - before);
  const failed = codes.filter((code) => code !== 0).length;
  if (failed > 0) failures.set(`${runtime.name} run, at once`, failed);
  // Names with "~" are no containers, but what tsrun keeps for all of them.
  const ids = existsSync(runtime.root) ? readdirSync(runtime.root).filter((name) => !name.startsWith("~")) : [];
  for (const id of ids) call(runtime, "delete", "--force", id);
}

const EXECS_IN_A_ROW = 200;

/** A container that waits, and programs executed in it: what probes of Kubernetes do. */
function measureExec(runtimes: readonly Runtime[], bundle: string): void {
  // Their cgroups have the names of the containers: one for each, or whoever deletes first finds the others' processes in it.
  const idOf = (runtime: Runtime) => `bench-exec-${runtime.name}`;
  for (const runtime of runtimes) call(runtime, "run", "--detach", "--bundle", bundle, idOf(runtime));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const runtime of runtimes) {
      const { ms, residentKb } = call(runtime, "exec", idOf(runtime), "/bin/true");
      if (round < 0) continue;
      note(runtime, "exec", ms);
      note(runtime, "peak resident, exec", residentKb);
    }
  }
  for (const runtime of runtimes) {
    let sum = 0;
    for (let i = 0; i < EXECS_IN_A_ROW; i++) sum += call(runtime, "exec", idOf(runtime), "/bin/true").ms;
    note(runtime, "200 execs in a row", sum);
    call(runtime, "delete", "--force", idOf(runtime));
  }
}

/** `args`: the container's program; /bin/true and /probe are there. */
function makeBundle(scratch: string, name: string, args: readonly string[], seccomp?: Json): string {
  const bundle = `${scratch}/${name}`;
  for (const directory of ["bin", "dev", "proc", "sys", "tmp"]) mkdirSync(`${bundle}/rootfs/${directory}`, { recursive: true });
  writeFileSync(`${bundle}/rootfs/probe`, readFileSync(`${build}/probe`), { mode: 0o755 });
  writeFileSync(`${bundle}/rootfs/bin/true`, readFileSync(`${build}/true`), { mode: 0o755 });
  const config = {
    ...STANDARD,
    process: { ...(STANDARD["process"] as object), args: [...args] },
    linux: { ...(STANDARD["linux"] as object), namespaces: [...NAMESPACES, { type: "cgroup" }], ...(seccomp === undefined ? {} : { seccomp }) },
  };
  writeFileSync(`${bundle}/config.json`, stringify(config));
  return bundle;
}

function print(runtimes: readonly Runtime[]): object[] {
  const ours = runtimes.find((one) => one.name === "tsrun") ?? runtimes[0];
  const others = runtimes.filter((one) => one !== ours);
  const rows: object[] = [];
  if (ours === undefined) return rows;
  console.log(["".padEnd(44), ...runtimes.map((one) => one.name.padStart(10)), ...others.map((one) => `/ ${one.name}`.padStart(10)), "  budget"].join(""));
  for (const [name, about] of Object.entries(MEASURES)) {
    const measure = name as Measure;
    const values = runtimes.map((one) => median(one, measure));
    if (values.every((value) => value === undefined)) continue;
    const own = median(ours, measure);
    const ratios = others.map((one) => {
      const theirs = median(one, measure);
      return own === undefined || theirs === undefined || theirs === 0 ? undefined : own / theirs;
    });
    const budgets: Readonly<Record<string, number | undefined>> = about as { crun?: number; runc?: number; most?: number };
    const budget = others.map((one) => (budgets[one.name] === undefined ? "" : `${budgets[one.name]} x ${one.name}`)).filter((text) => text !== "");
    const most = budgets["most"];
    if (most !== undefined) budget.push(`at most ${most}`);
    const isOver =
      (own ?? 0) > (most ?? Number.POSITIVE_INFINITY) || others.some((one, i) => (ratios[i] ?? 0) > (budgets[one.name] ?? Number.POSITIVE_INFINITY));
    const shown = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(about.unit === "ms" ? 2 : 0)).padStart(10);
    console.log(
      [
        `${name}${about.unit === "" ? "" : ` [${about.unit}]`}`.padEnd(44),
        ...values.map(shown),
        ...ratios.map((ratio) => (ratio === undefined ? "-" : ratio.toFixed(2)).padStart(10)),
        `  ${budget.join(", ")}${isOver ? "  OVER" : ""}`,
      ].join(""),
    );
    rows.push({
      measure,
      unit: about.unit,
      medians: Object.fromEntries(runtimes.map((one, i) => [one.name, values[i]])),
      ratios: Object.fromEntries(others.map((one, i) => [one.name, ratios[i]])),
    });
  }
  for (const [what, count] of failures) console.log(`FAILED ${count} times: ${what}`);
  return rows;
}

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("the benchmark makes containers: it needs root");
  if (process.env["TSRUN_BENCH_INNER"] === undefined) {
    // crun 1.8 refuses the hybrid layout with controllers on v2; then all of them run without that hierarchy.
    const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
    const child = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script, "-", process.execPath, ...process.argv.slice(1)], {
      env: { ...process.env, TSRUN_BENCH_INNER: "1" },
      stdout: "inherit",
      stderr: "inherit",
    });
    process.exitCode = child.exitCode;
    return;
  }
  Bun.spawnSync(["make", "--silent", "-C", `${repository}/test/probe`], { stdout: "inherit", stderr: "inherit" });
  const scratch = mkdtempSync(`${tmpdir()}/tsrun-bench-`);
  // Their state is in /run by default, which is no disk; this one goes with the mount namespace.
  mkdirSync(`${scratch}/state`);
  Bun.spawnSync(["mount", "-t", "tmpfs", "tsrun-bench", `${scratch}/state`], { stderr: "inherit" });
  try {
    const docker = JSON.parse(readFileSync(`${repository}/spec-fixtures/engines/docker-run-cap-drop-all.json`, "utf8"));
    const bundle = makeBundle(scratch, "bundle", ["/bin/true"]);
    const bundles = { bundle, filtered: makeBundle(scratch, "filtered", ["/bin/true"], docker.linux.seccomp) };
    const runtimes = findRuntimes(scratch);
    for (let round = -WARM_UP; round < rounds; round++) {
      // Interleaved, and each round in another order, so that no runtime always follows the same one.
      for (let i = 0; i < runtimes.length; i++) {
        const runtime = runtimes[(i + round + WARM_UP) % runtimes.length];
        if (runtime !== undefined) measureOnce(runtime, bundles, `bench-${round + WARM_UP}-${i}`, round < 0);
      }
    }
    measureExec(runtimes, makeBundle(scratch, "waiting", ["/probe", "pause"]));
    if (parallel > 0) for (let i = 0; i < 3; i++) for (const runtime of runtimes) await measureParallel(runtime, bundle);
    console.log(
      `${rounds} rounds, medians; ${cpus().length} x ${cpus()[0]?.model}, kernel ${release()}${parallel > 0 ? `; at once: ${parallel} containers` : ""}`,
    );
    const rows = print(runtimes);
    mkdirSync(build, { recursive: true });
    writeFileSync(
      `${build}/bench.json`,
      `${JSON.stringify({ date: new Date().toISOString(), rounds, parallel, kernel: release(), cpu: cpus()[0]?.model, failures: Object.fromEntries(failures), rows }, null, 1)}\n`,
    );
  } finally {
    Bun.spawnSync(["umount", `${scratch}/state`]);
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main();
