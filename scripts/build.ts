// Builds everything native: build/libtsrun.so and build/tsrun-init for checkouts, dist/tsrun for release.
// dist/tsrun: esbuild bundles the TypeScript, compile.c makes bytecode of it; ld links QuickJS, the shim and tsrun-init to an
// executable that evaluates the bytecode and writes the heap that is left; this heap goes into the executable (snapshot.ts).
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { build, type Plugin } from "esbuild";
import { SNAPSHOT_ADDRESS, withSnapshot } from "./snapshot.ts";

const root = new URL("..", import.meta.url).pathname;
const out = `${root}build/release`;
const libraries = `${root}build/libraries`;

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { cwd: root, stdio: "inherit" });
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
    outfile: `${root}dist/tsrun-image.mjs`,
    format: "esm",
    banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
  });
  copyFileSync(`${root}build/tsrun-image.node`, `${root}dist/tsrun-image.node`);
}

/** tsrun-init as it is, and room for the snapshot. */
const EMBEDDED = `
.section .rodata
.balign 16
.global tsrun_init_start, tsrun_init_end
tsrun_init_start:
.incbin "${root}build/tsrun-init"
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
const CC = "musl-gcc";
const C_FLAGS = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", `${libraries}/include`];
const QUICKJS = `${libraries}/musl/libquickjs.a`;

function compile(): void {
  run(CC, ...C_FLAGS, "-static", "-no-pie", "-o", "build/compile", "native/quickjs/compile.c", QUICKJS);
  run("build/compile", `${out}/main.js`, `${out}/main.bin`);
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
    `${root}build/libtsrun.a`,
    QUICKJS,
    `${libraries}/musl/libseccomp.a`,
  );
}

for (const folder of [out, `${root}dist`]) mkdirSync(folder, { recursive: true });
run("bash", "scripts/get-libraries.sh");
run("make", "-s", "-C", "native", "init");
run("make", "-s", "-C", "native/shim");
run("make", "-s", "-C", "native/image");
await bundle();
await buildImageTool();
compile();
link();
const heap = execFileSync(`${out}/tsrun`, [`${out}/main.bin`], { maxBuffer: 16 << 20, stdio: ["ignore", "pipe", "inherit"] });
writeFileSync(`${root}dist/tsrun`, withSnapshot(readFileSync(`${out}/tsrun`), heap), { mode: 0o755 });
console.log(`${heap.length} bytes of heap, dist/tsrun has ${statSync(`${root}dist/tsrun`).size} bytes`);
