// Loaded before the tool: at its end, writes the most memory that the process has had to the file $TSRUN_TEST_PEAK. What wait4(2) says
// would be of no use: it counts the process that it was forked from.
import { readFileSync, writeFileSync } from "node:fs";

process.on("exit", () => writeFileSync(process.env.TSRUN_TEST_PEAK, /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "latin1"))[1]));
