// The archive of a root filesystem -> an image of one layer. The archive is kept as it is, byte for byte: what the layer holds is only
// looked through, and refused where no image could have it.
import { timestamp } from "../config/timestamp.ts";
import { ImageError } from "../errors.ts";
import { placeOf, WHITEOUT } from "../layer/place.ts";
import { commitImage } from "../layout/commit.ts";
import { hostPlatform } from "../layout/image.ts";
import type { LayoutWriter } from "../layout/writer.ts";
import type { Compression } from "../spec/media-types.ts";
import type { Descriptor } from "../spec/schema.ts";
import type { Entry } from "../tar/entry.ts";
import { ArchiveReader } from "../tar/reader.ts";
import type { Chunks } from "./input.ts";
import { storeLayer } from "./layer-sink.ts";

export async function importRootfs(
  writer: LayoutWriter,
  source: Chunks,
  what: string,
  compressions: { readonly found: Compression; readonly wanted: Compression },
  name: string,
): Promise<Descriptor> {
  const { descriptor, diffId } = await storeLayer(writer, source, what, compressions, (archive) => lookThrough(archive, what));
  const created = timestamp();
  const config = {
    created,
    ...hostPlatform(),
    config: {},
    rootfs: { type: "layers" as const, diff_ids: [diffId] },
    history: [{ created, created_by: "tsrun image import" }],
  };
  return commitImage(writer, { config, layers: [descriptor] }, name);
}

async function lookThrough(archive: Chunks, what: string): Promise<void> {
  const reader = new ArchiveReader(archive, what);
  let count = 0;
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    checkEntry(entry, what);
    count++;
  }
  // An export that failed at the other end of the pipe looks like this.
  if (count === 0) throw new ImageError("TS7010", "the archive is empty", { blob: what });
  await reader.drain();
}

/** Refuses what no image can have. */
function checkEntry(entry: Entry, what: string): void {
  const place = placeOf(entry.path);
  if (typeof place === "string") throw new ImageError("TS7010", place, { blob: what, entry: entry.path });
  if (entry.kind === "hardlink" && typeof placeOf(entry.link) === "string")
    throw new ImageError("TS7010", "it is a hard link to a file outside of the archive", { blob: what, entry: entry.path });
  if (!place.name.startsWith(WHITEOUT)) return;
  throw new ImageError("TS7011", 'no root filesystem can have a name that begins with ".wh.": in a layer it says that a file is deleted', {
    blob: what,
    entry: entry.path,
  });
}
