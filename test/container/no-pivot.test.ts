// --no-pivot: the old root stays below the container's, and nothing of it may serve the container.
import { expect } from "bun:test";
import { bundle } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { Container, ok } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec } from "../helpers/spec.ts";

/** In a user namespace of its own the container's user tries to mount what is masked in the container. */
const TRIES = `
export PATH=/bin
busybox unshare -U -r -n -m sh -c "mount -t sysfs s /mnt && ls /mnt"
busybox unshare -U -r -p -f -m sh -c "mount -t proc p /mnt && ls /mnt"
echo tried`;
const tries: JsonObject = { process: { args: ["/bin/sh", "-c", TRIES], user: { uid: 1000, gid: 1000 } } };
const USER: JsonObject = {
  linux: {
    namespaces: ["pid", "network", "ipc", "uts", "mount", "user"].map((type) => ({ type })),
    uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    sysctl: undefined,
  },
};

spec("--no-pivot: a user namespace in the container mounts no proc and no sysfs without the masks", needs("busybox", "userns"), async () => {
  const b = bundle(tries);
  for (const one of [b, b.rewrite(USER)]) {
    if (one !== b) Bun.spawnSync(["chown", "-R", "--no-dereference", "100000:100000", b.rootfs]);
    const result = ok(await new Container(one).run({ flags: ["--no-pivot"] }));
    expect(result.stdout).toBe("tried\n");
    expect(result.stderr.match(/permission denied/g)).toHaveLength(2);
  }
});

spec(
  "--no-pivot: the host keeps its mounts and gets no others, also where they are shared",
  oracle({ runc: "the host loses its proc", crun: "the host loses its proc" }),
  async () => {
    const b = bundle({ linux: { rootfsPropagation: "shared" } });
    // A mount of its own for the rootfs, so that the one of / stays shared.
    const script =
      'mount --bind "$1" "$1"; shift; before=$(cat /proc/self/mountinfo); "$@"; code=$?; [ "$before" = "$(cat /proc/self/mountinfo)" ] && exit $code';
    const run = [...COMMAND, "--root", ROOT, "run", "--no-pivot", "--bundle", b.directory, b.name];
    expect(ok(await exec(["unshare", "--mount", "--propagation", "shared", "sh", "-c", script, "-", b.rootfs, ...run])).stdout).toBe("hello\n");
  },
);
