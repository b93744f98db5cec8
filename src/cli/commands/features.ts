// tsrun features: what this runtime knows, as JSON.
import { features as known } from "../../plan/features.ts";
import type { Command } from "../command.ts";
import { print } from "../output.ts";

export const features: Command = {
  name: "features",
  summary: "print what this runtime supports as JSON",
  args: "",
  count: [0, 0],
  flags: [],
  run: () => print(JSON.stringify(known(), null, 2)),
};
