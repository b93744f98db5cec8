// Entry of the tool on Bun, for checkouts: install the system port, run, exit.
import { main } from "../main.ts";
import { installSys } from "../sys.ts";
import { makeSys } from "./sys.ts";

installSys(makeSys());
process.exit(main(process.argv.slice(2)));
