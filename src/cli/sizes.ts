// Sizes as people write them for runc: "512M", "1.5g", "64KiB", "-1".
import { UsageError } from "../errors.ts";

const UNITS = "bkmgtp";

/** Bytes; 1024 to the next unit. */
export function parseSize(flag: string, text: string): number {
  if (/^-?[0-9]{1,15}$/.test(text)) return Number(text);
  const parts = /^([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([bkmgtp])(?:i?b)?$/i.exec(text);
  const bytes = parts === null ? Number.NaN : Math.floor(Number(parts[1]) * 1024 ** UNITS.indexOf(parts[2]?.toLowerCase() ?? ""));
  if (!Number.isSafeInteger(bytes)) throw new UsageError(`--${flag}: "${text}" is no size`, 'for example "512M", "1g", or "-1" for no limit');
  return bytes;
}
