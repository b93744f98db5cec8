// process.apparmorProfile (7.13), on machines that have AppArmor; the refusal on those that have not.
import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, facts, fails, ok, refused } from "../helpers/container.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { FAKE_ATTRIBUTES, withHolder } from "../helpers/holder.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { NEEDS, needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

/** A profile that allows all but what the rules deny, loaded while the body runs. */
async function withProfile(body: (name: string) => Promise<void>, rules = "deny /etc/passwd r,"): Promise<void> {
  const b = bundle();
  const name = `${b.name}-profile`;
  const path = `${b.directory}/profile`;
  const all = `file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, dbus, change_profile, ${rules}`;
  writeFileSync(path, `profile ${name} flags=(attach_disconnected,mediate_deleted) {\n ${all.replaceAll(", ", ",\n ")}\n}\n`);
  ok(await exec(["/sbin/apparmor_parser", "-K", "-a", path]));
  try {
    await body(name);
  } finally {
    ok(await exec(["/sbin/apparmor_parser", "-R", path]));
  }
}

const confined = (profile: string, more: JsonObject = {}) =>
  bundle(probe("read:/proc/self/attr/current", "open:r,/etc/passwd", "open:r,/etc/group"), { process: { apparmorProfile: profile, ...more } });

const current = (result: Result) => new Facts(ok(result).stdout).get("read:/proc/self/attr/current");

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
    const words = ["/probe", "read:/proc/self/attr/current"];
    expect(current(await container.command("exec", {}, ...words))).toBe(`${name} (enforce)`);
    const other = await new Container(bundle(probe("pause"))).up();
    expect(current(await other.command("exec", { flags: ["--apparmor", name] }, ...words))).toBe(`${name} (enforce)`);
  }),
);

spec("7.13 a profile that is not loaded is an error, and nothing is left", needs("apparmor"), async () => {
  await refused(confined("no-such-profile"), /no-such-profile|no such file/);
});

spec("7.13 unconfined", needs("apparmor"), async () => {
  expect(current(await new Container(confined("unconfined")).run())).toBe("unconfined");
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

/** A command of the runtime, which is itself in the profile. */
const fromWithin = (profile: string, name: string, ...args: string[]) => exec(["aa-exec", "-p", profile, "--", ...COMMAND, "--root", ROOT, name, ...args]);

spec(
  "7.13 from within a profile: no_new_privs adds the program's, otherwise it takes the place",
  needs("apparmor"),
  oracle({ runc: "the program is not run with no_new_privs", crun: "1.8: the program is not run with no_new_privs" }),
  () =>
    withProfile((name) =>
      withProfile(async (outer) => {
        for (const noNewPrivileges of [true, false]) {
          const b = confined(name, { noNewPrivileges });
          const both = [name, outer].sort().join("//&");
          expect(current(await fromWithin(outer, "run", "--bundle", b.directory, b.name))).toBe(`${noNewPrivileges ? both : name} (enforce)`);
          const container = await new Container(bundle(probe("pause"), { process: { apparmorProfile: name, noNewPrivileges } })).up();
          const inside = await fromWithin(outer, "exec", container.id, "/probe", "read:/proc/self/attr/current");
          expect(current(inside)).toBe(`${noNewPrivileges ? both : name} (enforce)`);
        }
      }, ""),
    ),
);

spec("7.13 8.61 from within a profile that knows no paths of detached mounts", needs("apparmor"), () =>
  withProfile((name) =>
    withProfile(async (outer) => {
      const b = confined(name, { noNewPrivileges: false }).rewrite({ linux: { sysctl: { "net.ipv4.ip_forward": "1" } } });
      expect(current(await fromWithin(outer, "run", "--bundle", b.directory, b.name))).toBe(`${name} (enforce)`);
      // As they are named when they are seen from their own root.
    }, "deny /[0-9]*/task/** w, deny /sys/net/** w,"),
  ),
);

spec("7.13 CVE-2025-52881 a /proc that is none is not written to", needs("apparmor"), tsrunOnly, () =>
  withProfile((name) =>
    withHolder(FAKE_ATTRIBUTES, async (patch, root) => {
      await refused(bundle(patch, { process: { apparmorProfile: name } }), /AppArmor profile.*EXDEV(.|\n)*hint: another filesystem is mounted over \/proc/);
      expect(readFileSync(`${root}/proc/thread-self/attr/apparmor/exec`, "utf8")).toBe("");
    }),
  ),
);

spec("7.13 where AppArmor is off a profile is refused, never skipped", oracle({ runc: "1.1.5 passes over it", crun: "passes over it" }), async () => {
  if (NEEDS.apparmor.isThere()) return;
  await refused(confined("some-profile"), /AppArmor/);
  ok(await new Container(bundle({ process: { apparmorProfile: "unconfined" } })).run());
});
