// Names of images in a layout -> names as Docker and Podman have them: "repository:tag". Pure.
import { basename, resolve } from "node:path";

const PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const HOST = "(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]+)?";
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
/** Docker's grammar of a name with a tag (distribution/reference). */
const TAGGED = new RegExp(`^(?:${HOST}/)?${PART}(?:/${PART})*:${TAG}$`);

export function isTagged(text: string): boolean {
  return TAGGED.test(text);
}

/** Of "alpine:3.20" itself; of "3.20" in the layout "./alpine" the same. Undefined when neither gives a valid one. */
export function repoTag(layout: string, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const candidates = name.includes(":") ? [name] : name.includes("/") ? [`${name}:latest`] : [`${basename(resolve(layout)).toLowerCase()}:${name}`];
  return candidates.find(isTagged);
}

/** With the registry and the namespace that Docker leaves out: "docker.io/library/alpine:3.20". */
export function wholeName(tagged: string): string {
  const slash = tagged.indexOf("/");
  const first = tagged.slice(0, slash);
  if (slash > 0 && (/[.:]/.test(first) || first === "localhost")) return tagged;
  return slash < 0 ? `docker.io/library/${tagged}` : `docker.io/${tagged}`;
}
