// A small image without a network: busybox and its applets, as a root filesystem's tar and as an OCI archive.
/// <reference types="bun" />
import { createHash } from "node:crypto";
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { arch } from "node:os";
import { exec } from "./harness.ts";

export const IMAGE = "localhost/tsrun-busybox:latest";
const APPLETS =
  "awk cat chmod chown cp cut date dd df echo env false grep head hostname id kill ls mkdir mkfifo mount mv nice nslookup od printf ps pwd readlink rm sed seq sh sleep sort stat stty sync tail test touch tr true tty umount uname wc yes".split(
    " ",
  );

export interface Image {
  readonly rootfsTar: string;
  readonly ociArchive: string;
}

export async function makeImage(directory: string): Promise<Image> {
  const rootfs = `${directory}/image-rootfs`;
  for (const name of ["bin", "dev", "etc", "home/user", "mnt", "proc", "root", "run", "sys", "tmp", "usr/bin", "var"])
    mkdirSync(`${rootfs}/${name}`, { recursive: true });
  chmodSync(`${rootfs}/tmp`, 0o1777);
  chownSync(`${rootfs}/home/user`, 1000, 1000);
  cpSync("/bin/busybox", `${rootfs}/bin/busybox`);
  for (const applet of APPLETS) symlinkSync("busybox", `${rootfs}/bin/${applet}`);
  writeFileSync(`${rootfs}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n");
  writeFileSync(`${rootfs}/etc/group`, "root:x:0:\nuser:x:1000:\n");
  const rootfsTar = `${directory}/rootfs.tar`;
  await exec(["tar", "-C", rootfs, "--numeric-owner", "-cf", rootfsTar, "."]);
  return { rootfsTar, ociArchive: await makeArchive(directory, rootfsTar) };
}

/** image-spec 1.1: one layer, one manifest, an index that names it. */
async function makeArchive(directory: string, layer: string): Promise<string> {
  const layout = `${directory}/oci`;
  mkdirSync(`${layout}/blobs/sha256`, { recursive: true });
  const blob = (bytes: Uint8Array, mediaType: string) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(`${layout}/blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const type = (name: string) => `application/vnd.oci.image.${name}`;
  const layerBlob = blob(readFileSync(layer), type("layer.v1.tar"));
  const config = blob(
    json({
      architecture: arch() === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Env: ["PATH=/bin:/usr/bin"], Cmd: ["/bin/sh"] },
      rootfs: { type: "layers", diff_ids: [layerBlob.digest] },
    }),
    type("config.v1+json"),
  );
  const manifest = blob(json({ schemaVersion: 2, mediaType: type("manifest.v1+json"), config, layers: [layerBlob] }), type("manifest.v1+json"));
  const annotations = { "org.opencontainers.image.ref.name": IMAGE, "io.containerd.image.name": IMAGE };
  writeFileSync(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  writeFileSync(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  const archive = `${directory}/image.tar`;
  await exec(["tar", "-C", layout, "-cf", archive, "."]);
  return archive;
}
