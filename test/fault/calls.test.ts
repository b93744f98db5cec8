// Each system call of the runtime itself fails once in turn: the command fails with words or knows another way, what it had begun is taken
// back, and the container can be made, used and deleted afterwards.
/// <reference types="bun" />
import { spec, tsrunOnly } from "../helpers/spec.ts";
import { COMMANDS, type Commanded } from "./commands.ts";
import { EIO, FaultReport, failureProblem } from "./faulty.ts";

/** Calls that the command has made for another container: once is enough. */
const done = new Set<string>();

/** Without the names of this bundle. */
function anonymous(call: string, { bundle }: Commanded): string {
  return call.replaceAll(bundle.directory, "BUNDLE").replaceAll(bundle.name, "ID");
}

async function everyCall(command: Commanded): Promise<void> {
  const report = new FaultReport();
  await command.prepare();
  const good = await command.run();
  if (good.result.code !== 0) throw new Error(`it fails without a fault: ${good.result.stderr}`);
  await command.settle(good);
  // The same call may come more than once, for something else each time.
  const counts = new Map<string, number>();
  for (const call of good.trace.calls) {
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    const kind = `${command.name} ${anonymous(call, command)} ${nth}`;
    if (done.has(kind)) continue;
    done.add(kind);
    await command.prepare();
    const outcome = await command.run({ call, nth, errno: EIO });
    const isWell = outcome.result.code === 0;
    const isOdd = !isWell && !outcome.trace.hasFailed;
    const problem = isOdd ? `fails before it: ${outcome.result.stderr}` : isWell ? "" : failureProblem(outcome, command.failureCode);
    report.add(`${command.name}, call ${call}, time ${nth}`, problem, await command.settle(outcome));
  }
  await command.end();
  report.check();
}

for (const [name, make] of Object.entries(COMMANDS))
  spec(`1.08 every system call fails once: ${name}`, tsrunOnly, { timeoutMs: 250_000 }, async () => everyCall(await make()));
