// Builds everything native: build/libtsrun.so and build/tsrun-init for checkouts, dist/tsrun for release.
// dist/tsrun: esbuild bundles the TypeScript, compile.c makes bytecode of it, ld links it with QuickJS, the shim and tsrun-init.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import { CHUNKS } from "../src/chunks.ts";

const root = new URL("..", import.meta.url).pathname;
const out = `${root}build/bytecode`;
const quickjs = `${root}build/quickjs`;
const ENTRY = "host-quickjs/main.ts";

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { cwd: root, stdio: "inherit" });
}

const OPTIONS = { bundle: true, minify: true, platform: "neutral", target: "es2023", legalComments: "none", absWorkingDir: root } as const;

/** The table's docs are for readers and the C header; in the tool they would only be read in at every start. */
const withoutDocs: Plugin = {
  name: "without-docs",
  setup(builder) {
    builder.onLoad({ filter: /plan\/op-table\.ts$/ }, (args) => ({
      contents: readFileSync(args.path, "utf8").replace(/,?\s*doc:\s*"(?:[^"\\]|\\.)*"/g, ""),
      loader: "ts",
    }));
  },
};

/** The modules that are in the main script, as esbuild names them ("src/errors.ts"). */
async function mainModules(): Promise<ReadonlySet<string>> {
  const result = await build({ ...OPTIONS, entryPoints: [`src/${ENTRY}`], write: false, metafile: true });
  return new Set(Object.keys(result.metafile.inputs));
}

/** A chunk is a function of the shared modules: one copy of errors.ts, or "instanceof" would not know its own classes. */
async function bundleChunk(name: string, source: string, modules: ReadonlySet<string>, used: Set<string>): Promise<void> {
  const share: Plugin = {
    name: "share",
    setup(builder) {
      builder.onResolve({ filter: /^\.\.?\// }, (args) => {
        const path = join(relative(root, args.resolveDir), args.path);
        if (!modules.has(path)) return undefined;
        used.add(path);
        return { path, namespace: "shared" };
      });
      builder.onLoad({ filter: /.*/, namespace: "shared" }, (args) => ({ contents: `module.exports = shared[${JSON.stringify(args.path)}];`, loader: "js" }));
    },
  };
  await build({
    ...OPTIONS,
    entryPoints: [`src/${source}`],
    outfile: `${out}/${name}.js`,
    format: "iife",
    globalName: "exported",
    banner: { js: "(function (shared) {" },
    footer: { js: "return exported;\n});" },
    plugins: [share, withoutDocs],
  });
}

/** The main script evaluates to { run, shared }. */
async function bundleMain(used: ReadonlySet<string>): Promise<void> {
  const paths = [...used].sort();
  const imports = paths.map((path, index) => `import * as m${index} from "./${path}";`);
  const table = paths.map((path, index) => `${JSON.stringify(path)}: m${index}`);
  const contents = [...imports, `export { run } from "./src/${ENTRY}";`, `export const shared = { ${table.join(", ")} };`].join("\n");
  await build({
    ...OPTIONS,
    stdin: { contents, resolveDir: root, loader: "ts" },
    outfile: `${out}/main.js`,
    format: "iife",
    globalName: "exported",
    footer: { js: "exported;" },
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
  lines.push('.section .data.rel.ro,"aw"', ".balign 16", ".global blobs", "blobs:");
  for (const index of names.keys()) lines.push(`.quad name_${index}, blob_${index}_start, blob_${index}_end`);
  lines.push(".quad 0, 0, 0", '.section .note.GNU-stack,"",%progbits', "");
  return lines.join("\n");
}

function link(): void {
  const flags = [
    "-std=gnu17",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-isystem",
    quickjs,
    "-fno-pie",
    "-no-pie",
    "-static",
    "-s",
    "-ffunction-sections",
    "-fdata-sections",
  ];
  const libraries = [`${root}build/libtsrun.a`, `${quickjs}/libquickjs.a`, "-lm", "-lpthread"];
  run("cc", ...flags, "-Wl,--gc-sections", "-Wl,--build-id=none", "-o", "dist/tsrun", "native/quickjs/host.c", `${out}/embed.S`, ...libraries);
}

for (const folder of [out, `${root}dist`]) mkdirSync(folder, { recursive: true });
run("bash", "scripts/get-quickjs.sh");
run("make", "-s", "-C", "native", "init");
run("make", "-s", "-C", "native/shim");
const modules = await mainModules();
const used = new Set<string>();
for (const [name, source] of Object.entries(CHUNKS)) await bundleChunk(name, source, modules, used);
await bundleMain(used);
const names = ["main", ...Object.keys(CHUNKS)];
run(
  "cc",
  "-std=gnu17",
  "-O1",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-isystem",
  quickjs,
  "-o",
  "build/compile",
  "native/quickjs/compile.c",
  `${quickjs}/libquickjs.a`,
  "-lm",
  "-lpthread",
);
run("build/compile", ...names.flatMap((name) => [`${out}/${name}.js`, `${out}/${name}.bin`]));
writeFileSync(`${out}/embed.S`, embed(names));
link();
for (const name of names) console.log(`${name.padEnd(20)} ${String(statSync(`${out}/${name}.bin`).size).padStart(8)} bytes of bytecode`);
console.log(`dist/tsrun           ${String(statSync(`${root}dist/tsrun`).size).padStart(8)} bytes`);
