// features, help and completion: what the tool says of itself.
import { expect } from "bun:test";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, ok, runtime } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { oracle, spec, tsrunOnly } from "../helpers/spec.ts";

const oldPeers = oracle({ runc: "1.1 knows an older document", crun: "1.8 has no features" });

/** The others that begin with r are recursive, and for bind mounts. */
const PLAIN_WITH_R = ["ro", "rw", "relatime", "remount", "rprivate", "rshared", "rslave", "runbindable"];

const TO_1000 = [{ containerID: 0, hostID: 1000, size: 10 }];

async function features() {
  return JSON.parse(ok(await runtime(["features"])).stdout);
}

spec("9.02 both versions are accepted as ociVersion", oldPeers, async () => {
  const { ociVersionMin, ociVersionMax } = await features();
  expect(ociVersionMax >= ociVersionMin).toBe(true);
  for (const ociVersion of [ociVersionMin, ociVersionMax]) ok(await new Container(bundle(probe(), { ociVersion })).run());
});

spec("9.04 every mount option that is listed is recognised", oldPeers, async () => {
  const { mountOptions } = await features();
  expect(mountOptions).toEqual(expect.arrayContaining(["ro", "rbind", "rro", "tmpcopyup", "nosymfollow"]));
  // Not /usr: what id-mapped mounts need, not every filesystem has.
  const source = bundle().directory;
  for (const option of mountOptions as string[]) {
    const mapping = /idmap$/.test(option) ? { uidMappings: TO_1000, gidMappings: TO_1000 } : {};
    const isBind = /^r?bind$|idmap$/.test(option) || (option.startsWith("r") && !PLAIN_WITH_R.includes(option));
    const mount = isBind
      ? { destination: "/mnt", type: "bind", source, options: ["rbind", option], ...mapping }
      : option === "remount"
        ? { destination: "/tmp", options: ["remount", "rw"] }
        : { destination: "/mnt", type: "tmpfs", source: "tmpfs", options: [option] };
    // MS_MANDLOCK is gone since Linux 5.15, but still understood.
    const patches = option === "remount" ? [{ destination: "/tmp", type: "tmpfs", source: "t" }, mount] : [mount];
    const result = await new Container(bundle(probe(), { mounts: patches })).run();
    if (result.code !== 0) throw new Error(`${option}: ${result.stderr}`);
  }
});

spec("9.04 every capability and namespace that is listed is recognised", oldPeers, async () => {
  const { linux } = await features();
  for (const name of linux.capabilities as string[]) {
    const all = [name];
    const result = await new Container(bundle(probe(), { process: { capabilities: { bounding: all, permitted: all, effective: all } } })).run();
    if (result.code !== 0) throw new Error(`${name}: ${result.stderr}`);
  }
  expect(linux.namespaces).toEqual(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]);
});

spec("help names every command, and each command its flags", tsrunOnly, async () => {
  const help = ok(await runtime(["--help"])).stdout;
  for (const name of ["create", "exec", "update", "events", "features", "completion"]) {
    expect(help).toContain(`\n  ${name} `);
    expect(ok(await runtime([name, "--help"])).stdout).toContain(`usage: tsrun ${name}`);
    expect(ok(await runtime(["help", name])).stdout).toContain(`usage: tsrun ${name}`);
  }
});

spec("completion: bash finds commands, flags and containers", tsrunOnly, async () => {
  const script = ok(await runtime(["completion", "bash"])).stdout;
  const complete = async (...words: string[]) =>
    ok(
      await exec(["bash", "-c", `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tsrun; echo "\${COMPREPLY[@]}"`, "bash", "tsrun", ...words]),
    ).stdout.trim();
  expect(await complete("upd")).toBe("update");
  expect(await complete("exec", "--ign")).toBe("--ignore-paused");
  expect(await complete("--root", "/x", "--log", "y", "de")).toBe("delete");
  for (const shell of ["zsh", "fish"]) expect(ok(await runtime(["completion", shell])).stdout).toContain("tsrun");
});
