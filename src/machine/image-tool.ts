// Where the image tool is, and the program that runs it: Node or Bun. It is no part of the executable, which an engine starts for
// each container: whoever never touches an image needs neither.
import { check, checkText, TsrunError } from "../errors.ts";
import { logFlags } from "../log.ts";
import { sys } from "../sys.ts";

/** The command line that runs the tool, to be followed by the tool's own arguments. */
interface ImageTool {
  readonly program: string;
  readonly argv: readonly string[];
  /** Variables of the environment that are not passed on; NAME* is all that begin so. */
  readonly dropped: readonly string[];
}

interface Host {
  readonly name: string;
  /** The oldest version that will do: major, minor. */
  readonly least: readonly [number, number];
  readonly flags: readonly string[];
}

/** Bun reads a bunfig and .env files in the working directory otherwise. */
const BUN_FLAGS = ["--no-env-file", "--config=/dev/null"];
/**
 * Megabytes of each half of V8's space of new objects, which has grown to 16 after some minutes. The tool streams: hardly anything that it makes is
 * still there at the next collection, and larger ones only cost memory, 25 MB of them.
 */
const NODE_FLAGS = ["--max-semi-space-size=4"];
const HOSTS: readonly Host[] = [
  { name: "node", least: [20, 0], flags: NODE_FLAGS },
  { name: "bun", least: [1, 2], flags: BUN_FLAGS },
];
/**
 * They can make Node and Bun load code, or change what the tool does: an option meant for somebody else's program must not.
 * LD_PRELOAD and its kin are for every program of the caller's, this one as well.
 */
const DROPPED = ["NODE_*", "BUN_*", "OPENSSL_*", "SSL_*"];

/** What the tool may want to know when it works for the runtime. */
const CHILD_VARIABLES = ["PATH", "HOME", "TERM", "COLUMNS", "LANG", "LC_ALL", "TZ", "TMPDIR"];
const OWN_STREAMS = -1;

const NAME = "tsrun-image.mjs";
const VERSION_TIMEOUT_MS = 10_000;
const VERSION_BYTES = 256;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

let checkout: string | undefined;

/** For the host of a checkout: the tool's source, which Bun runs as it is. */
export function useCheckout(mainFile: string): void {
  checkout = mainFile;
}

/** `tsrun image ARGS...`: the tool takes this process's place. */
export function becomeImageTool(args: readonly string[]): number {
  const { program, argv, dropped } = findImageTool();
  return check(sys.replace_program(program, joined([...argv, ...logFlags(), ...args]), joined(dropped)), "run the image tool with", program, "execve");
}

/** The same as a child, waited for: its exit code. It prints its own errors. */
export function runImageTool(args: readonly string[]): number {
  const { program, argv } = findImageTool();
  const variables = CHILD_VARIABLES.map((name) => [name, sys.getenv(name)] as const).filter(([, value]) => typeof value === "string");
  const env = variables.map(([name, value]) => `${name}=${value}`);
  checkText(sys.run_program(program, joined([...argv, ...logFlags(), ...args]), joined(env), "", 0, OWN_STREAMS), "run the image tool with", program, "execve");
  return exitCode(sys.out(0));
}

/** Of a wait status, as a shell has it. */
function exitCode(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? status >> 8 : 128 + signal;
}

function findImageTool(): ImageTool {
  const executable = sys.read_link("/proc/self/exe");
  if (typeof executable === "number") throw missing([]);
  if (checkout !== undefined) return { program: executable, argv: [executable, ...BUN_FLAGS, checkout], dropped: DROPPED };
  const folder = executable.slice(0, executable.lastIndexOf("/"));
  const places = [`${folder}/${NAME}`, `${folder.slice(0, folder.lastIndexOf("/"))}/lib/tsrun/${NAME}`];
  const tool = places.find((path) => isFile(path));
  if (tool === undefined) throw missing(places);
  const { program, flags } = findHost();
  return { program, argv: [program, ...flags, tool], dropped: DROPPED };
}

function findHost(): { readonly program: string; readonly flags: readonly string[] } {
  const tooOld: string[] = [];
  for (const host of HOSTS) {
    const program = findProgram(host.name);
    if (program === undefined) continue;
    const version = versionOf(program);
    if (isEnough(version, host.least)) return { program, flags: host.flags };
    tooOld.push(`${program} is ${version === "" ? "broken" : version}`);
  }
  throw new TsrunError("TS7030", `images need Node 20 or later, or Bun 1.2 or later, in PATH${tooOld.length === 0 ? "" : `: ${tooOld.join(", ")}`}`, {
    hint: 'Debian 13 or later: "apt-get install nodejs"; elsewhere see https://nodejs.org or https://bun.sh',
  });
}

/** Directories of PATH that are absolute: what is in the working directory is not what was installed. */
function findProgram(name: string): string | undefined {
  const path = sys.getenv("PATH");
  if (typeof path === "number") return undefined;
  const folders = path.split(":").filter((folder) => folder[0] === "/");
  return folders.map((folder) => `${folder}/${name}`).find((candidate) => isFile(candidate, 0o111));
}

function isFile(path: string, permissions = 0): boolean {
  const mode = sys.stat_mode(path);
  return mode >= 0 && (mode & S_IFMT) === S_IFREG && (permissions === 0 || (mode & permissions) !== 0);
}

/** "v20.1.0"; "" when the program does not say. */
function versionOf(program: string): string {
  const text = sys.run_program(program, `${program}\0--version\0`, "PATH=/usr/bin:/bin\0", "", VERSION_TIMEOUT_MS, VERSION_BYTES);
  return typeof text === "number" || sys.out(0) !== 0 ? "" : text.trim();
}

function isEnough(version: string, [leastMajor, leastMinor]: Host["least"]): boolean {
  const numbers = /^v?([0-9]+)\.([0-9]+)\./.exec(version);
  if (numbers === null) return false;
  const major = Number(numbers[1]);
  return major > leastMajor || (major === leastMajor && Number(numbers[2]) >= leastMinor);
}

function missing(places: readonly string[]): TsrunError {
  return new TsrunError(
    "TS7030",
    `the image tool is not installed: ${places.length === 0 ? "/proc is not mounted" : `there is no ${places.join(" and no ")}`}`,
    {
      hint: '"npm run install:system" installs it with the executable',
    },
  );
}

const joined = (items: readonly string[]) => items.map((item) => `${item}\0`).join("");
