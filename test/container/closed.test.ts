// Fail closed: an isolation that was asked for is in force, or the container is refused; it is never silently left out.
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { Container } from "../helpers/container.ts";
import { Facts } from "../helpers/facts.ts";
import { oracle, spec } from "../helpers/spec.ts";

/** Runs it: either refused, or the check on what the program saw holds. */
async function inForce(b: Bundle, check: (facts: Facts) => void): Promise<void> {
  const result = await new Container(b).run();
  if (result.code === 0) check(new Facts(result.stdout));
  else expect(result.stderr).not.toBe("");
}

const withSeccomp = (seccomp: JsonObject, ...words: string[]) => bundle(probe(...words), { linux: { seccomp } });

spec("8.70 a seccomp filter", async () => {
  const b = withSeccomp(
    { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 5 }] },
    "mkdir:/tmp/x",
    "open:r,/etc/passwd",
  );
  await inForce(b, (facts) => {
    expect(facts.get("mkdir:/tmp/x")).toBe("EIO");
    expect(facts.get("open:r,/etc/passwd")).toBe("ok");
  });
});

spec("8.70 a seccomp filter that allows a list", async () => {
  const b = withSeccomp({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [] }, "echo:x");
  const result = await new Container(b).run();
  expect(result.stdout).not.toContain("x\n");
});

spec("8.71 errnoRet with an action that takes none", oracle({ runc: "not checked" }), async () => {
  const result = await new Container(withSeccomp({ defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 5 }, "echo:x")).run();
  expect(result.code).not.toBe(0);
});

spec("6.07 an idmapped mount", oracle({ runc: "1.1 ignores it" }), async () => {
  const mapping = [{ containerID: 0, hostID: 1000, size: 1 }];
  const b = bundle(probe("stat:/mnt/id/file"));
  await Bun.write(`${b.directory}/source/file`, "x");
  await inForce(
    b.rewrite({ mounts: [...MOUNTS, { destination: "/mnt/id", source: "source", options: ["bind", "idmap"], uidMappings: mapping, gidMappings: mapping }] }),
    (facts) => {
      expect(facts.get("stat:/mnt/id/file")).toMatch(/ 1000:1000 /);
    },
  );
});

spec("6.08 mappings of one kind only", oracle({ runc: "1.1 ignores them" }), async () => {
  const b = bundle({
    mounts: [...MOUNTS, { destination: "/mnt/id", source: "/tmp", options: ["bind"], uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }] }],
  });
  expect((await new Container(b).run()).code).not.toBe(0);
});

spec("8.50 intelRdt without a mounted resctrl is an error; without intelRdt nothing asks for one", oracle({ crun: "ignores it" }), async () => {
  if (existsSync("/sys/fs/resctrl/schemata")) return;
  expect((await new Container(bundle()).run()).code).toBe(0);
  const result = await new Container(bundle({ linux: { intelRdt: { closID: "x", l3CacheSchema: "L3:0=f" } } })).run();
  expect(result.code).not.toBe(0);
});

spec("8.20 a network device that is not there", oracle({ runc: "1.1 ignores it", crun: "1.8 ignores it" }), async () => {
  expect((await new Container(bundle({ linux: { netDevices: { "no-such-dev0": {} } } })).run()).code).not.toBe(0);
});

spec("8.60 a memory policy", oracle({ runc: "1.1 ignores it", crun: "1.8 ignores it" }), async () => {
  expect((await new Container(bundle({ linux: { memoryPolicy: { mode: "MPOL_NOSUCH", nodes: "0" } } })).run()).code).not.toBe(0);
});
