// Times in an image's config: RFC 3339 (image-spec, config.md).
import { UsageError } from "../../errors.ts";

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** Now. */
export function timestamp(): string {
  return new Date().toISOString();
}

/** A time of the command line, which stays as it was written. */
export function parseTimestamp(text: string): string {
  if (RFC3339.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new UsageError(`"${text}" is no time`, "RFC 3339, for example 2026-01-31T10:00:00Z: date --iso-8601=seconds prints it");
}
