// bundle/schema: faults of the generated validators in plain words.
import { expect, test } from "bun:test";
import { findSchemaProblems } from "../../../src/bundle/schema.ts";
import { installUnitHost } from "../../helpers/unit-host.ts";

installUnitHost();

test("each fault says where and what it must be", () => {
  const config = {
    ociVersion: "1.0.0",
    root: {},
    annotations: { "a/b": 1 },
    mounts: [{ destination: 5, options: [1] }],
    process: { cwd: "/", user: { uid: -1, gid: 0 }, terminal: "yes", rlimits: [{ type: "RLIMIT_X", soft: 1.5, hard: 1 }], execCPUAffinity: { initial: "all" } },
    linux: { namespaces: {}, personality: { domain: "HURD" } },
  };
  expect(Object.fromEntries(findSchemaProblems(config).map(({ pointer, message }) => [pointer, message]))).toEqual({
    "/root": 'root must have the member "path"',
    "/annotations/a~1b": 'annotations["a/b"] must be a string',
    "/mounts/0/destination": "mounts[0].destination must be a string",
    "/mounts/0/options/0": "mounts[0].options[0] must be a string",
    "/process/user/uid": "process.user.uid must be an integer from 0 to 4294967295",
    "/process/terminal": "process.terminal must be true or false",
    "/process/rlimits/0/type": expect.stringContaining("must be one of: RLIMIT_AS, RLIMIT_CORE,"),
    "/process/rlimits/0/soft": "process.rlimits[0].soft must be a 64-bit integer that is not negative",
    "/process/execCPUAffinity/initial": 'process.execCPUAffinity.initial must be a list of processors such as "0-3,7"',
    "/linux/namespaces": "linux.namespaces must be a list [ ... ]",
    "/linux/personality/domain": "linux.personality.domain must be one of: LINUX, LINUX32",
  });
});

test("a document that is no object", () => {
  for (const value of [null, 5, "x", []]) expect(findSchemaProblems(value)).toEqual([{ pointer: "", message: "config.json must be an object { ... }" }]);
});

test("64-bit limits", () => {
  const faults = (hard: number | bigint) =>
    findSchemaProblems({
      ociVersion: "1.0.0",
      root: { path: "r" },
      process: { cwd: "/", user: { uid: 0, gid: 0 }, rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard }] },
    }).length;
  for (const good of [0, 9007199254740991, 9007199254740992n, 18446744073709551615n]) expect(faults(good)).toBe(0);
  for (const bad of [-1, 0.5, 1e300, Number.NaN, -1n, 18446744073709551616n]) expect(faults(bad)).toBe(1);
});
