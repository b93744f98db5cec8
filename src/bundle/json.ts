// JSON text -> value, exact. JSON.parse is fast, but loses integers beyond 2^53 and the first of two equal names; the shim's
// scanner says when that cannot be.
import { ConfigError } from "../errors.ts";
import { sys } from "../sys.ts";
import { parseExact } from "./exact-json.ts";

/** `path` is for the error. */
export function parseJson(text: string, path: string): unknown {
  if (sys.json_is_plain(text) === 1) return JSON.parse(text);
  const result = parseExact(text);
  if ("value" in result) return result.value;
  const { code, ...finding } = result.fault;
  throw new ConfigError(code, path, [finding], text);
}
