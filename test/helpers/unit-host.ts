// A system for unit tests of pure code: JSON is always parsed exactly; else only what a test gives.
import { installSys } from "../../src/sys.ts";
import type { Sys } from "../../src/sys-table.ts";

export function installUnitHost(more: Partial<Sys> = {}): void {
  installSys({ json_is_plain: () => 0, ...more } as unknown as Sys);
}
