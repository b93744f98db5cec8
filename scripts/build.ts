// Builds everything native: build/libtsrun.so and build/tsrun-init for checkouts, dist/tsrun for release.
// dist/tsrun: esbuild bundles the TypeScript, compile.c makes bytecode of it; ld links QuickJS, the shim and tsrun-init to an
// executable that evaluates the bytecode and writes the heap that is left; this heap goes into the executable (snapshot.ts).
// --arch arm64: the same for another architecture, into build/arm64 and dist/arm64. What is built is also run: by QEMU.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { build, type Plugin } from "esbuild";
import { SNAPSHOT_ADDRESS, withSnapshot } from "./snapshot.ts";
import { targetOf } from "./target.ts";

const root = new URL("..", import.meta.url).pathname;
const target = targetOf(parseArgs({ options: { arch: { type: "string" } } }).values.arch);
const objects = `${root}build${target.place}`;
const dist = `${root}dist${target.place}`;
const out = `${objects}/release`;
const libraries = `${objects}/libraries`;

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { cwd: root, stdio: "inherit" });
}

function make(folder: string, ...targets: string[]): void {
  run("make", "-s", "-C", folder, `BUILD=${objects}`, ...target.make, ...targets);
}

/** The table's docs are for readers and the C header; the tool does not need them. */
const withoutDocs: Plugin = {
  name: "without-docs",
  setup(builder) {
    builder.onLoad({ filter: /plan\/op-table\.ts$/ }, (args) => ({
      contents: readFileSync(args.path, "utf8").replace(/,?\s*doc:\s*"(?:[^"\\]|\\.)*"/g, ""),
      loader: "ts",
    }));
  },
};

/** The script evaluates to the function `install` of src/host-quickjs/main.ts. */
async function bundle(): Promise<void> {
  await build({
    bundle: true,
    minify: true,
    platform: "neutral",
    target: "es2023",
    legalComments: "none",
    absWorkingDir: root,
    entryPoints: ["src/host-quickjs/main.ts"],
    outfile: `${out}/main.js`,
    format: "iife",
    globalName: "exported",
    footer: { js: "exported.install;" },
    plugins: [withoutDocs],
  });
}

/** The image tool: one file for Node and Bun, and the addon beside it. */
async function buildImageTool(): Promise<void> {
  await build({
    bundle: true,
    minify: true,
    platform: "node",
    target: "node20",
    legalComments: "none",
    absWorkingDir: root,
    entryPoints: ["src/image/main.ts"],
    outfile: `${dist}/tsrun-image.mjs`,
    format: "esm",
    banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
  });
  copyFileSync(`${objects}/tsrun-image.node`, `${dist}/tsrun-image.node`);
}

/** tsrun-init as it is, and room for the snapshot. */
const EMBEDDED = `
.section .rodata
.balign 16
.global tsrun_init_start, tsrun_init_end
tsrun_init_start:
.incbin "${objects}/tsrun-init"
tsrun_init_end:
.byte 0
.section .snapshot, "aw", @progbits
.balign 4096
.global snapshot
snapshot:
.zero 32 << 20
.section .note.GNU-stack, "", %progbits
`;

/** musl's: glibc asks the processor for its caches at each start, 0.45 ms in a virtual machine, where cpuid is trapped. */
const CC = `${libraries}/musl-gcc`;
const C_FLAGS = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", `${libraries}/include`];
const QUICKJS = `${libraries}/musl/libquickjs.a`;

function compile(): void {
  run(CC, ...C_FLAGS, "-static", "-no-pie", "-o", `${objects}/compile`, "native/quickjs/compile.c", QUICKJS);
  run("env", ...target.emulator, `${objects}/compile`, `${out}/main.js`, `${out}/main.bin`);
}

function link(): void {
  writeFileSync(`${out}/embedded.S`, EMBEDDED);
  const sources = ["native/quickjs/host.c", "native/quickjs/heap.c", `${out}/embedded.S`];
  const layout = ["-fno-pie", "-no-pie", "-static", "-s", "-ffunction-sections", "-fdata-sections", `-Wl,--section-start=.snapshot=${SNAPSHOT_ADDRESS}`];
  run(
    CC,
    ...C_FLAGS,
    ...layout,
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-o",
    `${out}/tsrun`,
    ...sources,
    `${objects}/libtsrun.a`,
    QUICKJS,
    `${libraries}/musl/libseccomp.a`,
  );
}

for (const folder of [out, dist]) mkdirSync(folder, { recursive: true });
run("bash", "scripts/get-libraries.sh", ...target.libraries);
make("native", "init");
make("native/shim");
make("native/image");
await bundle();
await buildImageTool();
compile();
link();
const evaluate = [...target.emulator, `${out}/tsrun`, `${out}/main.bin`];
const heap = execFileSync("env", evaluate, { maxBuffer: 16 << 20, stdio: ["ignore", "pipe", "inherit"] });
writeFileSync(`${dist}/tsrun`, withSnapshot(readFileSync(`${out}/tsrun`), heap), { mode: 0o755 });
console.log(`${heap.length} bytes of heap, ${relative(root, dist)}/tsrun has ${statSync(`${dist}/tsrun`).size} bytes`);
