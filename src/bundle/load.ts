// A bundle directory -> its validated configuration. All findings are collected before one error is thrown.
import { ConfigError, SystemError } from "../errors.ts";
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";
import { absolutePath, hostProblems } from "./host-rules.ts";
import { parseJson } from "./json.ts";
import { dropNulls } from "./nulls.ts";
import { configWarnings } from "./rules/warnings.ts";
import { findProblems } from "./rules.ts";
import { findSchemaProblems } from "./schema.ts";

const ENOENT = 2;
const EILSEQ = 84;

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
  const dir = sys.real_path(directory);
  if (typeof dir === "number") throw new SystemError("find the bundle directory", directory, "realpath", -dir, { hint: "give it with --bundle" });
  const configPath = `${dir}/config.json`;
  const text = readConfig(configPath);
  const config = parseConfig(text, configPath);
  const rootfs = absolutePath(config.root?.path ?? "", dir);
  const problems = [...findProblems(config), ...hostProblems(config, dir, rootfs)];
  if (problems.length > 0) throw new ConfigError(problems[0]?.code ?? "TS1103", configPath, problems, text);
  return { dir, configPath, text, config, rootfs, warnings: configWarnings(config) };
}

/** Text -> a configuration of the right form; `path` is for errors. */
export function parseConfig(text: string, path: string): Config {
  const value = parseJson(text, path);
  // Go programs write null for what is not set.
  const config = text.includes("null") ? dropNulls(value) : value;
  const problems = findSchemaProblems(config);
  if (problems.length > 0) throw new ConfigError("TS1102", path, problems, text);
  return config as Config;
}

function readConfig(path: string): string {
  const text = sys.read_text(path);
  if (text === -ENOENT) {
    throw new ConfigError("TS1106", path, [
      { pointer: "", message: `there is no config.json in the bundle: "${path}"`, hint: 'give the bundle with --bundle, or make one with "tsrun spec"' },
    ]);
  }
  if (text === -EILSEQ) throw new ConfigError("TS1105", path, [{ pointer: "", message: `"${path}" is not UTF-8` }]);
  if (typeof text === "number") throw new SystemError("read", path, "open", -text);
  return text;
}
