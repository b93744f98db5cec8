// Standard output of the commands: tables for people, JSON for programs. What comes out of an image is somebody else's text: nothing in
// it may move the cursor of a terminal, or turn the order of letters around.

const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Control and format characters as \xNN. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u{${code}}`;
  });
}

export function printLine(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** Columns as wide as their widest cell. The last column is not padded. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const table = [head, ...rows.map((row) => row.map(printable))];
  const widths = head.map((_, column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  for (const row of table) {
    const cells = row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)));
    process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }
}

export function printJson(value: unknown): void {
  const text = JSON.stringify(value, null, 2).replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
  process.stdout.write(`${text}\n`);
}
