// Lists of processors and memory nodes: what no kernel can have is found before anything is made.
import { expect, test } from "bun:test";
import { findProblems } from "../../../src/bundle/rules.ts";
import type { Config } from "../../../src/spec/config.ts";
import { maskWords } from "../../../src/spec/number-list.ts";

const BASE: Config = { ociVersion: "1.3.0", root: { path: "rootfs" } };
const process = { cwd: "/", args: ["a"], user: { uid: 0, gid: 0 } };
const pointers = (config: Config) => findProblems(config).map(({ pointer }) => pointer);

test("7.12 a range that runs backwards, and a processor that no kernel has", () => {
  for (const list of ["5-3", "0,9-8", "99999", "0-99999"]) {
    expect(pointers({ ...BASE, process: { ...process, execCPUAffinity: { initial: list } } })).toEqual(["/process/execCPUAffinity/initial"]);
    expect(pointers({ ...BASE, process: { ...process, execCPUAffinity: { final: list } } })).toEqual(["/process/execCPUAffinity/final"]);
  }
  for (const list of ["", " ", "0", "0-3,7", " 1 - 2 , 4 "])
    expect(pointers({ ...BASE, process: { ...process, execCPUAffinity: { initial: list } } })).toEqual([]);
});

test("8.60 memory nodes alike", () => {
  for (const nodes of ["3-1", "99999"])
    expect(pointers({ ...BASE, linux: { memoryPolicy: { mode: "MPOL_BIND", nodes } } })).toEqual(["/linux/memoryPolicy/nodes"]);
});

test("the words of a mask", () => {
  expect(maskWords("0-3,7")).toEqual(["143"]);
  expect(maskWords("64,130")).toEqual(["0", "1", "4"]);
  expect(maskWords("63")).toEqual(["9223372036854775808"]);
});
