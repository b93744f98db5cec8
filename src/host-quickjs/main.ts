// Entry of the released tool. The build calls this function once, with the port to the system, and keeps the heap: what it
// returns is what native/quickjs/host.c calls at each start, with argv.
import { main } from "../main.ts";
import { installSys } from "../sys.ts";
import type { Sys } from "../sys-table.ts";

export function install(port: Sys): typeof main {
  installSys(port);
  return main;
}
