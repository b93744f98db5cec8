// Entry of the tool on Bun, for checkouts: install the system port, run, exit.
import { useCheckout } from "../machine/image-tool.ts";
import { main } from "../main.ts";
import { installSys } from "../sys.ts";
import { makeSys } from "./sys.ts";

installSys(makeSys());
useCheckout(new URL("../image/main.ts", import.meta.url).pathname);
process.exit(main(process.argv.slice(2)));
