// Names in an image are bytes, and need not be UTF-8. A Raw holds one byte per character: it can be compared, split and be
// the key of a map, and nothing is lost on its way from the archive to the kernel and back.

declare const brand: unique symbol;
export type Raw = string & { readonly [brand]: true };

/** From text of our own (a path on the command line, a literal). */
export function rawOf(text: string): Raw {
  return Buffer.from(text, "utf8").toString("latin1") as Raw;
}

/** From bytes of an archive or of the kernel. */
export function rawFrom(bytes: Uint8Array): Raw {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1") as Raw;
}

export function rawBytes(raw: Raw): Buffer {
  return Buffer.from(raw, "latin1");
}

/** For a person: UTF-8 where it is that, everything unprintable as \xNN. */
export function shown(raw: Raw): string {
  const bytes = rawBytes(raw);
  const text = bytes.toString("utf8");
  const isExact = Buffer.from(text, "utf8").equals(bytes);
  return (isExact ? text : raw).replace(isExact ? /\p{Cc}/gu : /[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
