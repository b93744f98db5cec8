// JSON.stringify that keeps big integers: it takes no bigint, so they pass as marked texts.

export function stringifyExact(value: unknown): string {
  const marked = JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? `\u0001${member}` : member));
  return marked.includes("\\u0001") ? marked.replace(/"\\u0001(-?\d+)"/g, "$1") : marked;
}
