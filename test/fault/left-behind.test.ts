// When taking back fails as well, the error says what is left behind.
/// <reference types="bun" />
import { expect } from "bun:test";
import { ROOT, spec, tsrunOnly } from "../helpers/spec.ts";
import { command, EIO, failureProblem } from "./faulty.ts";
import { everySection } from "./scenarios.ts";

spec("1.08 a fault of an op, and one of the undo: both are told", tsrunOnly, async () => {
  const { bundle } = await everySection();
  const directory = `${ROOT}/${bundle.name}`;
  const create = ["create", "--bundle", bundle.directory, bundle.name];
  const outcome = await command(create, { init: { op: 30, call: 0, errno: EIO }, parent: { call: `rmdir ${directory}`, nth: 1, errno: EIO } });
  expect(failureProblem(outcome, 1)).toBe("");
  expect(outcome.errors[0]).toMatchObject({
    code: "TS2001",
    leftBehind: [`state directory: cannot remove the container's directory "${directory}": rmdir: EIO (input/output error)`],
  });
  expect(outcome.result.stderr).toContain("\n  left behind: state directory: ");
  expect((await command(["delete", "--force", bundle.name])).result.code).toBe(0);
});
