// How tsrun reports: codes, config pointers with line and column, several findings at once, hints, the JSON log.
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { type Bundle, bundle } from "../helpers/bundle.ts";
import { MOUNTS } from "../helpers/config.ts";
import { Container, fails, readLog, refused, runtime } from "../helpers/container.ts";
import { spec, tsrunOnly } from "../helpers/spec.ts";

/** Line and column (from 1) of a text in the bundle's config.json. */
function place(b: Bundle, text: string): string {
  const before = readFileSync(`${b.directory}/config.json`, "utf8").split(text)[0] ?? "";
  return `${before.split("\n").length}:${before.length - before.lastIndexOf("\n")}`;
}

spec("a config error names the pointer, and the line and column", tsrunOnly, async () => {
  const b = bundle({ process: { cwd: "relative-place" } });
  const { stderr } = await refused(b, /process\/cwd/);
  expect(stderr).toContain(place(b, '"relative-place"'));
});

spec("several config errors come at once", tsrunOnly, async () => {
  const { stderr } = await refused(bundle({ process: { cwd: "relative", args: [] }, linux: { maskedPaths: ["relative"] } }));
  for (const pointer of ["/process/cwd", "/process/args", "/linux/maskedPaths/0"]) expect(stderr).toContain(pointer);
});

spec("a syntax error names line and column", tsrunOnly, async () => {
  const b = bundle();
  writeFileSync(`${b.directory}/config.json`, '{\n  "ociVersion": "1.0.2",\n  "root": {,}\n}\n');
  await refused(b, /3:1[12]/);
});

spec("a document that is nested too deeply is an error like any other", tsrunOnly, async () => {
  for (const [levels, more] of [
    [400, ""],
    [400, '"y": 12345678901234567890, '],
    [100_000, ""],
  ] as const) {
    const b = bundle();
    const text = readFileSync(`${b.directory}/config.json`, "utf8").trimEnd().slice(0, -1);
    writeFileSync(`${b.directory}/config.json`, `${text}, ${more}"x": ${"[".repeat(levels)}${"]".repeat(levels)}}`);
    await refused(b, /nested deeper than 128 levels/);
  }
});

spec("a step that fails names the config line, the syscall and the errno", tsrunOnly, async () => {
  const b = bundle({ mounts: [...MOUNTS, { destination: "/mnt", type: "nosuchfs", source: "none" }] });
  const { stderr } = await refused(b, new RegExp(`/mounts/${MOUNTS.length}`));
  expect(stderr).toMatch(/ENODEV/);
});

spec("a hook that cannot be run says why", tsrunOnly, async () => {
  for (const kind of ["createRuntime", "createContainer"]) {
    const { stderr } = await refused(bundle({ hooks: { [kind]: [{ path: "/no/such/hook" }] } }), /cannot be run: ENOENT \(no such file or directory\)/);
    expect(stderr).toContain(`#/hooks/${kind}/0`);
  }
});

spec("the JSON log has the error's code, which docs/errors.md explains, and its place", tsrunOnly, async () => {
  const b = bundle({ process: { cwd: "relative" } });
  const log = `${b.directory}/log.json`;
  fails(await new Container(b).create({ globals: ["--log", log, "--log-format", "json"] }));
  const record = readLog(log).find((one) => one.level === "error") as Record<string, unknown> | undefined;
  expect(record?.["code"]).toMatch(/^TS\d{4}$/);
  expect(record?.["pointer"]).toBe("/process/cwd");
});

spec("the JSON log has one record, in one line, even with many findings", tsrunOnly, async () => {
  const b = bundle({ process: { cwd: "relative", args: [] } });
  const log = `${b.directory}/log.json`;
  fails(await new Container(b).create({ globals: ["--log", log, "--log-format", "json"] }));
  expect(readLog(log).filter((record) => record.level === "error")).toHaveLength(1);
});

spec("wrong use tells the usage", tsrunOnly, async () => {
  fails(await runtime(["state", "--nosuch", "x"]), /--nosuch/);
  fails(await runtime(["start"]), /container|id|argument/i);
});
