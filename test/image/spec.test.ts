// tsrun spec --image: the config.json that unpack makes, without unpacking.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Member } from "./helpers/archive.ts";
import { makeLayout } from "./helpers/layout.ts";
import { TOOL_PATH, TSRUN } from "./helpers/running.ts";
import { scratch } from "./helpers/scratch.ts";
import { imageOk, type Ran, run } from "./helpers/tool.ts";

const at = scratch();
const spec = (...args: string[]): Promise<Ran> => run([TSRUN, "spec", ...args], { env: { PATH: TOOL_PATH } });

const PASSWD = { path: "etc/passwd", content: "root:x:0:0::/root:\nweb:x:7:8::/srv:\n" };
const GROUP = { path: "etc/group", content: "root:x:0:\nlogs:x:9:web\n" };

function layout(config: object, ...layers: readonly Member[][]): string {
  return makeLayout(at("layout"), { name: "a", config, layers });
}

test("spec --image: prints what unpack writes", async () => {
  const CONFIGS = {
    nothing: layout({}, [PASSWD]),
    empty: layout({}),
    named: layout({ User: "web", Env: ["A=b"], Cmd: ["/x", "y"], WorkingDir: "w", Labels: { l: "v" }, Volumes: { "/v": {} } }, [PASSWD], [GROUP]),
    "in a link": layout(
      { User: "web:logs" },
      [
        { path: "etc", link: "usr/etc" },
        { ...PASSWD, path: "usr/etc/passwd" },
      ],
      [{ ...GROUP, path: "usr/etc/group" }],
    ),
    "in hard links": layout({ User: "web:logs" }, [{ ...PASSWD, path: "p" }, GROUP], [{ path: "etc/passwd", type: "1", link: "p" }]),
    "numbers, and hidden files": layout({ User: "7" }, [PASSWD, GROUP], [{ path: "etc/.wh.passwd" }]),
  };
  for (const [name, image] of Object.entries(CONFIGS)) {
    const bundle = at("bundle");
    await imageOk("unpack", "--rootless", "--image", image, bundle);
    const { code, out, err } = await spec("--rootless", "--image", image);
    expect(`${name}: ${err}`).toBe(`${name}: `);
    expect(out).toBe(readFileSync(`${bundle}/config.json`, "utf8"));
    expect(code).toBe(0);
  }
  expect(JSON.parse((await spec("--image", CONFIGS.named)).out).process.user).toEqual({ uid: 7, gid: 8, additionalGids: [9] });
});

test("spec --image: with --bundle it writes config.json, and replaces none", async () => {
  const image = layout({ Cmd: ["/x"] }, [PASSWD]);
  const bundle = at("bundle");
  await run(["mkdir", bundle]);
  expect(await spec("--image", image, "--bundle", bundle)).toEqual({ code: 0, out: "", err: "" });
  expect(JSON.parse(readFileSync(`${bundle}/config.json`, "utf8")).process.args).toEqual(["/x"]);
  const again = await spec("--image", image, "--bundle", bundle);
  expect(again.err).toContain("config.json exists");
  expect(again.code).toBe(1);
});

test("spec --image: what is wrong with the image is said", async () => {
  expect((await spec("--image", layout({ User: "ghost" }, [PASSWD]))).err).toContain('no user "ghost"');
  expect((await spec("--image", `${layout({})}:b`)).err).toContain('no image "b"');
  const broken = makeLayout(at("layout"), { name: "a", layers: [{ members: [PASSWD], diffId: `sha256:${"2".repeat(64)}` }] });
  expect((await spec("--image", broken)).err).toContain("unpacks to");
  expect((await spec("--image", layout({}), "--platform", "linux")).err).toContain("is no platform");
});
