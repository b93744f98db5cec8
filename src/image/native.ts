// Loads the addon: beside the built tool, or in build/ of a checkout.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Native } from "./native-table.ts";

const NAME = "tsrun-image.node";
const PLACES = [`./${NAME}`, `../../build/${NAME}`];

function load(): Native {
  const paths = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const path = paths.find((one) => existsSync(one)) ?? paths[0] ?? NAME;
  return createRequire(import.meta.url)(path) as Native;
}

export const native: Native = load();
