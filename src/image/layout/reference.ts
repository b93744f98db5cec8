// LAYOUT[:REF] of the command line -> directory and name. A name is what "org.opencontainers.image.ref.name" has in the index.
import { UsageError } from "../../errors.ts";

export interface Reference {
  /** The layout's directory. */
  readonly layout: string;
  /** Undefined: the only image of the layout. */
  readonly name: string | undefined;
}

/** The name of a reference: image-spec, annotations.md, "org.opencontainers.image.ref.name". */
const NAME = /^[A-Za-z0-9]+(?:(?:[-._:@/+]|--)[A-Za-z0-9]+)*$/;

/** As umoci and skopeo: the first colon ends the path. */
export function parseReference(text: string): Reference {
  const colon = text.indexOf(":");
  const layout = colon < 0 ? text : text.slice(0, colon);
  const name = colon < 0 ? undefined : text.slice(colon + 1);
  if (layout === "") throw new UsageError(`"${text}" names no image layout`, "LAYOUT[:REF], for example ./alpine:3.20");
  // Whatever name an image has, it can be asked for; only a new one must be of the right form.
  if (name === "" || (name !== undefined && /[\s\p{Cc}]/u.test(name))) throw invalid(name);
  return { layout, name };
}

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** A name that is to be given to an image. */
export function parseName(name: string): string {
  if (!isName(name)) throw invalid(name);
  return name;
}

function invalid(name: string): UsageError {
  return new UsageError(`"${name}" is no valid name of an image`, "letters and digits, with single . _ - : @ / + between them");
}
