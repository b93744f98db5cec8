// image-spec, conversion.md: an image's configuration becomes a config.json.
import { expect, test } from "bun:test";
import { defaultSpec } from "../../../src/cli/spec-template.ts";
import { convertConfig } from "../../../src/image/config/convert.ts";
import { findUser, type UserFiles } from "../../../src/image/config/users.ts";
import { ImageError } from "../../../src/image/errors.ts";
import type { ImageConfig } from "../../../src/image/spec/schema.ts";
import type { Config } from "../../../src/spec/config.ts";

const FILES: UserFiles = {
  passwd: Buffer.from(
    [
      "root:x:0:0:root:/root:/bin/sh",
      "broken",
      "nobody:x:x:x::/:",
      "",
      "web:x:33:44:Web,,,:/var/www:/bin/false",
      "1000:x:77:77::/home/thousand:",
      "many:x:50:51::",
    ].join("\n"),
  ),
  group: Buffer.from(
    ["root:x:0:", "www:x:44:web", "audio:x:29:web,many", "video:x:30:many,web", "broken:x:y:web", "again:x:29:web", "33:x:99:", "empty:x:60"].join("\n"),
  ),
};
const NONE: UserFiles = { passwd: undefined, group: undefined };

function image(config: ImageConfig["config"], more: Partial<ImageConfig> = {}): ImageConfig {
  return { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] }, ...(config === undefined ? {} : { config }), ...more };
}

function convert(config: ImageConfig["config"], more: Partial<ImageConfig> = {}, files: UserFiles = FILES): Config {
  return convertConfig(image(config, more), defaultSpec(), files);
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ImageError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "no error";
}

test("convert: without a config, the base config's process, and a root to be written to", () => {
  const { process, root, annotations } = convert(undefined, {}, NONE);
  const plain = defaultSpec().process;
  expect(process).toEqual({ ...plain, user: { uid: 0, gid: 0 }, env: [...(plain?.env ?? []), "HOME=/"] } as Config["process"]);
  expect(root).toEqual({ path: "rootfs", readonly: false });
  expect(annotations).toEqual({ "org.opencontainers.image.os": "linux", "org.opencontainers.image.architecture": "amd64" });
});

test("convert: args are the entrypoint and then the command", () => {
  const args = (config: ImageConfig["config"]) => convert(config).process?.args;
  expect(args({ Entrypoint: ["/a", "b"], Cmd: ["c"] })).toEqual(["/a", "b", "c"]);
  expect(args({ Cmd: ["c"] })).toEqual(["c"]);
  expect(args({ Entrypoint: ["/a"], Cmd: [] })).toEqual(["/a"]);
  expect(args({ Entrypoint: [], Cmd: [] })).toEqual(["sh"]);
});

test("convert: variables stay as they are; PATH, TERM and HOME only where the image has none", () => {
  const env = (config: ImageConfig["config"]) => convert(config).process?.env;
  expect(env({ Env: ["B=2=3", "A="] })).toEqual(["B=2=3", "A=", ...(defaultSpec().process?.env ?? []), "HOME=/root"]);
  expect(env({ Env: ["PATH=/own", "TERM=dumb", "HOME=/x", "MULTI=a\nb"] })).toEqual(["PATH=/own", "TERM=dumb", "HOME=/x", "MULTI=a\nb"]);
  expect(env({ User: "web", Env: ["PATH=/own"] })).toEqual(["PATH=/own", "TERM=xterm", "HOME=/var/www"]);
  expect(messageOf(() => env({ Env: ["NOTHING"] }))).toBe('TS7002 config.Env: "NOTHING" is no variable');
  expect(messageOf(() => env({ Env: ["=x"] }))).toContain("is no variable");
});

test("convert: the working directory is absolute", () => {
  const cwd = (WorkingDir?: string) => convert(WorkingDir === undefined ? {} : { WorkingDir }).process?.cwd;
  expect([cwd(), cwd(""), cwd("/srv"), cwd("srv")]).toEqual(["/", "/", "/srv", "/srv"]);
});

