// tsrun image verify: whether a layout is whole, and what it should be.
import type { Command } from "commander";
import { ImageError } from "../errors.ts";
import type { Reference } from "../layout/reference.ts";
import { printJson, printLine } from "../output.ts";
import { bytesText } from "../progress.ts";
import { verifyLayout } from "../verify/verify.ts";
import { jsonOption, referenceArgument, withExamples } from "./options.ts";

export function addVerify(program: Command): void {
  const command = program
    .command("verify")
    .description("check every blob that the index leads to: media type, size, digest, schema, and what the layers unpack to")
    .addArgument(referenceArgument())
    .addOption(jsonOption())
    .action(async ({ layout, name }: Reference, { json }: { json?: boolean }) => {
      const { blobs, bytes, findings } = await verifyLayout(layout, name);
      if (json) printJson({ blobs, bytes, findings });
      else {
        for (const { blob, message, rule, path } of findings) {
          printLine(`${blob}: ${message} (${rule})`);
          printLine(`  at ${path}`);
        }
        if (findings.length === 0) printLine(`${blobs} blobs, ${bytesText(bytes)}: nothing is wrong`);
      }
      const [first] = findings;
      if (first === undefined) return;
      throw new ImageError(first.code, `${findings.length} ${findings.length === 1 ? "thing is" : "things are"} wrong in ${layout}`);
    });
  withExamples(command, "tsrun image verify ./layout", "tsrun image verify --json ./layout:3.20");
}
