// The runtime is late with each of its system calls in turn, while init and the program go on: all is well all the same.
/// <reference types="bun" />
import { spec, tsrunOnly } from "../helpers/spec.ts";
import { COMMANDS } from "./commands.ts";
import { FaultReport } from "./faulty.ts";

for (const name of ["run, without hooks", "start", "exec"]) {
  spec(`every system call comes late once: ${name}`, tsrunOnly, { timeoutMs: 250_000 }, async () => {
    const command = await COMMANDS[name]?.();
    if (command === undefined) throw new Error(`no command ${name}`);
    const report = new FaultReport();
    await command.prepare();
    const good = await command.run();
    await command.settle(good);
    const counts = new Map<string, number>();
    for (const call of good.trace.calls) {
      const nth = (counts.get(call) ?? 0) + 1;
      counts.set(call, nth);
      await command.prepare();
      const outcome = await command.run({ call, nth });
      const problem = outcome.result.code === 0 ? "" : `exit code ${outcome.result.code}: ${outcome.result.stderr}`;
      report.add(`${name}, call ${call}, time ${nth}`, problem, await command.settle(outcome));
    }
    await command.end();
    report.check();
  });
}
