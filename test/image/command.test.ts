// `tsrun image` of the executable: it finds the tool and a program to run it, and hands everything over.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { asUser, NOBODY } from "../helpers/as-user.ts";
import { scratch as scratchPaths } from "./helpers/scratch.ts";
import { image, imageOk, ok, REPOSITORY, run, TOOL_ARGV } from "./helpers/tool.ts";

const scratch = scratchPaths()("command");
mkdirSync(scratch);
const prefix = `${scratch}/prefix`;
const tsrun = `${prefix}/bin/tsrun`;
await ok("bash", `${REPOSITORY}/scripts/install-system.sh`, "--prefix", prefix);

/** A directory for PATH with programs that are shell scripts. */
function programs(name: string, scripts: Readonly<Record<string, string>>): string {
  const folder = `${scratch}/${name}`;
  mkdirSync(folder, { recursive: true });
  for (const [program, script] of Object.entries(scripts)) {
    writeFileSync(`${folder}/${program}`, `#!/bin/sh\n${script}\n`);
    chmodSync(`${folder}/${program}`, 0o755);
  }
  return folder;
}

test("image: an installed tsrun runs the installed tool, its help and exit code come through", async () => {
  const help = await run([tsrun, "image", "--help"]);
  expect(help.out).toContain("Usage: tsrun image");
  expect(help.code).toBe(0);
  const bad = await run([tsrun, "image", "ls", `${scratch}/nothing`]);
  expect(bad.err).toContain(`${scratch}/nothing`);
  expect(bad.code).toBe(1);
});

test("image: arguments arrive as they are, whatever they look like; global flags of the log go along", async () => {
  const path = programs("echo", { node: 'if [ "$1" = --version ]; then echo v20.0.0; else printf "%s " "$1"; shift 2; printf "<%s>" "$@"; exit 7; fi' });
  const { out, code } = await run([tsrun, "--log", "a b", "--log-format=json", "--debug", "image", "-v", "--root", "", "--", "*", "-"], {
    env: { PATH: path },
  });
  expect(out).toBe("--max-semi-space-size=4 <--log=a b><--log-format=json><--debug><-v><--root><><--><*><->");
  expect(code).toBe(7);
});

test("image: variables that make Node or Bun load code are dropped, others are not", async () => {
  const path = programs("env", { node: 'if [ "$1" = --version ]; then echo v22.1.0; else /usr/bin/env; fi' });
  const env = {
    PATH: path,
    NODE_OPTIONS: "--require=/evil",
    NODE_PATH: "/evil",
    NODE_EXTRA_CA_CERTS: "/evil",
    BUN_OPTIONS: "x",
    OPENSSL_CONF: "/evil",
    KEPT: "yes",
  };
  const { out } = await run([tsrun, "image", "ls"], { env });
  expect(out).not.toMatch(/^(NODE|BUN|OPENSSL)_/m);
  expect(out).toContain("KEPT=yes\n");
});

test("image: the tool takes the process's place", async () => {
  const path = programs("pid", { node: 'if [ "$1" = --version ]; then echo v20.0.0; else echo $$; fi' });
  const { out } = await run(["/bin/sh", "-c", `echo $$; exec ${tsrun} image ls`], { env: { PATH: path } });
  const [shell, tool] = out.trim().split("\n");
  expect(tool).toBe(shell ?? "");
});

test("image: too old, broken and missing hosts are told apart, and the next one is taken", async () => {
  const old = programs("old", { node: "echo v18.19.0" });
  const tooOld = await run([tsrun, "--log", `${scratch}/log`, "--log-format", "json", "image", "ls"], { env: { PATH: old } });
  expect(tooOld.err).toContain(`in PATH: ${old}/node is v18.19.0`);
  expect(tooOld.err).toContain("hint:");
  expect(tooOld.code).toBe(1);
  expect(JSON.parse(readFileSync(`${scratch}/log`, "utf8"))).toMatchObject({ level: "error", code: "TS7030" });
  const broken = programs("broken", { node: "exit 1" });
  expect((await run([tsrun, "image", "ls"], { env: { PATH: broken } })).err).toContain("node is broken");
  const bun = programs("bun", { bun: 'if [ "$1" = --version ]; then echo 1.4.5; else echo "bun $*"; fi' });
  expect((await run([tsrun, "image", "ls"], { env: { PATH: `${old}:${bun}` } })).out).toBe(
    `bun --no-env-file --config=/dev/null ${prefix}/lib/tsrun/tsrun-image.mjs ls\n`,
  );
  // What lies in the working directory was not installed.
  const relative = await run([tsrun, "image", "ls"], { env: { PATH: ":.:echo" }, cwd: scratch });
  expect(relative.err).toContain("images need Node 20 or later");
});

