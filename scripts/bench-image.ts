// `npm run bench:image`: tsrun image unpack and repack, Debian's umoci, and tar as the limit of unpack, side by side, interleaved in one run; medians and ratios,
// never a pass or fail. The images are made here, the same ones each time, and kept in build/bench-image.
// Options: --n 5 (rounds), --images many,big,layers,repack, --dir DIR (where to unpack to). Needs root.
/// <reference types="bun" />
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, cpSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { resolve } from "node:path";
import { createGzip } from "node:zlib";
import { END, header, member, octal, USTAR } from "../test/image/helpers/archive.ts";
import { addToIndex, HOST, writeJson } from "../test/image/helpers/layout.ts";

const repository = resolve(import.meta.dir, "..");
const build = `${repository}/build`;

function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
}

const rounds = Number(option("n", "5"));
const WARM_UP = 1;
const MOST_MEGABYTES = 150;

// --- images ---

/** xorshift32: the same numbers everywhere. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** Text of a few thousand words, and bytes of no order, so that it packs as programs and documents do: to some 40 percent. */
function makePool(size: number): Buffer {
  const random = numbers(2463534242);
  const next = () => random.next().value;
  const words = Array.from({ length: 3000 }, () => Buffer.from(Array.from({ length: 3 + (next() % 9) }, () => 97 + (next() % 26))).toString());
  const pool = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const isText = next() % 4 !== 0;
    const end = Math.min(size, at + 512 + (next() % 4096));
    while (at < end) at += isText ? pool.write(`${words[next() % words.length]} `, at, "latin1") : pool.writeUInt8(next() & 255, at) - at;
  }
  return pool;
}

type Content = Generator<Uint8Array>;

function* manyFiles(pool: Buffer): Content {
  const random = numbers(1);
  for (let d = 0; d < 200; d++) {
    yield member({ path: `usr/share/d${d}/` });
    for (let f = 0; f < 100; f++) {
      const size = random.next().value % 8192;
      const at = random.next().value % (pool.length - size);
      yield member({ path: `usr/share/d${d}/file${f}.txt`, content: pool.subarray(at, at + size), mode: f % 10 === 0 ? 0o755 : 0o644 });
    }
  }
}

function* bigLayer(pool: Buffer): Content {
  const random = numbers(2);
  const size = 128 << 20;
  for (let f = 0; f < 8; f++) {
    const fields = { mode: octal(0o644, 8), uid: octal(0, 8), gid: octal(0, 8), mtime: octal(1_700_000_000, 12), magic: USTAR };
    yield header({ ...fields, name: `data/file${f}`, size: octal(size, 12), type: "0" });
    for (let left = size; left > 0; ) {
      const length = Math.min(left, 4096 + (random.next().value % (1 << 16)));
      const at = random.next().value % (pool.length - length);
      yield pool.subarray(at, at + length);
      left -= length;
    }
  }
}

/** Each layer adds files, replaces some of the one below and removes one. */
function* oneOfMany(pool: Buffer, layer: number): Content {
  const random = numbers(100 + layer);
  yield member({ path: `opt/layer${layer}/` });
  for (let f = 0; f < 200; f++) {
    const size = random.next().value % 16384;
    const at = random.next().value % (pool.length - size);
    const owner = f % 10 === 0 && layer > 0 ? layer - 1 : layer;
    yield member({ path: `opt/layer${owner}/file${f}`, content: pool.subarray(at, at + size) });
  }
  if (layer > 0) yield member({ path: `opt/layer${layer - 1}/.wh.file1` });
}

interface Made {
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly diffId: string;
}

/** Streamed: the big layer is larger than what should be in memory. */
async function writeLayer(layout: string, content: Content): Promise<Made> {
  const temporary = `${layout}/layer`;
  const [plain, packed] = [createHash("sha256"), createHash("sha256")];
  const gzip = createGzip({ level: 6 });
  const file = createWriteStream(temporary);
  let size = 0;
  gzip.on("data", (chunk: Buffer) => {
    packed.update(chunk);
    size += chunk.length;
  });
  gzip.pipe(file);
  const write = async (bytes: Uint8Array) => {
    plain.update(bytes);
    if (!gzip.write(bytes)) await once(gzip, "drain");
  };
  for (const bytes of content) await write(bytes);
  await write(END);
  gzip.end();
  await once(file, "close");
  const hex = packed.digest("hex");
  mkdirSync(`${layout}/blobs/sha256`, { recursive: true });
  renameSync(temporary, `${layout}/blobs/sha256/${hex}`);
  return {
    descriptor: { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: `sha256:${hex}`, size },
    diffId: `sha256:${plain.digest("hex")}`,
  };
}

