// The config.json of a bundle: the image's configuration on what `tsrun spec` begins with.
import { defaultSpec, rootlessSpec } from "../../cli/spec-template.ts";
import type { Config } from "../../spec/config.ts";
import { convertConfig } from "../config/convert.ts";
import type { UserFiles } from "../config/users.ts";
import { native } from "../native.ts";
import { rawOf } from "../raw.ts";
import type { ImageConfig } from "../spec/schema.ts";

/** Files with the names of users and groups, in the order of UserFiles. */
export const USER_FILES = ["etc/passwd", "etc/group"] as const;
/** One that is larger is none. */
const MAX_USER_FILE = 8 << 20;

export function bundleConfig(image: ImageConfig, isRootless: boolean, files: UserFiles): Config {
  const base = isRootless ? rootlessSpec(process.geteuid?.() ?? 0, process.getegid?.() ?? 0) : defaultSpec();
  return convertConfig(image, base, files);
}

/** By descriptors under the root: the image may have links in their place. */
export function readUserFiles(root: number): UserFiles {
  const read = (path: string) => {
    const content = native.read_file(root, rawOf(path), MAX_USER_FILE);
    return typeof content === "number" ? undefined : content;
  };
  const [passwd, group] = USER_FILES.map(read);
  return { passwd, group };
}
