// Builds everything native: build/libtsrun.so and build/tsrun-init for checkouts, dist/tsrun for release.
// dist/tsrun: esbuild bundles the TypeScript, compile.c makes bytecode of it, ld links it with QuickJS, the shim and tsrun-init.
import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";
import { CHUNKS } from "../src/chunks.ts";

const root = new URL("..", import.meta.url).pathname;
const out = `${root}build/bytecode`;
const quickjs = `${root}build/quickjs`;

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { cwd: root, stdio: "inherit" });
}

/** One script that evaluates to the module's exports. */
function bundle(name: string, source: string): void {
  buildSync({
    entryPoints: [`${root}src/${source}`],
    outfile: `${out}/${name}.js`,
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "exported",
    footer: { js: "exported;" },
    platform: "neutral",
    target: "es2023",
    legalComments: "none",
  });
}

/** Assembler that takes the files in as they are, and the table of them that native/quickjs/host.c reads. */
function embed(names: readonly string[]): string {
  const lines = [".section .rodata"];
  const include = (symbol: string, file: string) =>
    lines.push(".balign 16", `.global ${symbol}_start`, `.global ${symbol}_end`, `${symbol}_start:`, `.incbin "${file}"`, `${symbol}_end:`, ".byte 0");
  for (const [index, name] of names.entries()) include(`blob_${index}`, `${out}/${name}.bin`);
  include("tsrun_init", `${root}build/tsrun-init`);
  for (const [index, name] of names.entries()) lines.push(`name_${index}: .asciz "${name}"`);
  lines.push(".section .data.rel.ro,\"aw\"", ".balign 16", ".global blobs", "blobs:");
  for (const index of names.keys()) lines.push(`.quad name_${index}, blob_${index}_start, blob_${index}_end`);
  lines.push(".quad 0, 0, 0", '.section .note.GNU-stack,"",%progbits', "");
  return lines.join("\n");
}

function link(): void {
  const flags = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", quickjs, "-fno-pie", "-no-pie", "-static", "-s", "-ffunction-sections", "-fdata-sections"];
  const libraries = [`${root}build/libtsrun.a`, `${quickjs}/libquickjs.a`, "-lm", "-lpthread"];
  run("cc", ...flags, "-Wl,--gc-sections", "-Wl,--build-id=none", "-o", "dist/tsrun", "native/quickjs/host.c", `${out}/embed.S`, ...libraries);
}

for (const folder of [out, `${root}dist`]) mkdirSync(folder, { recursive: true });
run("bash", "scripts/get-quickjs.sh");
run("make", "-s", "-C", "native", "init");
run("make", "-s", "-C", "native/shim");
const sources: Record<string, string> = { main: "host-quickjs/main.ts", ...CHUNKS };
const names = Object.keys(sources);
for (const [name, source] of Object.entries(sources)) bundle(name, source);
run("cc", "-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-isystem", quickjs, "-o", "build/compile", "native/quickjs/compile.c", `${quickjs}/libquickjs.a`, "-lm", "-lpthread");
run("build/compile", ...names.flatMap((name) => [`${out}/${name}.js`, `${out}/${name}.bin`]));
writeFileSync(`${out}/embed.S`, embed(names));
link();
for (const name of names) console.log(`${name.padEnd(20)} ${String(statSync(`${out}/${name}.bin`).size).padStart(8)} bytes of bytecode`);
console.log(`dist/tsrun           ${String(statSync(`${root}dist/tsrun`).size).padStart(8)} bytes`);