const IMAGES = {
  many: { title: "20,000 small files", budget: 0.5, layers: (pool: Buffer) => [manyFiles(pool)] },
  big: { title: "one layer of 1 GB", budget: 1, layers: (pool: Buffer) => [bigLayer(pool)] },
  layers: { title: "30 layers", budget: 0.5, layers: (pool: Buffer) => Array.from({ length: 30 }, (_, i) => oneOfMany(pool, i)) },
} as const;
type ImageName = keyof typeof IMAGES;

/** Bundles of the image "many", in which one file in a hundred has changed. */
const REPACK = { title: "repack, 1 % of 20,000", budget: 0.5 } as const;
const WORKS = { ...IMAGES, repack: REPACK };
type WorkName = keyof typeof WORKS;

async function makeImage(name: ImageName): Promise<string> {
  const layout = `${build}/bench-image/${name}`;
  if (existsSync(`${layout}/index.json`)) return layout;
  console.log(`making the image "${IMAGES[name].title}"`);
  rmSync(layout, { recursive: true, force: true });
  mkdirSync(layout, { recursive: true });
  const layers: Made[] = [];
  for (const content of IMAGES[name].layers(makePool(16 << 20))) layers.push(await writeLayer(layout, content));
  const prefix = "application/vnd.oci.image.";
  const config = { ...HOST, config: {}, rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) } };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${prefix}manifest.v1+json`,
    config: writeJson(layout, config, `${prefix}config.v1+json`),
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const descriptor = writeJson(layout, manifest, `${prefix}manifest.v1+json`);
  addToIndex(layout, { ...descriptor, annotations: { "org.opencontainers.image.ref.name": "bench" } });
  return layout;
}

// --- programs ---

interface Program {
  readonly name: string;
  readonly unpack: (layout: string, target: string) => readonly string[];
  readonly repack?: (layout: string, bundle: string) => readonly string[];
}

function layersOf(layout: string): string[] {
  const read = (digest: string) => JSON.parse(readFileSync(`${layout}/blobs/sha256/${digest.slice(7)}`, "utf8"));
  const [entry] = JSON.parse(readFileSync(`${layout}/index.json`, "utf8")).manifests;
  return read(entry.digest).layers.map((layer: { digest: string }) => `${layout}/blobs/sha256/${layer.digest.slice(7)}`);
}

function findPrograms(): Program[] {
  const path = (name: string) => Bun.which(name) ?? "";
  const tool = `${repository}/dist/tsrun-image.mjs`;
  const programs: (Program & { readonly path: string })[] = [
    {
      name: "tsrun",
      path: path("node"),
      unpack: (layout, target) => [path("node"), tool, "unpack", "--quiet", "--image", `${layout}:bench`, target],
      repack: (layout, bundle) => [path("node"), tool, "repack", "--quiet", "--image", `${layout}:tsrun`, bundle],
    },
    {
      name: "umoci",
      path: path("umoci"),
      unpack: (layout, target) => [path("umoci"), "unpack", "--image", `${layout}:bench`, target],
      repack: (layout, bundle) => [path("umoci"), "repack", "--image", `${layout}:umoci`, bundle],
    },
    {
      name: "tar",
      path: path("tar"),
      unpack: (layout, target) => [
        "/bin/sh",
        "-c",
        'mkdir "$1" && cd "$1" && shift && for i; do tar -xzf "$i" || exit; done',
        "-",
        target,
        ...layersOf(layout),
      ],
    },
  ];
  return programs.filter(({ name, path: found }) => found !== "" || console.log(`${name}: not there, left out`));
}

const samples = new Map<string, number[]>();

function note(key: string, value: number): void {
  samples.set(key, [...(samples.get(key) ?? []), value]);
}

function median(key: string): number {
  const list = samples.get(key)?.toSorted((a, b) => a - b) ?? [];
  const middle = list.length >> 1;
  return list.length % 2 === 1 ? (list[middle] ?? Number.NaN) : ((list[middle - 1] ?? Number.NaN) + (list[middle] ?? Number.NaN)) / 2;
}

function run(argv: readonly string[]): { readonly ms: number; readonly mb: number } {
  const result = Bun.spawnSync([`${build}/bench-run`, ...argv], { stdout: "pipe", stderr: "inherit", timeout: 600_000 });
  const [ns, residentKb, status] = result.stdout.toString().trim().split("\n").at(-1)?.split(" ") ?? [];
  if (status !== "0") throw new Error(`${argv.join(" ")}: exit code ${status}`);
  return { ms: Number(ns) / 1e6, mb: Number(residentKb) / 1024 };
}

function measure(name: string, work: WorkName, argv: readonly string[], folder: string, isWarmUp: boolean): void {
  Bun.spawnSync(["sync", "--file-system", folder]);
  const { ms, mb } = run(argv);
  if (isWarmUp) return;
  note(`${name} ${work} ms`, ms);
  note(`${name} ${work} MB`, mb);
}

/** Interleaved, and each round in another order, so that no program always follows the same one. */
function interleave(programs: readonly Program[], once: (program: Program, round: number) => void): void {
  for (let round = 0; round < rounds + WARM_UP; round++)
    for (let i = 0; i < programs.length; i++) {
      const program = programs[(i + round) % programs.length];
      if (program !== undefined) once(program, round);
    }
}

/** Trees are only removed at the end: for some seconds ext4 is slow in a directory whose inodes were just freed. */
async function benchUnpack(image: ImageName, programs: readonly Program[], scratch: string): Promise<void> {
  const layout = await makeImage(image);
  interleave(programs, (program, round) => {
    const target = `${scratch}/${image}-${round}-${program.name}`;
    measure(program.name, image, program.unpack(layout, target), scratch, round < WARM_UP);
    if (image === "big") rmSync(target, { recursive: true, force: true });
  });
}

/** The same layer again and again, into a copy of the layout. */
async function benchRepack(programs: readonly Program[], scratch: string): Promise<void> {
  const layout = `${scratch}/layout`;
  cpSync(await makeImage("many"), layout, { recursive: true });
  const able = programs.filter(({ repack }) => repack !== undefined);
  for (const { name, unpack } of able) {
    run(unpack(layout, `${scratch}/${name}`));
    for (let d = 0; d < 200; d++) appendFileSync(`${scratch}/${name}/rootfs/usr/share/d${d}/file7.txt`, "changed");
  }
  interleave(able, ({ name, repack }, round) => {
    if (repack !== undefined) measure(name, "repack", repack(layout, `${scratch}/${name}`), scratch, round < WARM_UP);
  });
}

function print(programs: readonly Program[], works: readonly WorkName[]): object[] {
  const rows: object[] = [];
  const others = programs.filter(({ name }) => name !== "tsrun");
  console.log(["".padEnd(28), ...programs.map(({ name }) => name.padStart(10)), ...others.map(({ name }) => `/ ${name}`.padStart(10)), "  budget"].join(""));
  for (const work of works) {
    for (const unit of ["ms", "MB"] as const) {
      const values = programs.map(({ name }) => median(`${name} ${work} ${unit}`));
      const own = median(`tsrun ${work} ${unit}`);
      const ratios = others.map(({ name }) => own / median(`${name} ${work} ${unit}`));
      const budget = unit === "MB" ? `at most ${MOST_MEGABYTES}` : `${WORKS[work].budget} x umoci`;
      const isOver = unit === "MB" ? own > MOST_MEGABYTES : own > WORKS[work].budget * median(`umoci ${work} ms`);
      const label = `${unit === "MB" ? "  peak memory" : WORKS[work].title} [${unit}]`;
      const shown = (value: number, digits: number) => (Number.isNaN(value) ? "-" : value.toFixed(digits)).padStart(10);
      console.log(
        [label.padEnd(28), ...values.map((value) => shown(value, 0)), ...ratios.map((ratio) => shown(ratio, 2)), `  ${budget}${isOver ? "  OVER" : ""}`].join(
          "",
        ),
      );
      rows.push({ work, unit, medians: Object.fromEntries(programs.map(({ name }, i) => [name, values[i]])) });
    }
  }
  return rows;
}

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("the benchmark unpacks files of root's: it needs root");
  Bun.spawnSync(["make", "--silent", "-C", `${repository}/test/probe`], { stdout: "inherit", stderr: "inherit" });
  const works = option("images", Object.keys(WORKS).join(",")).split(",") as WorkName[];
  const programs = findPrograms();
  const scratch = mkdtempSync(`${option("dir", tmpdir())}/tsrun-bench-image-`);
  try {
    for (const work of works) await (work === "repack" ? benchRepack(programs, scratch) : benchUnpack(work, programs, scratch));
    console.log(`${rounds} rounds, medians; ${cpus().length} x ${cpus()[0]?.model}, kernel ${release()}`);
    const rows = print(programs, works);
    writeFileSync(`${build}/bench-image.json`, `${JSON.stringify({ date: new Date().toISOString(), rounds, rows }, null, 1)}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main();
