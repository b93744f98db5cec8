// tsrun events: statistics and out-of-memory events of a container, one JSON object a line.
import { UsageError } from "../../errors.ts";
import { containerStats, followEvents } from "../../lifecycle/events.ts";
import { stringifyExact } from "../../spec/stringify.ts";
import { type Command, idOf } from "../command.ts";
import { isSet } from "../flags.ts";
import { print } from "../output.ts";

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

export const events: Command = {
  name: "events",
  summary: "print what a container uses, and its out-of-memory events, as JSON lines",
  args: "<container-id>",
  count: [1, 1],
  flags: [
    { name: "interval", value: "DURATION", doc: 'time between statistics, as in "500ms" or "1m30s" (default 5s)' },
    { name: "stats", doc: "print the statistics once" },
  ],
  run(parsed, globals) {
    const interval = duration(parsed.values.get("interval") ?? "5s");
    if (isSet(parsed, "stats")) return print(stringifyExact(containerStats(globals.root, idOf(parsed))));
    followEvents(globals.root, idOf(parsed), interval, (event) => print(stringifyExact(event)));
    return 0;
  },
};

/** Go's form of durations -> milliseconds. */
function duration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  const total = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS_MS[unit ?? ""] ?? 0), 0);
  if (parts.map(([all]) => all).join("") !== text || total < 1) throw new UsageError(`--interval: "${text}" is no duration above 0`, 'for example "5s"');
  return total;
}
