// The one port to the system. The host (QuickJS or Bun) installs it before main runs; everything else calls it.
import type { Sys } from "./sys-table.ts";

export let sys: Sys;

/** Called once by src/host-*, before anything else. */
export function installSys(port: Sys): void {
  sys = port;
}