test("image: without the tool it says where it belongs", async () => {
  const alone = `${scratch}/alone/bin`;
  mkdirSync(alone, { recursive: true });
  copyFileSync(tsrun, `${alone}/tsrun`);
  const { err, code } = await run([`${alone}/tsrun`, "image", "ls"]);
  expect(err).toContain(`${scratch}/alone/lib/tsrun/tsrun-image.mjs`);
  expect(err).toContain("install:system");
  expect(code).toBe(1);
});

test("image: the help of tsrun lists it; the shell completes its commands, which are those that it has", async () => {
  expect((await run([tsrun, "--help"])).out).toMatch(/^ {2}image {2,}\S/m);
  const names = [...(await imageOk("--help")).matchAll(/^ {2}([a-z]+)[ |]/gm)].flatMap((found) => (found[1] === "help" ? [] : (found[1] ?? [])));
  const complete = async (...words: string[]) => {
    const script = `source <(${tsrun} completion bash); cd ${scratch}; COMP_WORDS=(tsrun "$@"); COMP_CWORD=$#; _tsrun; printf '%s\n' "\${COMPREPLY[@]}"`;
    return (await ok("bash", "-c", script, "-", ...words)).trim().split("\n");
  };
  expect(await complete("ima")).toEqual(["image"]);
  mkdirSync(`${scratch}/a-layout`);
  expect((await complete("image", "")).sort()).toEqual(expect.arrayContaining([...names, "a-layout"]));
  expect(await complete("image", "unp")).toEqual(["unpack"]);
  expect((await run([tsrun, "completion", "fish"])).out).toContain(`-a '${names.join(" ")}'`);
});

test("image: a user without a runtime directory can look at images", async () => {
  chmodSync(dirname(scratch), 0o755);
  const { err } = await run([...asUser(NOBODY), tsrun, "image", "ls", "/nonexistent"], { env: { XDG_RUNTIME_DIR: "" } });
  expect(err).not.toContain("XDG_RUNTIME_DIR");
  expect(err).toContain("/nonexistent");
});

test("a wrong command line: one line, a hint, one record in the log", async () => {
  const log = `${scratch}/usage.log`;
  const { err, code } = await image("ls", "--foo", "--log", log, "--log-format", "json");
  expect(err).toBe("tsrun: unknown option '--foo'\n  hint: see \"tsrun image ls --help\"\n");
  expect(code).toBe(1);
  expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({ level: "error", code: "TS1001", msg: "unknown option '--foo'" });
});

test("an error of the system has its name, its words and the path; --debug tells where", async () => {
  const file = `${scratch}/file`;
  writeFileSync(file, "");
  const plain = await image("ls", file);
  expect(plain.err).toBe(`tsrun: cannot open "${file}/oci-layout": open: ENOTDIR (not a directory)\n`);
  const debug = await image("--debug", "ls", file);
  expect(debug.err).toMatch(/ENOTDIR.*\n\s+at /);
});

test("help of every command names its arguments and the options of all", async () => {
  const names = [...(await imageOk("--help")).matchAll(/^ {2}([a-z]+)[ |]/gm)].map((found) => found[1] ?? "");
  expect(names).toContain("ls");
  for (const name of names.filter((one) => one !== "help")) {
    const help = await imageOk(name, "--help");
    expect(help).toStartWith(`Usage: tsrun image ${name}`);
    expect(help).toContain("--quiet");
  }
});

test("standard output that nobody reads any more ends the tool quietly", async () => {
  const { err } = await run(["bash", "-c", `${TOOL_ARGV.join(" ")} --help | head -c1; sleep 0.1`]);
  expect(err).toBe("");
});
