// Mounts whose options fsconfig(2) does not take: long values, paths with escaped commas, iversion. They go through mount(2).
import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { type JsonObject, MOUNTS } from "../helpers/config.ts";
import { facts, refused } from "../helpers/container.ts";
import { oracle, spec, tsrunOnly } from "../helpers/spec.ts";

/** An overlay in the bundle on layers with a file each, named after the layer; more options. */
function overlay(names: readonly string[], words: string[], ...options: string[]): Bundle {
  const b = bundle(probe("mounts", ...words));
  const directory = (name: string) => {
    const path = `${b.directory}/${name}`;
    mkdirSync(path);
    return path;
  };
  // Backslashes escape what separates options and layers (mount(8), overlayfs.rst).
  const escaped = (path: string) => path.replaceAll(/[,:\\]/g, "\\$&");
  const lower = names.map((name, index) => {
    const path = directory(name);
    writeFileSync(`${path}/${index}`, "");
    return escaped(path);
  });
  const data = [`lowerdir=${lower.join(":")}`, `upperdir=${directory("upper")}`, `workdir=${directory("work")}`];
  return b.rewrite({ mounts: [...MOUNTS, { destination: "/mnt", type: "overlay", source: "overlay", options: [...options, ...data] }] });
}

const tmpfs = (mount: JsonObject): JsonObject => ({ mounts: [...MOUNTS, { destination: "/mnt", type: "tmpfs", source: "tmpfs", ...mount }] });

spec("6.10 an overlay on many layers: values of more than 255 bytes", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `layer-with-a-long-name-${index}`);
  const f = await facts(overlay(names, ["ls:/mnt", "open:c,/mnt/new"], "nosuid", "nodev"));
  expect(f.get("ls:/mnt").split(" ")).toHaveLength(20);
  expect(f.get("open:c,/mnt/new")).toBe("ok");
  expect(f.mount("/mnt").options).toEqual(expect.arrayContaining(["nosuid", "nodev"]));
});

spec("6.10 an overlay on layers with commas and colons in their names", async () => {
  expect((await facts(overlay(["a,b", "c:d"], ["ls:/mnt"]))).get("ls:/mnt")).toBe("0 1");
});

spec("6.10 more options than mount(2) takes are an error, not cut off", tsrunOnly, async () => {
  const names = Array.from({ length: 20 }, (_, index) => `${"x".repeat(200)}${index}`);
  await refused(overlay(names, []), /ENAMETOOLONG(.|\n)*hint: mount\(2\) takes less than 4096 bytes/);
});

spec("6.10 a source of more than 255 bytes", async () => {
  const source = "s".repeat(300);
  expect((await facts(bundle(probe("mounts"), tmpfs({ source })))).mount("/mnt").source).toBe(source);
});

spec("6.04 iversion: the mode of the directory and what it holds come along", oracle({ crun: "1.8 does not know it" }), async () => {
  const b = bundle(probe("mounts", "stat:/mnt", "stat:/mnt/file"), tmpfs({ options: ["iversion", "tmpcopyup", "noexec"] }));
  b.dir("mnt", 0o711);
  b.file("mnt/file");
  const f = await facts(b);
  expect(f.get("stat:/mnt")).toStartWith("dir 0711 ");
  expect(f.get("stat:/mnt/file")).toStartWith("file ");
  expect(f.mount("/mnt").options).toContain("noexec");
});

spec("6.04 iversion in a directory that is made for it has the mode of a new tmpfs", oracle({ runc: "0755", crun: "1.8 does not know it" }), async () => {
  const f = await facts(bundle(probe("stat:/new"), { mounts: [...MOUNTS, { destination: "/new", type: "tmpfs", source: "t", options: ["iversion"] }] }));
  expect(f.get("stat:/new")).toStartWith("dir 1777 ");
});
