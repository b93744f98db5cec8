// The one port to the system. The host (QuickJS or Bun) installs it before main runs; everything else calls it.
import type { Sys } from "./sys-table.ts";

export interface Host {
  readonly sys: Sys;
  /** Load a chunk: code that a hot command does not need, kept out of the start (pure functions, no imports). */
  readonly loadChunk: (name: string) => unknown;
}

export let sys: Sys;
let load: Host["loadChunk"];

/** Called once by src/host-*, before anything else. */
export function installHost(host: Host): void {
  sys = host.sys;
  load = host.loadChunk;
}

export function loadChunk(name: string): unknown {
  return load(name);
}
