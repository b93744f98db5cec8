// Entry of the tool on Bun, for checkouts: install the system port, run, exit.
import { main } from "../main.ts";
import { installHost } from "../sys.ts";
import { makeHost } from "./sys.ts";

installHost(makeHost());
process.exit(main(process.argv.slice(2)));
