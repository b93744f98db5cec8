// linux.resources: what is wrong on every machine has another code than what this version of cgroups cannot do.
import { expect, test } from "bun:test";
import { compileLimits } from "../../../src/cgroup/limits.ts";
import { ConfigError } from "../../../src/errors.ts";
import type { Resources } from "../../../src/spec/config.ts";

function codeOf(resources: Resources, version: "v1" | "v2"): string {
  try {
    compileLimits(resources, version);
  } catch (error) {
    if (error instanceof ConfigError) return error.code;
    throw error;
  }
  return "";
}

test("TS1103: values that are out of range, or do not go together", () => {
  expect(codeOf({ cpu: { shares: 1 } }, "v1")).toBe("TS1103");
  expect(codeOf({ memory: { swappiness: 101 } }, "v1")).toBe("TS1103");
  expect(codeOf({ hugepageLimits: [{ pageSize: "2M", limit: 1 }] }, "v1")).toBe("TS1103");
  expect(codeOf({ hugepageLimits: [{ pageSize: "2M", limit: 1 }] }, "v2")).toBe("TS1103");
  expect(codeOf({ memory: { limit: 8192, swap: 4096 } }, "v2")).toBe("TS1103");
  expect(codeOf({ unified: { "a/b": "1" } }, "v2")).toBe("TS1103");
});

test("TS1104: what only the other version has", () => {
  expect(codeOf({ unified: { "pids.max": "1" } }, "v1")).toBe("TS1104");
  expect(codeOf({ memory: { swappiness: 50 } }, "v2")).toBe("TS1104");
  expect(codeOf({ network: { classID: 1 } }, "v2")).toBe("TS1104");
});
