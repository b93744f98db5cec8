// Writes generated files, or (`--check`) only tells which of them are stale. Shared by the gen-*.ts scripts.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

function readCurrent(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** `files`: path in the repository and text. The exit code: 1 when something is stale and was only checked. */
export function writeGenerated(files: readonly (readonly [path: string, text: string])[], check: boolean): number {
  let stale = 0;
  for (const [path, text] of files) {
    const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
    if (readCurrent(file) === text) continue;
    if (check) {
      process.stderr.write(`${path} is stale: run npm run gen\n`);
      stale++;
    } else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      process.stdout.write(`${path}: ${text.length} characters\n`);
    }
  }
  return stale === 0 ? 0 : 1;
}
