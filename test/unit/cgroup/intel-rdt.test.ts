// linux.intelRdt against a tree of plain files that behaves as resctrl does: what is written where and in which order, and what is left.
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { applyRdt, findResctrl, removeRdt } from "../../../src/cgroup/intel-rdt.ts";
import { makeSys } from "../../../src/host-bun/sys.ts";
import type { IntelRdt } from "../../../src/spec/config.ts";
import { installSys } from "../../../src/sys.ts";

const PID = 123;
/** What the kernel does not take: a mask of no bits. */
const REFUSED = "L3:0=0";
const EINVAL = 22;
/** Lines of what was written, in order, as "FILE: TEXT" below the tree. */
const written: string[] = [];
let root = "";

/** The kernel makes the files of a group with its directory, and removes them with it. */
function makeFiles(group: string): void {
  if (group.endsWith("/mon_groups")) return;
  mkdirSync(`${group}/mon_groups`, { recursive: true });
  for (const file of ["schemata", "tasks"]) writeFileSync(`${group}/${file}`, "");
}

// Real files by the shim itself, except for what the kernel does beside.
const sys = makeSys();
installSys({
  ...sys,
  mkdir: (path, mode) => {
    const result = sys.mkdir(path, mode);
    if (result >= 0) makeFiles(path);
    return result;
  },
  rmdir: (path) => {
    if (!existsSync(path)) return sys.rmdir(path);
    rmSync(path, { recursive: true });
    return 0;
  },
  write_file: (path, text, flags, mode) => {
    if (text.includes(REFUSED)) return -EINVAL;
    written.push(`${path.slice(root.length + 1)}: ${text.trimEnd()}`);
    return sys.write_file(path, text, flags, mode);
  },
});

const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true });
});

/** A new tree with these groups. */
function makeTree(...groups: string[]): void {
  root = mkdtempSync(`${tmpdir()}/tsrun-resctrl-`);
  trees.push(root);
  for (const group of ["", ...groups]) {
    mkdirSync(`${root}/${group}`, { recursive: true });
    makeFiles(`${root}/${group}`);
  }
  written.length = 0;
}

/** `made`: what delete removes; `undo`: what a create that fails takes back. */
function apply(rdt: IntelRdt) {
  const undo: string[] = [];
  let made: readonly string[] = [];
  let error = "";
  written.length = 0;
  try {
    made = applyRdt(root, rdt, "web", PID, undo).made;
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
  }
  return { made, undo, error, writes: [...written] };
}

const schemata = (group: string, text: string) => writeFileSync(`${root}/${group}/schemata`, text);

test("8.50 without a mounted resctrl there is an error", () => {
  if (readFileSync("/proc/self/mountinfo", "utf8").includes(" - resctrl ")) return;
  expect(() => findResctrl()).toThrow("mounted resctrl");
});

test("8.50 8.51 closID / is the root class: the pid goes into its tasks, and nothing is made", () => {
  makeTree();
  expect(apply({ closID: "/", memBwSchema: "MB:0=50" })).toEqual({ made: [], undo: [], error: "", writes: ["schemata: MB:0=50", `tasks: ${PID}`] });
});

test("8.50 8.51 without closID the class has the container's id, and goes with it", () => {
  makeTree();
  const { made, error, writes } = apply({ l3CacheSchema: "L3:0=f" });
  expect({ error, writes }).toEqual({ error: "", writes: ["web/schemata: L3:0=f", `web/tasks: ${PID}`] });
  expect(made).toEqual([`${root}/web`]);
  removeRdt({ made });
  expect(existsSync(`${root}/web`)).toBe(false);
});

test("8.51 a class of the container's id that is there was not made by us: it stays", () => {
  makeTree("web");
  const { made, error } = apply({ l3CacheSchema: "L3:0=f" });
  expect({ made, error }).toEqual({ made: [], error: "" });
  removeRdt({ made });
  expect(existsSync(`${root}/web`)).toBe(true);
});

test("8.51 a class that closID names stays, also when it was made for the container", () => {
  makeTree();
  const { made, error } = apply({ closID: "gold", l3CacheSchema: "L3:0=f" });
  expect({ made, error }).toEqual({ made: [], error: "" });
  removeRdt({ made });
  expect(readFileSync(`${root}/gold/tasks`, "utf8")).toBe(String(PID));
});

