// An image's configuration on a base config -> the config.json of a container of it (image-spec, conversion.md). Pure.
import type { Config, Mount } from "../../spec/config.ts";
import { ImageError } from "../errors.ts";
import type { ImageConfig } from "../spec/schema.ts";
import { findUser, type User, type UserFiles } from "./users.ts";

type Execution = NonNullable<ImageConfig["config"]>;

const PREFIX = "org.opencontainers.image.";
/** As umoci has them; what the image has in this place is copied into the volume. */
const VOLUME_OPTIONS = ["rw", "nosuid", "nodev", "noexec", "relatime", "tmpcopyup"];

export function convertConfig(image: ImageConfig, base: Config, files: UserFiles): Config {
  if (image.os !== "linux") throw new ImageError("TS7007", `the image is for ${image.os}, not for linux`);
  const execution = image.config ?? {};
  const user = findUser(execution.User ?? "", files);
  const args = [...(execution.Entrypoint ?? []), ...(execution.Cmd ?? [])];
  return {
    ...base,
    process: {
      ...base.process,
      user: { ...base.process?.user, uid: user.uid, gid: user.gid, ...(user.additionalGids === undefined ? {} : { additionalGids: [...user.additionalGids] }) },
      // An image that says nothing: the base config's shell.
      ...(args.length === 0 ? {} : { args }),
      env: environment(execution, base, user),
      cwd: absolute(execution.WorkingDir ?? "") ?? "/",
    },
    root: { ...base.root, path: base.root?.path ?? "rootfs", readonly: false },
    mounts: [...(base.mounts ?? []), ...volumes(execution)],
    annotations: { ...base.annotations, ...annotations(image, execution) },
  };
}

/** The image's variables as they are, and of ours those that it has none of. */
function environment(execution: Execution, base: Config, { home = "/" }: User): string[] {
  const own = execution.Env ?? [];
  const wrong = own.find((one) => !/^[^=]+=/s.test(one));
  if (wrong !== undefined) throw new ImageError("TS7002", `config.Env: "${wrong}" is no variable`);
  const names = new Set(own.map(nameOf));
  const defaults = [...(base.process?.env ?? []), `HOME=${home}`];
  return [...own, ...defaults.filter((one) => !names.has(nameOf(one)))];
}

function nameOf(variable: string): string {
  return variable.slice(0, variable.indexOf("="));
}

/** Runtimes take no relative path; in an image it counts from the root. Undefined for "". */
function absolute(path: string): string | undefined {
  return path === "" || path.startsWith("/") ? path || undefined : `/${path}`;
}

function volumes(execution: Execution): Mount[] {
  return Object.keys(execution.Volumes ?? {})
    .sort()
    .map((path) => {
      const destination = absolute(path);
      if (destination === undefined || /^\/*$/.test(destination)) throw new ImageError("TS7002", `config.Volumes: "${path}" cannot be a volume`);
      return { destination, type: "tmpfs", source: "none", options: [...VOLUME_OPTIONS] };
    });
}

/** What the image says of itself in other places, and its labels, which count for more. An annotation needs a name. */
function annotations(image: ImageConfig, execution: Execution): Record<string, string> {
  const implicit = {
    os: image.os,
    architecture: image.architecture,
    variant: image.variant,
    "os.version": image["os.version"],
    "os.features": image["os.features"]?.join(","),
    author: image.author,
    created: image.created,
    stopSignal: execution.StopSignal,
    exposedPorts: Object.keys(execution.ExposedPorts ?? {}).join(","),
  };
  return Object.fromEntries([
    ...Object.entries(implicit).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[`${PREFIX}${name}`, value] as const])),
    ...Object.entries(execution.Labels ?? {}).filter(([name]) => name !== ""),
  ]);
}
