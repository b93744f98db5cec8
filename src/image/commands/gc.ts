// tsrun image gc: frees the blobs that no image of the layout needs.
import type { Command } from "commander";
import { collectGarbage } from "../layout/gc.ts";
import { Layout } from "../layout/layout.ts";
import { printLine, printTable } from "../output.ts";
import { bytesText } from "../progress.ts";
import { withExamples } from "./options.ts";

export function addGc(program: Command): void {
  const command = program
    .command("gc")
    .description("remove the blobs that nothing in the index leads to; what refers to an image that stays (a signature) stays as well")
    .requiredOption("--layout <dir>", "directory of an image layout")
    .option("--dry-run", "only list them")
    .action(async ({ layout: path, dryRun }: { layout: string; dryRun?: boolean }) => {
      const garbage = await collectGarbage(await Layout.open(path), dryRun === true);
      const bytes = garbage.reduce((sum, { size }) => sum + size, 0);
      if (dryRun) {
        printTable(
          ["DIGEST", "SIZE"],
          garbage.map(({ digest, size }) => [digest, bytesText(size)]),
        );
      } else printLine(`${garbage.length} blobs removed, ${bytesText(bytes)}`);
    });
  withExamples(command, "tsrun image gc --layout ./layout");
}
