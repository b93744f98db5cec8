// The one port to the system. The host (QuickJS or Bun) installs it before main runs; everything else calls it.
import type { Sys } from "./sys-table.ts";

export let sys: Sys;

/** For sys.open: the same number on every architecture. O_DIRECTORY and O_NOFOLLOW are not: where they are needed, the shim adds them. */
export const O_PATH = 0o10000000;

/** Called once by src/host-*, before anything else. */
export function installSys(port: Sys): void {
  sys = port;
}
