// run --image: a bundle of the runtime's own from an image, run like any other and removed with its container.
// docs/architecture.md, "Running an image", has the whole.
import { check, checkText } from "../errors.ts";
import { debug } from "../log.ts";
import { readFacts } from "../machine/facts.ts";
import { runImageTool } from "../machine/image-tool.ts";
import type { Config, Process } from "../spec/config.ts";
import type { PreparedImage } from "../state/image-store.ts";
import { checkId, find } from "../state/store.ts";
import { sys } from "../sys.ts";
import { findPrepared, type ImageChoice, openStore, withStoreLock } from "./image-store.ts";
import { findLeftovers, type Leftover, makeOwnBundle, type OwnBundle, removeLeftovers, removeOwnBundle } from "./own-bundle.ts";
import { type RunOptions, runContainer } from "./run.ts";

const O_CREAT_EXCL = 0o300;
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export interface ImageRunOptions extends Omit<RunOptions, "bundle">, ImageChoice {
  readonly store: string;
  /** In place of the image's Cmd. */
  readonly command: readonly string[];
}

/** The program's exit code as `run` has it; the image tool's when that failed, which has said why. */
export function runImage(options: ImageRunOptions): number {
  checkId(options.id);
  const store = openStore(options.store);
  const { own, prepared } = takeIntoUse(store, options);
  try {
    const image = prepared !== undefined && mountRoot(store, own, prepared) === 0 ? prepared : prepare(store, own, options);
    if (typeof image === "number") {
      removeOwnBundle(own.bundle);
      return image;
    }
    const config = JSON.stringify(configOf(image, options));
    check(sys.write_file(`${own.bundle}/config.json`, config, O_CREAT_EXCL, 0o600), "write the file", `${own.bundle}/config.json`, "open");
    return runContainer({ ...options, bundle: own.bundle, ownBundle: true });
  } catch (error) {
    // A container that could not be removed keeps its bundle, until its delete.
    if (find(options.root, options.id)?.bundle !== own.bundle) removeOwnBundle(own.bundle);
    throw error;
  }
}

/** A bundle that names the image's layers, if it is prepared: so they stay. Removes what killed runs have left. */
function takeIntoUse(store: string, options: ImageRunOptions): { readonly own: OwnBundle; readonly prepared: PreparedImage | undefined } {
  const leftovers: Leftover[] = [];
  const containers = `${store}/containers`;
  const taken = withStoreLock(
    store,
    () => leftovers.push(...findLeftovers(containers)),
    () => {
      const prepared = findPrepared(store, options);
      const own = makeOwnBundle(containers, { root: options.root, id: options.id });
      // A link: in a directory where much is made and removed, ext4 takes longer for each file.
      const linked = prepared === undefined ? 0 : sys.link(prepared.path, imageFile(own));
      if (linked < 0) removeOwnBundle(own.bundle);
      check(linked, "link the file", imageFile(own), "link");
      return { own, prepared: prepared?.image };
    },
  );
  removeLeftovers(leftovers);
  return taken;
}

const imageFile = (own: OwnBundle) => `${own.directory}/image.json`;

/** The layers below a directory of the container's own. Less than 0: this cannot be done (any more). */
function mountRoot(store: string, own: OwnBundle, { layers, root }: PreparedImage): number {
  const [upper, work, rootfs] = [`${own.directory}/upper`, `${own.directory}/work`, `${own.bundle}/rootfs`];
  for (const path of [upper, work, own.bundle, rootfs]) check(sys.mkdir(path, 0o700), "make the directory", path, "mkdir");
  check(sys.chown(upper, root.uid, root.gid), "give away the directory", upper, "chown");
  check(sys.chmod(upper, root.mode), "set the mode of", upper, "chmod");
  const lowers = layers.map((name) => `${store}/layers/${name}\0`).reverse();
  const mounted = sys.overlay_mount(lowers.join(""), upper, work, rootfs);
  debug(() => `overlay of ${layers.length} layers at ${rootfs}: ${mounted === 0 ? "mounted" : `errno ${-mounted}`}`);
  return mounted;
}

/** The image tool fills the store, or where there can be no overlay, the bundle. A number is its exit code. */
function prepare(store: string, own: OwnBundle, { image, platform }: ImageChoice): PreparedImage | number {
  for (const name of ["bundle", "upper", "work", "image.json"]) sys.remove_tree(`${own.directory}/${name}`);
  const { euid, inUserNamespace } = readFacts();
  const code = runImageTool([
    ...(sys.isatty(STDERR) === 1 ? [] : ["--quiet"]),
    "prepare",
    `--image=${image}`,
    ...(platform === undefined ? [] : [`--platform=${platform}`]),
    ...(euid !== 0 || inUserNamespace ? ["--rootless"] : []),
    `--store=${store}`,
    `--parent=${sys.getpid()}`,
    own.directory,
  ]);
  if (code !== 0) return code;
  const prepared = JSON.parse(checkText(sys.read_text(imageFile(own)), "read the file", imageFile(own), "open")) as PreparedImage;
  if (prepared.layers.length > 0) check(mountRoot(store, own, prepared), "mount the image's layers at", `${own.bundle}/rootfs`, "mount");
  return prepared;
}

/** With what this run has to say of its process. */
function configOf(image: PreparedImage, options: ImageRunOptions): Config {
  const { process, ...config } = image.config;
  const imageArgs = process?.args ?? [];
  const args = options.command.length === 0 ? imageArgs : [...imageArgs.slice(0, image.entrypoint), ...options.command];
  if (process === undefined) return config;
  return { ...config, process: { ...process, args, ...(hasTerminal(options) ? terminalOf(process.env) : {}) } };
}

/** As a person has it who starts the run from a terminal, and does not pass its output on. */
function hasTerminal({ detach, consoleSocket }: ImageRunOptions): boolean {
  return detach ? consoleSocket !== undefined : sys.isatty(STDIN) === 1 && sys.isatty(STDOUT) === 1;
}

function terminalOf(env: string[] = []): Partial<Process> {
  return { terminal: true, env: env.some((variable) => variable.startsWith("TERM=")) ? env : [...env, "TERM=xterm"] };
}
