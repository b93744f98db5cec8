// Namespaces that are joined by path: a user namespace and what it may forbid, and what is no namespace.
import { expect } from "bun:test";
import { bundle, probe } from "../helpers/bundle.ts";
import { type Json, type JsonObject, NAMESPACES } from "../helpers/config.ts";
import { Container, fails, ok, refused, runtime } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { withUserNamespace } from "../helpers/holder.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

const MAPPINGS: Json = [{ containerID: 0, hostID: 0, size: 65536 }];
/** runc 1.1 wants mappings beside the path. */
const joined = (path: string, user: JsonObject = {}): JsonObject => ({
  process: { user },
  linux: { namespaces: [...NAMESPACES, { type: "user", path }], uidMappings: MAPPINGS, gidMappings: MAPPINGS, sysctl: undefined },
});

spec("8.02 a joined user namespace that forbids setgroups: a container without additional groups", needs("userns"), () =>
  withUserNamespace("deny", async (path) => {
    const f = new Facts(ok(await new Container(bundle(probe("user", "read:/proc/self/setgroups"), joined(path))).run()).stdout);
    expect([f.get("uid"), f.get("gid"), f.get("groups"), f.get("read:/proc/self/setgroups").trim()]).toEqual(["0 0 0", "0 0 0", "", "deny"]);
  }),
);

spec("8.02 a joined user namespace that forbids setgroups: an exec", needs("userns"), () =>
  withUserNamespace("deny", async (path) => {
    const container = await new Container(bundle(probe("pause"), joined(path))).up();
    const f = new Facts(ok(await container.command("exec", {}, "/probe", "user")).stdout);
    expect([f.get("uid"), f.get("groups")]).toEqual(["0 0 0", ""]);
  }),
);

spec("8.02 the groups of the runtime's caller stay out of a user namespace that forbids setgroups", tsrunOnly, needs("userns"), () =>
  withUserNamespace("deny", async (path) => {
    const container = new Container(bundle(probe("user", "pause"), joined(path)));
    const withGroups = (...args: string[]) => exec(["setpriv", "--groups", "7,8", "--", ...COMMAND, "--root", ROOT, ...args]);
    container.created = ok(await withGroups("create", "--bundle", container.bundle.directory, container.id));
    ok(await runtime(["start", container.id]));
    await container.said("groups");
    expect(container.facts().get("groups")).toBe("");
    expect(new Facts(ok(await withGroups("exec", container.id, "/probe", "user")).stdout).get("groups")).toBe("");
  }),
);

spec(
  "7.14 additional groups that the joined user namespace forbids are an error that names them",
  needs("userns"),
  oracle({ runc: "leaves them out in silence", crun: "leaves them out in silence" }),
  () =>
    withUserNamespace("deny", async (path) => {
      const result = fails(await new Container(bundle(joined(path, { additionalGids: [5] }))).run(), /setgroups: EPERM/);
      expect(result.stderr).toMatch(/#\/process\/user\/additionalGids/);
      expect(result.stderr).toContain("hint: the user namespace forbids setgroups");
    }),
);

spec("8.02 a joined user namespace that allows setgroups has the additional groups", needs("userns"), () =>
  withUserNamespace("allow", async (path) => {
    const f = new Facts(ok(await new Container(bundle(probe("user"), joined(path, { additionalGids: [5, 6] }))).run()).stdout);
    expect(f.get("groups").split(" ").sort()).toEqual(["5", "6"]);
  }),
);

spec("8.02 a FIFO in the place of a namespace is an error, and no wait", tsrunOnly, async () => {
  const b = bundle();
  const path = `${b.directory}/fifo`;
  ok(await exec(["mkfifo", path]));
  await refused(b.rewrite({ linux: { namespaces: [...NAMESPACES.filter(({ type }) => type !== "ipc"), { type: "ipc", path }] } }), /join the namespace/);
});
