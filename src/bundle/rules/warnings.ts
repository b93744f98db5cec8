// What is not wrong, but likely not what was meant: told, and the container is made.
import type { Config } from "../../spec/config.ts";
import { versionWarnings } from "./version.ts";

const RESERVED = "org.opencontainers.";
/** The image specification's: its conversion makes annotations of an image's properties and of its labels (conversion.md, annotations.md). */
const OF_IMAGES = `${RESERVED}image.`;

export function configWarnings(config: Config): string[] {
  return [...versionWarnings(config), ...annotationWarnings(config), ...deviceWarnings(config)];
}

/** Spec 10.02: names that are kept for the specification. */
function annotationWarnings({ annotations = {} }: Config): string[] {
  return Object.keys(annotations)
    .filter((key) => key.startsWith(RESERVED) && !key.startsWith(OF_IMAGES))
    .map((key) => `the annotation "${key}" is ignored: names that begin with ${RESERVED} are reserved`);
}

/** Spec 8.13: two names for one device. */
function deviceWarnings({ linux }: Config): string[] {
  const seen = new Map<string, string>();
  const warnings: string[] = [];
  for (const { type, major, minor, path } of linux?.devices ?? []) {
    if (type === "p") continue;
    const number = `${type === "u" ? "c" : type} ${major}:${minor}`;
    const other = seen.get(number);
    if (other === undefined) seen.set(number, path);
    else warnings.push(`the devices "${other}" and "${path}" are the same: ${number}`);
  }
  return warnings;
}
