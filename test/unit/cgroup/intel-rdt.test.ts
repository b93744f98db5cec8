// linux.intelRdt against a tree of plain files: what is written where, and what is left.
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { applyRdt, removeRdt } from "../../../src/cgroup/intel-rdt.ts";
import { makeSys } from "../../../src/host-bun/sys.ts";
import type { IntelRdt } from "../../../src/spec/config.ts";
import { installSys } from "../../../src/sys.ts";

// Real files: the shim itself.
installSys(makeSys());

const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true });
});

/** The kernel makes a group's files with its directory; here they are there before. */
function tree(...groups: string[]): string {
  const root = mkdtempSync(`${tmpdir()}/tsrun-resctrl-`);
  trees.push(root);
  for (const group of ["", ...groups]) {
    mkdirSync(`${root}/${group}/mon_groups`, { recursive: true });
    for (const file of ["schemata", "tasks"]) writeFileSync(`${root}/${group}/${file}`, "");
  }
  return root;
}

function apply(root: string, rdt: IntelRdt): { made: string[]; named: string[]; error: string } {
  const groups = { made: [], named: [] };
  try {
    applyRdt(root, rdt, "web", 123, groups);
    return { ...groups, error: "" };
  } catch (error) {
    return { ...groups, error: error instanceof Error ? error.message : String(error) };
  }
}

const read = (path: string) => readFileSync(path, "utf8");

test("intelRdt: closID / is the root class, and nothing is made (8.51)", () => {
  const root = tree();
  expect(apply(root, { closID: "/", memBwSchema: "MB:0=50" })).toEqual({ made: [], named: [], error: "" });
  expect([read(`${root}/tasks`), read(`${root}/schemata`)]).toEqual(["123", "MB:0=50\n"]);
});

test("intelRdt: a class that is there must have the limits that are asked for (8.54)", () => {
  const root = tree("gold");
  writeFileSync(`${root}/gold/schemata`, "    L3:0=f\n    MB:0=50\n");
  expect(apply(root, { closID: "gold", l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=50" }).error).toBe("");
  expect(read(`${root}/gold/tasks`)).toBe("123");
  expect(apply(root, { closID: "gold", l3CacheSchema: "L3:0=3" }).error).toContain("other limits");
});

test("intelRdt: a class without limits must be there (8.55)", () => {
  const root = tree("gold");
  expect(apply(root, { closID: "gold" }).error).toBe("");
  expect(apply(root, { closID: "silver" }).error).toContain("class of service");
});

test("intelRdt: without closID the class has the container's id and goes with it (8.51)", () => {
  const root = tree();
  // A plain directory has no files of its own: the first write fails, and what was made is known.
  const { made, error } = apply(root, { schemata: ["L3:0=f"] });
  expect(error).not.toBe("");
  expect(made).toEqual([`${root}/web`]);
  removeRdt({ made });
  expect(existsSync(`${root}/web`)).toBe(false);
});

test("intelRdt: a class that is named and new is known, for a create that fails (8.51, 1.08)", () => {
  const root = tree();
  // As above, the first write fails.
  const { made, named, error } = apply(root, { closID: "silver", schemata: ["L3:0=f"] });
  expect(error).not.toBe("");
  expect({ made, named }).toEqual({ made: [], named: [`${root}/silver`] });
});

test("intelRdt: a monitoring group below the class (8.56)", () => {
  const root = tree("gold");
  const { made } = apply(root, { closID: "gold", enableMonitoring: true });
  expect(made).toEqual([`${root}/gold/mon_groups/web`]);
  expect(existsSync(`${root}/gold/mon_groups/web`)).toBe(true);
});
