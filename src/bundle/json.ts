// JSON text -> value, exact. JSON.parse is fast, but loses integers beyond 2^53 and the first of two equal names; the shim's
// scanner says when that cannot be.
import { ConfigError } from "../errors.ts";
import { loadChunk, sys } from "../sys.ts";
import type { ExactJsonChunk } from "./exact-json.ts";

/** `path` is for the error. */
export function parseJson(text: string, path: string): unknown {
  if (sys.json_is_plain(text) === 1) return JSON.parse(text);
  const result = (loadChunk("exact-json") as ExactJsonChunk).parseExact(text);
  if ("value" in result) return result.value;
  const { code, ...finding } = result.fault;
  throw new ConfigError(code, path, [finding], text);
}
