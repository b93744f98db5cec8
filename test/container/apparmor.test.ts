// process.apparmorProfile (7.13), on machines that have AppArmor; the refusal on those that have not.
import { expect } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { NEEDS, needs, oracle, spec } from "../helpers/spec.ts";

/** A profile that allows all but reading /etc/passwd, loaded while the body runs. */
async function withProfile(body: (name: string) => Promise<void>): Promise<void> {
  const b = bundle();
  const name = `${b.name}-profile`;
  const path = `${b.directory}/profile`;
  const rules = "file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, dbus, deny /etc/passwd r,";
  writeFileSync(path, `profile ${name} flags=(attach_disconnected,mediate_deleted) {\n ${rules.replaceAll(", ", ",\n ")}\n}\n`);
  ok(await exec(["/sbin/apparmor_parser", "-K", "-a", path]));
  try {
    await body(name);
  } finally {
    ok(await exec(["/sbin/apparmor_parser", "-R", path]));
  }
}

const confined = (profile: string, more: JsonObject = {}) =>
  bundle(probe("read:/proc/self/attr/current", "open:r,/etc/passwd", "open:r,/etc/group"), { process: { apparmorProfile: profile, ...more } });

spec("7.13 the program has the AppArmor profile", needs("apparmor"), () =>
  withProfile(async (name) => {
    for (const more of [{}, { noNewPrivileges: true }, { user: { uid: 1000, gid: 1000 } }]) {
      const f = await facts(confined(name, more));
      expect(f.get("read:/proc/self/attr/current")).toBe(`${name} (enforce)`);
      expect([f.get("open:r,/etc/passwd"), f.get("open:r,/etc/group")]).toEqual(["EACCES", "ok"]);
    }
  }),
);

spec("7.13 exec has the container's profile, or the one of --apparmor", needs("apparmor"), () =>
  withProfile(async (name) => {
    const container = await new Container(bundle(probe("pause"), { process: { apparmorProfile: name } })).up();
    const current = async (...flags: string[]) =>
      new Facts(ok(await container.command("exec", { flags }, "/probe", "read:/proc/self/attr/current")).stdout).get("read:/proc/self/attr/current");
    expect(await current()).toBe(`${name} (enforce)`);
    const other = await new Container(bundle(probe("pause"))).up();
    const applied = new Facts(ok(await other.command("exec", { flags: ["--apparmor", name] }, "/probe", "read:/proc/self/attr/current")).stdout);
    expect(applied.get("read:/proc/self/attr/current")).toBe(`${name} (enforce)`);
  }),
);

spec("7.13 a profile that is not loaded is an error, and nothing is left", needs("apparmor"), async () => {
  await refused(confined("no-such-profile"), /no-such-profile|no such file/);
});

spec("7.13 unconfined", needs("apparmor"), async () => {
  expect((await facts(confined("unconfined"))).get("read:/proc/self/attr/current")).toBe("unconfined");
});

spec(
  "7.13 CVE-2023-28642 a /proc that the image replaces by a link is not written to",
  oracle({ runc: "1.1.5 refuses it in another way", crun: "another way" }),
  needs("apparmor"),
  () =>
    withProfile(async (name) => {
      const b = confined(name);
      await exec(["rmdir", `${b.rootfs}/proc`]);
      b.dir("elsewhere/self/attr");
      b.link("proc", "elsewhere");
      fails(await new Container(b).run());
      expect(existsSync(`${b.rootfs}/elsewhere/self/attr/exec`)).toBe(false);
    }),
);

spec("7.13 where AppArmor is off a profile is refused, never skipped", oracle({ runc: "1.1.5 passes over it", crun: "passes over it" }), async () => {
  if (NEEDS.apparmor.isThere()) return;
  await refused(confined("some-profile"), /AppArmor/);
  ok(await new Container(bundle({ process: { apparmorProfile: "unconfined" } })).run());
});
