// tsrun image import: an archive into a layout.
import { type Command, createArgument, createOption } from "commander";
import { FORMATS, type ImportOptions, importArchive } from "../archive/import.ts";
import { openInput } from "../archive/input.ts";
import { interruptibly, untilAborted } from "../interrupt.ts";
import { parseName, parseReference, type Reference } from "../layout/reference.ts";
import { inLayout } from "../layout/writer.ts";
import { printTable } from "../output.ts";
import { startStage } from "../progress.ts";
import { withExamples } from "./options.ts";

export function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("read images from an archive of an image layout or of `docker save`, or make an image of the archive of a root filesystem")
    .argument("<archive>", 'the archive, which may be compressed by gzip or zstd; "-" is standard input')
    .addArgument(
      createArgument("<layout[:name]>", "the layout, which is made when it is missing, and a name for the image (default: what the archive says)").argParser(
        parseReference,
      ),
    )
    .addOption(createOption("--format <format>", "what the archive is of; auto: its first member tells").choices(FORMATS).default("auto"))
    .addOption(
      createOption("--compress <type>", "compression of layers that are not compressed in the archive").choices(["gzip", "zstd", "none"]).default("gzip"),
    )
    .action(async (path: string, reference: Reference, { format, compress }: { format: ImportOptions["format"]; compress: ImportOptions["compression"] }) => {
      const name = reference.name === undefined ? undefined : parseName(reference.name);
      let onRead = (_: number) => {};
      const { chunks, size } = await openInput(path, (bytes) => onRead(bytes));
      try {
        const stage = startStage("importing", size);
        onRead = (bytes) => stage.add(bytes);
        const what = path === "-" ? "standard input" : path;
        const images = await interruptibly((signal) =>
          inLayout(reference.layout, (writer) => importArchive(writer, untilAborted(chunks, signal), what, { name, format, compression: compress }), signal),
        );
        stage.end();
        printTable(
          ["NAME", "DIGEST"],
          images.map((one) => [one.name ?? "-", one.descriptor.digest]),
        );
      } finally {
        // Not waited for: a read of a pipe that nobody writes to any more would never end.
        chunks.return().catch(() => {});
      }
    });
  withExamples(
    command,
    "docker save alpine:3.20 | tsrun image import - ./layout:alpine",
    "tsrun image import rootfs.tar.gz ./layout:base",
    "skopeo copy docker://alpine oci-archive:alpine.tar && tsrun image import alpine.tar ./layout:alpine",
  );
}
