// process.capabilities
import { expect } from "bun:test";
import { bundle } from "../helpers/bundle.ts";
import type { Json, JsonObject } from "../helpers/config.ts";
import { Container, facts, ok } from "../helpers/container.ts";
import { oracle, spec } from "../helpers/spec.ts";

const BITS: Readonly<Record<string, bigint>> = {
  CAP_CHOWN: 0n,
  CAP_DAC_OVERRIDE: 1n,
  CAP_FOWNER: 3n,
  CAP_KILL: 5n,
  CAP_SETGID: 6n,
  CAP_SETUID: 7n,
  CAP_NET_BIND_SERVICE: 10n,
  CAP_NET_RAW: 13n,
  CAP_SYS_ADMIN: 21n,
  CAP_AUDIT_WRITE: 29n,
};
const mask = (...names: string[]) => names.reduce((sum, name) => sum | (1n << (BITS[name] ?? 64n)), 0n).toString(16);
const withCaps = (capabilities: JsonObject | undefined, user: Json = { uid: 0, gid: 0 }) =>
  bundle({ process: { args: ["/probe", "caps"], user, capabilities: undefined } }).rewrite({ process: { capabilities } });

const SETS = ["effective", "permitted", "inheritable", "bounding", "ambient"] as const;

spec("7.07 all five sets are as listed, for root", async () => {
  const two = ["CAP_KILL", "CAP_CHOWN"];
  const f = await facts(
    withCaps({ bounding: [...two, "CAP_SETUID"], effective: two, permitted: [...two, "CAP_SETUID"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"] }),
  );
  expect(f.get("caps.bounding")).toBe(mask(...two, "CAP_SETUID"));
  // execve gives root (inheritable | bounding) as permitted, and all of it as effective.
  expect(f.get("caps.permitted")).toBe(mask(...two, "CAP_SETUID"));
  expect(f.get("caps.inheritable")).toBe(mask("CAP_KILL"));
  expect(f.get("caps.ambient")).toBe(mask("CAP_KILL"));
});

spec("7.07 all five sets are as listed, for a user", async () => {
  const both = ["CAP_KILL", "CAP_NET_BIND_SERVICE"];
  const f = await facts(
    withCaps({ bounding: ["CAP_CHOWN", ...both], effective: both, permitted: both, inheritable: both, ambient: both }, { uid: 1000, gid: 1000 }),
  );
  expect(f.get("caps.bounding")).toBe(mask("CAP_CHOWN", ...both));
  for (const set of ["effective", "permitted", "inheritable", "ambient"]) expect(f.get(`caps.${set}`)).toBe(mask(...both));
});

spec("7.07 CVE-2016-8867 a user without ambient capabilities has none", async () => {
  const f = await facts(withCaps({ bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] }, { uid: 1000, gid: 1000 }));
  for (const set of ["effective", "permitted", "inheritable", "ambient"]) expect(f.get(`caps.${set}`)).toBe("0");
});

spec("7.07 CVE-2022-24769 CVE-2022-29162 CVE-2022-27650 CVE-2025-27612 nothing is inheritable that is not listed", async () => {
  expect((await facts(bundle({ process: { args: ["/probe", "caps"] } }))).get("caps.inheritable")).toBe("0");
});

spec("7.07 empty sets", async () => {
  const f = await facts(withCaps({ bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] }));
  for (const set of SETS) expect(f.get(`caps.${set}`)).toBe("0");
});

spec("7.07 absent sets are empty", async () => {
  const f = await facts(withCaps({ bounding: ["CAP_CHOWN"] }, { uid: 1000, gid: 1000 }));
  expect(f.get("caps.bounding")).toBe(mask("CAP_CHOWN"));
  expect(f.get("caps.effective")).toBe("0");
});

spec("7.07 no capabilities at all", async () => {
  const f = await facts(withCaps(undefined, { uid: 1000, gid: 1000 }));
  expect(f.get("caps.effective")).toBe("0");
});

spec("7.07 a capability that the kernel does not know is a warning", oracle({ crun: "an error" }), async () => {
  const container = new Container(
    withCaps({ bounding: ["CAP_CHOWN", "CAP_FUTURE"], effective: ["CAP_CHOWN", "CAP_FUTURE"], permitted: ["CAP_CHOWN", "CAP_FUTURE"] }),
  );
  const result = ok(await container.run());
  expect(result.stdout).toContain(`caps.bounding=${mask("CAP_CHOWN")}`);
  expect(result.stderr).toContain("CAP_FUTURE");
});

spec("7.07 a capability that the runtime itself lacks is a warning", oracle({ runc: "fails", crun: "fails" }), async () => {
  // CAP_SYS_RESOURCE may or may not be there; the bounding set of this machine decides.
  const everything = ["CAP_CHOWN", "CAP_SYS_RESOURCE"];
  ok(await new Container(withCaps({ bounding: everything, effective: everything, permitted: everything })).run());
});
