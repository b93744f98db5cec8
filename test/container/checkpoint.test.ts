// checkpoint and restore, by CRIU.
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { bundle, probe } from "../helpers/bundle.ts";
import type { JsonObject } from "../helpers/config.ts";
import { MOUNTS } from "../helpers/config.ts";
import { Container, fails, ok, runtime } from "../helpers/container.ts";
import { until } from "../helpers/exec.ts";
import { needs, oracle, ROOT, spec, tsrunOnly } from "../helpers/spec.ts";

const COUNT = "i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.05; done";

/** A container that counts, with a bind mount of its own. */
async function counting(patch: JsonObject = {}): Promise<Container> {
  const b = bundle({ process: { args: ["/bin/sh", "-c", COUNT] } }, patch);
  mkdirSync(`${b.directory}/bound`);
  writeFileSync(`${b.directory}/bound/file`, "bound\n");
  const mount = { destination: "/mnt/bound", type: "bind", source: `${b.directory}/bound`, options: ["rbind", "ro"] };
  const container = await new Container(b.rewrite({ mounts: [...MOUNTS, mount] })).up();
  await until("the count", () => count(container) > 3);
  return container;
}

function count(container: Container): number {
  const path = `${container.bundle.rootfs}/count`;
  return existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
}

const images = (container: Container) => `${container.bundle.directory}/images`;

spec(
  "checkpoint stops and deletes the container, restore goes on where it was",
  oracle({ runc: "cannot do streams that are files of the host", crun: "another way" }),
  needs("criu"),
  async () => {
    const container = await counting();
    ok(await container.command("checkpoint", { flags: ["--image-path", images(container)] }));
    const stopped = count(container);
    fails(await container.command("state"), /does not exist/);
    await Bun.sleep(200);
    expect(count(container)).toBe(stopped);
    const pidFile = `${container.bundle.directory}/pid`;
    ok(await container.command("restore", { flags: ["-d", "--image-path", images(container), "--bundle", container.bundle.directory, "--pid-file", pidFile] }));
    await until("the count goes on", () => count(container) > stopped);
    expect(count(container)).toBeGreaterThan(3);
    const { pid, status } = await container.state();
    expect([status, String(pid)]).toEqual(["running", readFileSync(pidFile, "utf8")]);
    expect(ok(await container.command("exec", {}, "/bin/cat", "/mnt/bound/file")).stdout).toBe("bound\n");
    expect(JSON.parse(ok(await container.command("ps", { flags: ["-f", "json"] })).stdout)).toContain(pid);
    ok(await container.delete({ flags: ["--force"] }));
  },
);

spec("checkpoint --leave-running", oracle({ runc: "cannot do streams that are files of the host" }), needs("criu"), async () => {
  const container = await counting();
  ok(await container.command("checkpoint", { flags: ["--image-path", images(container), "--leave-running"] }));
  const before = count(container);
  expect(await container.status()).toBe("running");
  await until("the count goes on", () => count(container) > before);
});

spec("checkpoint --pre-dump, then one that builds on it", oracle({ runc: "cannot do streams that are files of the host" }), needs("criu"), async () => {
  const container = await counting();
  ok(await container.command("checkpoint", { flags: ["--image-path", `${images(container)}-1`, "--pre-dump"] }));
  expect(await container.status()).toBe("running");
  ok(await container.command("checkpoint", { flags: ["--image-path", images(container), "--parent-path", "../images-1"] }));
  const stopped = count(container);
  ok(await container.command("restore", { flags: ["-d", "--image-path", images(container), "--bundle", container.bundle.directory] }));
  await until("the count goes on", () => count(container) > stopped);
  ok(await container.delete({ flags: ["--force"] }));
});

spec("restore in the foreground returns the program's exit code and removes the container", tsrunOnly, needs("criu"), async () => {
  const args = ["/bin/sh", "-c", "echo x > /count; while ! test -e /go; do sleep 0.05; done; exit 9"];
  const container = await new Container(bundle({ process: { args } })).up();
  await until("the start", () => existsSync(`${container.bundle.rootfs}/count`));
  ok(await container.command("checkpoint", { flags: ["--image-path", images(container)] }));
  writeFileSync(`${container.bundle.rootfs}/go`, "");
  const result = await container.command("restore", { flags: ["--image-path", images(container), "--bundle", container.bundle.directory] });
  expect(result.code).toBe(9);
  expect(existsSync(`${ROOT}/${container.id}`)).toBe(false);
});

spec("restore of what is no checkpoint is an error, and nothing is left", tsrunOnly, async () => {
  const b = bundle(probe("pause"));
  const container = new Container(b);
  fails(await container.command("restore", { flags: ["-d", "--image-path", b.directory, "--bundle", b.directory] }), /no checkpoint/);
  expect(existsSync(`${ROOT}/${container.id}`)).toBe(false);
});

spec("CRIU's own words are in the error when it fails", tsrunOnly, needs("criu"), async () => {
  const container = await counting();
  ok(await container.command("checkpoint", { flags: ["--image-path", images(container)] }));
  writeFileSync(`${images(container)}/inventory.img`, "rubbish");
  const result = fails(
    await container.command("restore", { flags: ["-d", "--image-path", images(container), "--bundle", container.bundle.directory] }),
    /criu restore failed/,
  );
  expect(result.stderr).toContain("Error");
  expect(existsSync(`${ROOT}/${container.id}`)).toBe(false);
});

spec("checkpoint: not of a stopped container, nor of one with a terminal or a joined namespace", tsrunOnly, async () => {
  const container = await new Container(bundle(probe("pause"))).up();
  fails(await runtime(["checkpoint", "no-such-container"]), /does not exist/);
  const joined = {
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "mount" },
        { type: "uts" },
        { type: "ipc" },
        { type: "network", path: `/proc/${(await container.state()).pid}/ns/net` },
      ],
    },
  };
  const other = await new Container(bundle(probe("pause"), joined)).up();
  fails(await other.command("checkpoint", { flags: ["--image-path", images(other)] }), /namespace/);
  ok(await container.kill("KILL"));
  await container.stopped();
  fails(await container.command("checkpoint", { flags: ["--image-path", images(container)] }), /not running/);
});
