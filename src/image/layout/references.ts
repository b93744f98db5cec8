// References: names in index.json (image-spec, annotations.md, "org.opencontainers.image.ref.name") and what they point to.
import { ImageError } from "../errors.ts";
import type { Descriptor, Index } from "../spec/schema.ts";
import { parseName } from "./reference.ts";

export const REF_NAME = "org.opencontainers.image.ref.name";

export function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[REF_NAME];
}

function isSameEntry(one: Descriptor, other: Descriptor): boolean {
  return one.digest === other.digest && nameOf(one) === nameOf(other);
}

export function hasEntry(index: Index, entry: Descriptor): boolean {
  return index.manifests.some((one) => isSameEntry(one, entry));
}

/** The name points to this from now on, and to nothing else. A name that is not there yet must be a valid one. */
export function withReference(index: Index, name: string, target: Descriptor): Index {
  const entry: Descriptor = { ...target, annotations: { ...target.annotations, [REF_NAME]: name } };
  const at = index.manifests.findIndex((one) => nameOf(one) === name);
  if (at < 0) parseName(name);
  if (at < 0) return { ...index, manifests: [...index.manifests, entry] };
  return { ...index, manifests: index.manifests.flatMap((one, i) => (i === at ? [entry] : nameOf(one) === name ? [] : [one])) };
}

/** An entry without a name gets one; one that has a name keeps that as well. */
export function withNewName(index: Index, entry: Descriptor, name: string): Index {
  return withReference(nameOf(entry) === undefined ? withoutEntry(index, entry) : index, name, entry);
}

/** An entry without a name, with another image in it. */
export function withTarget(index: Index, entry: Descriptor, target: Descriptor): Index {
  return { ...index, manifests: index.manifests.map((one) => (isSameEntry(one, entry) ? target : one)) };
}

export function withoutEntry(index: Index, entry: Descriptor): Index {
  return { ...index, manifests: index.manifests.filter((one) => !isSameEntry(one, entry)) };
}

/** The entry of this name; without one the only entry. */
export function findEntry(index: Index, layout: string, name: string | undefined): Descriptor {
  const names = index.manifests.flatMap((one) => nameOf(one) ?? []);
  const hint = names.length === 0 ? "the index has no names" : `it has: ${names.join(", ")}`;
  const found = name === undefined ? index.manifests : index.manifests.filter((one) => nameOf(one) === name);
  const [entry, ...others] = found;
  if (entry !== undefined && others.length === 0) return entry;
  if (name === undefined) throw new ImageError("TS7006", `${layout} has ${found.length} images: name one`, { hint });
  throw new ImageError("TS7006", entry === undefined ? `${layout} has no image "${name}"` : `${layout} has ${found.length} images of the name "${name}"`, {
    hint,
  });
}