test("8.52 l3CacheSchema is written first, then memBwSchema, and schemata last, whatever their order in the config", () => {
  makeTree();
  const { writes } = apply({ schemata: ["L2:0=1", "L3:1=3"], memBwSchema: "MB:0=50", l3CacheSchema: "L3:0=f" });
  expect(writes).toEqual(["web/schemata: L3:0=f\nMB:0=50", "web/schemata: L2:0=1", "web/schemata: L3:1=3", `web/tasks: ${PID}`]);
});

test("8.52 without any schema no schemata file is written", () => {
  makeTree("gold");
  for (const rdt of [{ closID: "/" }, { closID: "gold" }, {}, { closID: "/", enableMonitoring: true }])
    expect(apply(rdt).writes.filter((line) => line.includes("schemata"))).toEqual([]);
});

test("8.54 a class that is missing is made when there are schemas of either kind", () => {
  for (const rdt of [{ l3CacheSchema: "L3:0=f" }, { memBwSchema: "MB:0=50" }, { schemata: ["L3:0=f"] }]) {
    makeTree();
    expect(apply({ closID: "gold", ...rdt }).error).toBe("");
    expect(readdirSync(root)).toContain("gold");
  }
});

test("8.54 a class that is there must have the same limits, however they are spaced", () => {
  makeTree("gold");
  schemata("gold", "    L3:0=f;1=f\n    MB:0=50\n");
  const good = apply({ closID: "gold", l3CacheSchema: "L3:0=f;1=f", memBwSchema: "MB:0=50" });
  expect({ error: good.error, writes: good.writes }).toEqual({ error: "", writes: [`gold/tasks: ${PID}`] });
  for (const rdt of [{ l3CacheSchema: "L3:0=3;1=f" }, { memBwSchema: "MB:0=60" }, { l3CacheSchema: "L3:0=f;1=f", memBwSchema: "MB:0=60" }]) {
    const { error, writes } = apply({ closID: "gold", ...rdt });
    expect(error).toContain("other limits");
    expect(writes).toEqual([]);
  }
});

test("8.55 a class without schemas must be there, and is joined", () => {
  makeTree("gold");
  expect(apply({ closID: "gold" })).toEqual({ made: [], undo: [], error: "", writes: [`gold/tasks: ${PID}`] });
  const { error, writes, made } = apply({ closID: "silver" });
  expect(error).toContain("class of service");
  expect({ writes, made, there: existsSync(`${root}/silver`) }).toEqual({ writes: [], made: [], there: false });
});

test("8.56 a monitoring group below the class, named by the container, is made and removed; the class stays", () => {
  makeTree("gold");
  const { made, error, writes } = apply({ closID: "gold", enableMonitoring: true });
  expect(error).toBe("");
  expect(made).toEqual([`${root}/gold/mon_groups/web`]);
  expect(writes).toEqual([`gold/tasks: ${PID}`, `gold/mon_groups/web/tasks: ${PID}`]);
  removeRdt({ made });
  expect(readdirSync(`${root}/gold/mon_groups`)).toEqual([]);
});

test("8.56 below a class of the container's own it is removed before the class", () => {
  makeTree();
  const { made } = apply({ enableMonitoring: true });
  expect(made).toEqual([`${root}/web/mon_groups/web`, `${root}/web`]);
});

test("8.56 a monitoring group that cannot be made is an error", () => {
  makeTree();
  rmSync(`${root}/mon_groups`, { recursive: true });
  writeFileSync(`${root}/mon_groups`, "");
  expect(apply({ closID: "/", enableMonitoring: true }).error).toContain("monitoring group");
});

test("1.08 8.54 a class that was made for a create that fails is taken back, also a named one", () => {
  makeTree();
  const { error, undo } = apply({ closID: "gold", l3CacheSchema: REFUSED });
  expect(error).not.toBe("");
  removeRdt({ made: undo });
  expect(existsSync(`${root}/gold`)).toBe(false);
  expect(apply({ closID: "gold", l3CacheSchema: "L3:0=f" }).undo).toEqual([`${root}/gold`]);
});
