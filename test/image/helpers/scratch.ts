// A private directory per test file, removed at its end.
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

/** A function that makes paths in the directory that no other call of it has made. */
export function scratch(parent: string = tmpdir()): (name?: string) => string {
  const root = mkdtempSync(`${parent}/tsrun-image-`);
  let count = 0;
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return (name = "x") => `${root}/${name}${++count}`;
}
