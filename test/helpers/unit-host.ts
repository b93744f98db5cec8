// A host for unit tests of pure code: chunks load, and JSON is always parsed exactly; of the system only what a test gives.
import { CHUNKS } from "../../src/chunks.ts";
import { installHost } from "../../src/sys.ts";
import type { Sys } from "../../src/sys-table.ts";

export function installUnitHost(more: Partial<Sys> = {}): void {
  const sys = { json_is_plain: () => 0, ...more } as unknown as Sys;
  installHost({ sys, loadChunk: (name) => require(`../../src/${CHUNKS[name as keyof typeof CHUNKS]}`) });
}
