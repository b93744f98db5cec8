// A bundle directory -> its validated configuration. All findings are collected before one error is thrown.
import { ConfigError, checkText, type Finding, SystemError } from "../errors.ts";
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { parseJson } from "./json.ts";
import { dropNulls } from "./nulls.ts";
import { findProblems } from "./rules.ts";
import { findSchemaProblems } from "./schema.ts";
import { versionWarnings } from "./rules/version.ts";

const ENOENT = 2;
const EILSEQ = 84;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

export interface Bundle {
  /** The bundle directory, absolute, without symbolic links. */
  readonly dir: string;
  readonly configPath: string;
  /** config.json as it is on disk. */
  readonly text: string;
  readonly config: Config;
  /** The root filesystem, absolute. */
  readonly rootfs: string;
  readonly warnings: readonly string[];
}

export function loadBundle(directory: string): Bundle {
  const dir = checkText(sys.real_path(directory), "find the bundle directory", directory, "realpath");
  const configPath = `${dir}/config.json`;
  const text = readConfig(configPath);
  const value = parseJson(text, configPath);
  // Go programs write null for what is not set.
  const config = (text.includes("null") ? dropNulls(value) : value) as Config;
  const wrong = findSchemaProblems(config);
  if (wrong.length > 0) throw new ConfigError("TS1102", configPath, wrong, text);
  const problems = findProblems(config);
  if (problems.length > 0) throw new ConfigError(problems[0]?.code ?? "TS1103", configPath, problems, text);
  const rootfs = rootfsOf(dir, config);
  const missing = rootfsProblem(rootfs);
  if (missing !== undefined) throw new ConfigError("TS1103", configPath, [missing], text);
  return { dir, configPath, text, config, rootfs, warnings: versionWarnings(config) };
}

function readConfig(path: string): string {
  const text = sys.read_text(path);
  if (text === -ENOENT) {
    throw new ConfigError("TS1106", path, [{ pointer: "", message: `there is no config.json in the bundle: "${path}"`, hint: 'give the bundle with --bundle, or make one with "tsrun spec"' }]);
  }
  if (text === -EILSEQ) throw new ConfigError("TS1105", path, [{ pointer: "", message: `"${path}" is not UTF-8` }]);
  if (typeof text === "number") throw new SystemError("read", path, "open", -text);
  return text;
}

function rootfsOf(dir: string, config: Config): string {
  const path = config.root?.path ?? "";
  return path[0] === "/" ? path : `${dir}/${path}`;
}

/** Spec 5.02: it must be there, and be a directory. */
function rootfsProblem(rootfs: string): Finding | undefined {
  const mode = sys.stat_mode(rootfs);
  const pointer = "/root/path";
  if (mode === -ENOENT) return { pointer, message: `the root filesystem "${rootfs}" does not exist`, hint: "a relative path counts from the bundle directory" };
  if (mode < 0) throw new SystemError("look at the root filesystem", rootfs, "stat", -mode, { pointer });
  return (mode & S_IFMT) === S_IFDIR ? undefined : { pointer, message: `the root filesystem "${rootfs}" is not a directory` };
}
