// Capability names -> masks and warnings (spec 7.07).
import { expect, test } from "bun:test";
import { capabilityMasks, capabilityNames, namesOfMask } from "../../../src/plan/capabilities.ts";

/** A runtime that has every capability. */
const ALL = 2 ** 41 - 1;
const AT = "/process/capabilities";
const NONE = { bounding: 0, effective: 0, permitted: 0, inheritable: 0, ambient: 0 };
const all = (...names: string[]) => ({ bounding: names, effective: names, permitted: names, inheritable: names, ambient: names });

test("capabilities: numbers of the first, the 32nd and the last", () => {
  expect(capabilityNames().indexOf("CAP_CHOWN")).toBe(0);
  expect(capabilityNames().indexOf("CAP_SETFCAP")).toBe(31);
  expect(capabilityNames().indexOf("CAP_CHECKPOINT_RESTORE")).toBe(40);
});

test("7.07 absent sets are empty", () => {
  expect(capabilityMasks({}, 40, ALL, AT)).toEqual({ masks: NONE, warnings: [] });
});

test("capabilities: masks of more than 32 bits, a name twice counts once", () => {
  const mask = 2 ** 40 + 2 ** 31 + 1;
  const { masks, warnings } = capabilityMasks(all("CAP_CHOWN", "CAP_SETFCAP", "CAP_CHECKPOINT_RESTORE", "CAP_CHOWN"), 40, ALL, AT);
  expect(masks).toEqual({ bounding: mask, effective: mask, permitted: mask, inheritable: mask, ambient: mask });
  expect(warnings).toEqual([]);
  expect(namesOfMask(mask)).toEqual(["CAP_CHOWN", "CAP_SETFCAP", "CAP_CHECKPOINT_RESTORE"]);
});

test("7.07 unknown names warn, in this kernel or in any", () => {
  const { masks, warnings } = capabilityMasks({ bounding: ["CAP_BPF", "cap_chown", "CAP_KILL"] }, 38, ALL, AT);
  expect(masks).toEqual({ ...NONE, bounding: 32 });
  expect(warnings).toEqual([
    `${AT}/bounding/0: CAP_BPF is left out: this kernel does not know it`,
    `${AT}/bounding/1: cap_chown is left out: no such capability`,
  ]);
});

test("7.07 what the kernel would refuse is left out with a warning", () => {
  const lists = { bounding: ["CAP_KILL"], permitted: ["CAP_CHOWN"], effective: ["CAP_KILL"], inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"] };
  const { masks, warnings } = capabilityMasks(lists, 40, ALL, AT);
  expect(masks).toEqual({ ...NONE, bounding: 32, permitted: 1 });
  expect(warnings.length).toBe(3);
});
