// The types of src/spec/config.ts are those of the schemas: a difference is a compile error (npm run ok, "types").
import { expect, test } from "bun:test";
import type { Static } from "typebox";
import type { Config, IntelRdt, Linux, MemoryPolicy, Process, Resources, Seccomp } from "../../../src/spec/config.ts";
import type { config, hooks, mounts } from "../../../src/spec/schema/config.ts";
import type { linux } from "../../../src/spec/schema/linux.ts";
import type { intelRdt, memoryPolicy } from "../../../src/spec/schema/machine.ts";
import type { process } from "../../../src/spec/schema/process.ts";
import type { resources } from "../../../src/spec/schema/resources.ts";
import type { seccomp } from "../../../src/spec/schema/seccomp.ts";

/** Each can stand for the other, and they have the same members at the top. */
type Same<A, B> = [A, B, keyof A, keyof B] extends [B, A, keyof B, keyof A] ? true : false;

/** Members with a schema of their own. */
type Top = Omit<Config, "process" | "mounts" | "hooks" | "linux" | "root"> & { root: NonNullable<Config["root"]> };
type OwnLinux = Omit<Linux, "resources" | "seccomp" | "intelRdt" | "memoryPolicy">;

test("types and schemas agree", () => {
  const agree: {
    config: Same<Static<typeof config>, Top>;
    mounts: Same<Static<typeof mounts>, NonNullable<Config["mounts"]>>;
    hooks: Same<Static<typeof hooks>, NonNullable<Config["hooks"]>>;
    // Both sizes are only asked for with a terminal: a rule, and a promise of the type.
    process: Same<Omit<Static<typeof process>, "consoleSize">, Omit<Process, "consoleSize">>;
    linux: Same<Static<typeof linux>, OwnLinux>;
    resources: Same<Static<typeof resources>, Resources>;
    seccomp: Same<Static<typeof seccomp>, Seccomp>;
    intelRdt: Same<Static<typeof intelRdt>, IntelRdt>;
    memoryPolicy: Same<Static<typeof memoryPolicy>, MemoryPolicy>;
  } = { config: true, mounts: true, hooks: true, process: true, linux: true, resources: true, seccomp: true, intelRdt: true, memoryPolicy: true };
  expect(Object.values(agree)).not.toContain(false);
});
