// Asks systemd about a unit.
import { ok } from "./container.ts";
import { exec } from "./exec.ts";

/** Values of the unit's properties, in the order of the names. `argv`: the words before "show", another systemctl than the system's. */
export async function propertiesOf(unit: string, names: readonly string[], argv: readonly string[] = ["systemctl"]): Promise<string[]> {
  const text = ok(await exec([...argv, "show", ...names.flatMap((name) => ["-p", name]), unit])).stdout;
  const values = new Map(text.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
  return names.map((name) => values.get(name) ?? "");
}
