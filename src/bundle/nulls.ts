// Go programs write null for a list or map that is not set: the same as if the member were not there.

export function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (typeof value !== "object" || value === null) return value;
  const object: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== null) Object.defineProperty(object, name, { value: dropNulls(member), writable: true, enumerable: true, configurable: true });
  }
  return object;
}