test("convert: annotations from other members, and labels over them", () => {
  const { annotations } = convert(
    {
      StopSignal: "SIGRTMIN+3",
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      Labels: { "org.opencontainers.image.author": "label", own: "1", "": "no name" },
    },
    { author: "somebody", created: "2020-01-01T00:00:00.123Z", variant: "v8", "os.version": "1.2", "os.features": ["a", "b"] },
  );
  expect(annotations).toEqual({
    "org.opencontainers.image.os": "linux",
    "org.opencontainers.image.architecture": "amd64",
    "org.opencontainers.image.variant": "v8",
    "org.opencontainers.image.os.version": "1.2",
    "org.opencontainers.image.os.features": "a,b",
    "org.opencontainers.image.author": "label",
    "org.opencontainers.image.created": "2020-01-01T00:00:00.123Z",
    "org.opencontainers.image.stopSignal": "SIGRTMIN+3",
    "org.opencontainers.image.exposedPorts": "80/tcp,53/udp",
    own: "1",
  });
});

test("convert: volumes are mounts after those of the base config", () => {
  const { mounts = [] } = convert({ Volumes: { "/var/lib/b": {}, data: {} } });
  expect(mounts.slice(0, -2)).toEqual(defaultSpec().mounts ?? []);
  expect(mounts.slice(-2).map(({ destination, type, options }) => [destination, type, options?.includes("tmpcopyup")])).toEqual([
    ["/var/lib/b", "tmpfs", true],
    ["/data", "tmpfs", true],
  ]);
  for (const path of ["/", "", "//"]) expect(messageOf(() => convert({ Volumes: { [path]: {} } }))).toContain("TS7002 config.Volumes");
});

test("convert: an image of another system is refused", () => {
  expect(messageOf(() => convert({}, { os: "windows" }))).toContain("TS7007 the image is for windows");
});

test("convert: the user of process.user and its supplementary groups", () => {
  expect(convert({ User: "web" }).process?.user).toEqual({ uid: 33, gid: 44, additionalGids: [44, 29, 30] });
  expect(convert({ User: "33" }).process?.user).toEqual({ uid: 33, gid: 44 });
});

test("users: every form of config.User", () => {
  const user = (text: string, files = FILES) => findUser(text, files);
  expect(user("")).toEqual({ uid: 0, gid: 0, home: "/root" });
  expect(user("root")).toEqual({ uid: 0, gid: 0, additionalGids: [], home: "/root" });
  expect(user("web")).toEqual({ uid: 33, gid: 44, additionalGids: [44, 29, 30], home: "/var/www" });
  expect(user("web:audio")).toEqual({ uid: 33, gid: 29, home: "/var/www" });
  expect(user("web:7")).toEqual({ uid: 33, gid: 7, home: "/var/www" });
  expect(user("web:")).toEqual({ uid: 33, gid: 44, additionalGids: [44, 29, 30], home: "/var/www" });
  expect(user("33")).toEqual({ uid: 33, gid: 44, home: "/var/www" });
  expect(user("12:34")).toEqual({ uid: 12, gid: 34 });
  expect(user("12:audio")).toEqual({ uid: 12, gid: 29 });
  expect(user(":video")).toEqual({ uid: 0, gid: 30, home: "/root" });
  expect(user("many")).toEqual({ uid: 50, gid: 51, additionalGids: [29, 30] });
  expect(user("12", NONE)).toEqual({ uid: 12, gid: 0 });
  expect(user("4294967294")).toEqual({ uid: 4_294_967_294, gid: 0 });
});

test("users: a number is never a name (CVE-2016-3697)", () => {
  expect(findUser("1000", FILES)).toEqual({ uid: 1000, gid: 0 });
  expect(findUser("0:33", FILES)).toEqual({ uid: 0, gid: 33, home: "/root" });
});

test("users: who is not there is an error", () => {
  const error = (text: string, files = FILES) => messageOf(() => findUser(text, files));
  expect(error("ghost")).toBe('TS7002 config.User "ghost": the image\'s /etc/passwd has no user "ghost"');
  expect(error("web", NONE)).toContain("no user");
  expect(error("nobody")).toContain("no user");
  expect(error("broken")).toContain("no user");
  expect(error("web:ghosts")).toContain('/etc/group has no group "ghosts"');
  expect(error("1:2:3")).toContain("more than one colon");
  expect(error("4294967295")).toContain("out of range");
  expect(error("0:99999999999999999999")).toContain("out of range");
  expect(error("-1")).toContain("no user");
  expect(error("+1")).toContain("no user");
});
