// New limits for a class of service, against a tree of plain files that behaves as resctrl does.
import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { joinRdt, type RdtRecord } from "../../../src/cgroup/intel-rdt.ts";
import { updateRdt } from "../../../src/cgroup/update-rdt.ts";
import { SystemError } from "../../../src/errors.ts";
import { makeSys } from "../../../src/host-bun/sys.ts";
import { installSys } from "../../../src/sys.ts";

const root = mkdtempSync(`${tmpdir()}/tsrun-resctrl-`);
/** What the kernel does not take: a mask of no bits. */
const REFUSED = "L3:0=0";
const EINVAL = 22;
/** "GROUP/tasks" -> what was written, one after the other. */
const tasks: string[] = [];

function makeGroup(path: string): void {
  mkdirSync(path, { recursive: true });
  writeFileSync(`${path}/schemata`, "L3:0=f\nMB:0=10\n");
  writeFileSync(`${path}/tasks`, "");
}

// Real files by the shim itself, except for what the kernel does beside.
const sys = makeSys();
installSys({
  ...sys,
  mkdir: (path, mode) => {
    const result = sys.mkdir(path, mode);
    if (result >= 0) makeGroup(path);
    return result;
  },
  rmdir: (path) => {
    rmSync(path, { recursive: true });
    return 0;
  },
  write_file: (path, text, flags, mode) => {
    if (text.includes(REFUSED)) {
      mkdirSync(`${root}/info`, { recursive: true });
      writeFileSync(`${root}/info/last_cmd_status`, "mask out of range\n");
      return -EINVAL;
    }
    if (path.endsWith("/tasks")) tasks.push(`${path.slice(root.length + 1)} ${text}`);
    return sys.write_file(path, text, flags, mode);
  },
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
  tasks.length = 0;
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const schemata = (group: string) => readFileSync(`${root}/${group}/schemata`, "utf8");
const own = (group: string): RdtRecord => ({ groups: [`${root}/${group}`], made: [] });
const nowhere = () => {
  throw new Error("the mount point of resctrl is not needed");
};

test("a class that is there has the new limits, in one write, and its members stay", () => {
  makeGroup(`${root}/gold`);
  const { record } = updateRdt(["L3:0=3", "MB:0=20"], own("gold"), nowhere, "web", () => [process.pid]);
  expect([schemata("gold"), record, tasks]).toEqual(["L3:0=3\nMB:0=20\n", own("gold"), []]);
});

test("undo makes the class what it was", () => {
  makeGroup(`${root}/gold`);
  updateRdt(["L3:0=3", "MB:0=20"], own("gold"), nowhere, "web", () => []).undo();
  expect(schemata("gold")).toBe("L3:0=f\nMB:0=10\n");
});

test("a line that the kernel refuses changes nothing, and the error says why", () => {
  makeGroup(`${root}/gold`);
  const refused = () => updateRdt(["MB:0=20", REFUSED], own("gold"), nowhere, "web", () => []);
  expect(refused).toThrow(SystemError);
  expect(schemata("gold")).toBe("L3:0=f\nMB:0=10\n");
  try {
    refused();
  } catch (error) {
    expect((error as SystemError).hint).toBe("the kernel says: mask out of range");
  }
});

test("a container without a class gets one of its own, with all its threads", () => {
  const { record, undo } = updateRdt(
    ["MB:0=20"],
    undefined,
    () => root,
    "web",
    () => [process.pid],
  );
  expect(record).toEqual({ groups: [`${root}/web`], made: [`${root}/web`] });
  expect(schemata("web")).toStartWith("MB:0=20\n");
  expect(tasks).toContain(`web/tasks ${process.pid}`);
  // Bun has threads of its own; each is a task.
  expect(tasks.length).toBeGreaterThan(1);
  undo();
  expect(existsSync(`${root}/web`)).toBe(false);
});

test("a class of its own that cannot have the limits is taken away again", () => {
  expect(() =>
    updateRdt(
      [REFUSED],
      undefined,
      () => root,
      "web",
      () => [],
    ),
  ).toThrow(SystemError);
  expect(existsSync(`${root}/web`)).toBe(false);
});

test("the process of an exec joins the class and the group that measures", () => {
  for (const group of ["gold", "gold/mon_groups/web"]) makeGroup(`${root}/${group}`);
  joinRdt({ groups: [`${root}/gold`, `${root}/gold/mon_groups/web`], made: [] }, 77);
  expect(tasks).toEqual(["gold/tasks 77", "gold/mon_groups/web/tasks 77"]);
});
