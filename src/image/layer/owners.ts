// Owners of rootless bundles: all their files belong to whoever unpacked them, the owner in the image is in an extended attribute.
import { ImageError } from "../errors.ts";
import type { Raw } from "../raw.ts";
import type { WholeEntry } from "../tar/writer.ts";
import { NO_ID, ROOTLESS_XATTR } from "./attributes.ts";

/** The entry as the image has it: root's, unless the attribute names another owner. */
export function withOwnerInImage(entry: WholeEntry): WholeEntry {
  const value = entry.xattrs.get(ROOTLESS_XATTR);
  if (value === undefined) return { ...entry, uid: 0, gid: 0 };
  const xattrs = new Map(entry.xattrs);
  xattrs.delete(ROOTLESS_XATTR);
  const [uid, gid] = parseOwner(value, entry.path);
  return { ...entry, uid: uid === NO_ID ? 0 : uid, gid: gid === NO_ID ? 0 : gid, xattrs };
}

function parseOwner(value: Uint8Array, path: Raw): readonly [uid: number, gid: number] {
  const ids = [0, 0];
  for (let at = 0; at < value.length; ) {
    const field = (value[at++] ?? 0) - 0x08;
    let id = 0;
    let scale = 1;
    for (let byte = 0x80; byte >= 0x80; scale *= 128) {
      byte = value[at++] ?? 0xff;
      id += (byte & 0x7f) * scale;
      if (at > value.length || scale > 2 ** 28) throw new ImageError("TS7020", `its attribute ${ROOTLESS_XATTR} is broken`, { entry: path });
    }
    // Field 1 or 2, both varints: 0x08 and 0x10.
    if ((field !== 0 && field !== 8) || id > NO_ID) throw new ImageError("TS7020", `its attribute ${ROOTLESS_XATTR} is broken`, { entry: path });
    ids[field / 8] = id;
  }
  return [ids[0] ?? 0, ids[1] ?? 0];
}
