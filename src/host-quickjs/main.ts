// Entry of the released tool: native/quickjs/host.c has put the system port, the chunk loader and argv on the global object.
import { main } from "../main.ts";
import { type Host, installHost } from "../sys.ts";

interface HostGlobals extends Host {
  readonly argv: readonly string[];
}

/** host.c calls the function that this bundle evaluates to; its result is the exit code. */
export function run(host: HostGlobals): number {
  installHost(host);
  return main(host.argv);
}
