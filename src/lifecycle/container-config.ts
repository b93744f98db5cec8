// The private copy of config.json that a container was made from (spec 3.08: later edits of the bundle have no effect on it).
import { parseJson } from "../bundle/json.ts";
import { dropNulls } from "../bundle/nulls.ts";
import { checkText } from "../errors.ts";
import type { Config } from "../spec/config.ts";
import type { StateRecord } from "../state/record.ts";
import { sys } from "../sys.ts";

/** It was validated by create. `path` is the bundle's file, for errors: people look there. */
export function readContainerConfig(directory: string, record: StateRecord): { config: Config; path: string; text: string } {
  const copy = `${directory}/config.json`;
  const text = checkText(sys.read_text(copy), "read the container's config.json", copy, "open");
  return { config: dropNulls(parseJson(text, copy)) as Config, path: `${record.bundle}/config.json`, text };
}
