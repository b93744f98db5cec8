// tsrun list: the containers of --root as a table, as runc's JSON, or as ids.
import { UsageError } from "../../errors.ts";
import { type ListedContainer, listContainers } from "../../lifecycle/query.ts";
import type { Command } from "../command.ts";
import { isSet } from "../flags.ts";
import { print } from "../output.ts";

export const list: Command = {
  name: "list",
  summary: "list the containers of this --root",
  args: "",
  count: [0, 0],
  flags: [
    { name: "format", short: "f", value: "table|json", doc: "form of the output (default table)" },
    { name: "quiet", short: "q", doc: "ids only" },
  ],
  run(parsed, globals) {
    const containers = listContainers(globals.root);
    if (isSet(parsed, "quiet")) return containers.length === 0 ? 0 : print(containers.map((container) => container.id).join("\n"));
    const format = parsed.values.get("format") ?? "table";
    if (format === "json") return print(containers.length === 0 ? "null" : JSON.stringify(containers));
    if (format !== "table") throw new UsageError(`--format must be table or json, not "${format}"`);
    return print(table(containers));
  },
};

const HEADER = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
const LEAST_WIDTH = 12;
const GAP = 3;

function table(containers: readonly ListedContainer[]): string {
  const rows = [HEADER, ...containers.map((c) => [c.id, String(c.pid), c.status, c.bundle, c.created, c.owner])];
  const widths = HEADER.map((_, column) => Math.max(LEAST_WIDTH - GAP, ...rows.map((row) => (row[column] ?? "").length)) + GAP);
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("")).join("\n");
}
