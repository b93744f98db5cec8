// Images between `tsrun image` and Docker or Podman: what export writes is loaded and run, what save writes is imported again.
import { resolve } from "node:path";
import { type Case, check, equal, exec, matches, type Session } from "./harness.ts";
import { IMAGE } from "./image.ts";

const TSRUN = resolve(import.meta.dir, "../../dist/tsrun");

async function image(...args: string[]): Promise<string> {
  const { code, out, err } = await exec([TSRUN, "image", "--quiet", ...args]);
  if (code !== 0) throw new Error(`tsrun image ${args.join(" ")}: exit code ${code}\n${err}`);
  return out;
}

/** An image of ours: a root filesystem of two layers, with a program to run. */
async function makeLayout(s: Session, rootfsTar: string): Promise<string> {
  const layout = `${s.directory}/layout`;
  await image("import", rootfsTar, `${layout}:made`);
  await image("config", "--image", `${layout}:made`, "--config.env", "PATH=/bin", "--config.env", "GREETING=hello", "--config.cmd", "sh", "--config.cmd=-c");
  await image("config", "--image", `${layout}:made`, "--config.entrypoint", "/bin/sh", "--config.entrypoint=-c", "--config.cmd", "echo $GREETING from $PWD");
  await image("config", "--image", `${layout}:made`, "--config.workingdir", "/usr", "--config.label", "made.by=tsrun");
  return layout;
}

const inspect = async (s: Session, name: string, format: string) => (await s.ok("image", "inspect", "--format", format, name)).trim();

function load(format: string, rootfsTar: string): Case {
  return [
    `load of what "tsrun image export --format ${format}" writes`,
    async (s) => {
      const layout = await makeLayout(s, rootfsTar);
      const archive = `${s.directory}/archive.tar`;
      const name = `localhost/tsrun-${format}:v1`;
      await image("export", "--format", format, "--tag", name, `${layout}:made`, archive);
      matches(await s.ok("load", "-i", archive), new RegExp(`Loaded image.*tsrun-${format}:v1`));
      equal(await s.ok("run", "--rm", name), "hello from /usr\n");
      equal(await inspect(s, name, '{{index .Config.Labels "made.by"}}'), "tsrun");
      const { config, manifest } = JSON.parse(await image("inspect", "--json", `${layout}:made`));
      // The id of an image is the digest of its config in both.
      equal((await inspect(s, name, "{{.Id}}")).replace(/^sha256:/, ""), manifest.config.digest.replace(/^sha256:/, ""), "id");
      equal(JSON.parse(await inspect(s, name, "{{json .RootFS.Layers}}")), config.rootfs.diff_ids, "layers");
      await s.ok("rmi", "-f", name);
    },
  ];
}

/** `options`: of save; what it writes is imported, and its image is the one that was saved. */
function save(title: string, ...options: string[]): Case {
  return [
    `tsrun image import of what save ${title} writes`.replace("  ", " "),
    async (s) => {
      const archive = `${s.directory}/saved.tar`;
      await s.ok("save", ...options, "-o", archive, IMAGE);
      const layout = `${s.directory}/saved`;
      await image("import", archive, layout);
      const [row, ...others] = JSON.parse(await image("ls", "--json", layout));
      equal(others, []);
      check(IMAGE.endsWith(row.name) || row.name.endsWith("latest"), `the image is called ${row.name}`);
      await image("verify", layout);
      const { config, manifest } = JSON.parse(await image("inspect", "--json", layout));
      equal(config.rootfs.diff_ids, JSON.parse(await inspect(s, IMAGE, "{{json .RootFS.Layers}}")), "layers");
      if (options.length === 0) equal(manifest.config.digest.replace(/^sha256:/, ""), (await inspect(s, IMAGE, "{{.Id}}")).replace(/^sha256:/, ""), "id");
    },
  ];
}

/** `saves`: the options of save for each of the formats that the engine has. */
export function imageToolCases(rootfsTar: string, saves: readonly (readonly string[])[]): readonly Case[] {
  const pipe: Case = [
    "tsrun image import and export by pipes",
    async (s) => {
      const layout = `${s.directory}/piped`;
      const engine = s.argv.map((word) => `'${word}'`).join(" ");
      const script = `${engine} save ${IMAGE} | ${TSRUN} image import - ${layout}:x && ${TSRUN} image export --tag localhost/piped:v1 ${layout}:x - | ${engine} load`;
      const { code, err } = await exec(["bash", "-c", `set -o pipefail; ${script}`]);
      equal(code, 0, err);
      equal(await s.ok("run", "--rm", "localhost/piped:v1", "echo", "hello"), "hello\n");
      await s.ok("rmi", "-f", "localhost/piped:v1");
    },
  ];
  return [load("oci-archive", rootfsTar), load("docker-archive", rootfsTar), ...saves.map((options) => save(options.join(" "), ...options)), pipe];
}
