// The image store: its directory, its lock, and images that are all there already, so that no image tool has to be started.
import { check, checkText, TsrunError } from "../errors.ts";
import { imageKey, type PreparedImage, STORE_FORMAT, STORE_MODE } from "../state/image-store.ts";
import { makeDirectories } from "../state/store.ts";
import { sys } from "../sys.ts";

const O_CREAT_RDWR = 0o102;
const LOCK_TIMEOUT_MS = 30_000;
const PERMISSIONS = 0o777;
const REF_NAME = "org.opencontainers.image.ref.name";

/** What names an image on the command line. */
export interface ImageChoice {
  /** LAYOUT[:REF]. */
  readonly image: string;
  /** os/arch[/variant]. */
  readonly platform: string | undefined;
}

/** Makes it when it is not there; refuses one that others could have put something into. Its real path. */
export function openStore(path: string): string {
  makeDirectories(path, STORE_MODE);
  const mode = check(sys.stat_mode(path), "look at the image store", path, "stat");
  if ((mode & PERMISSIONS) !== STORE_MODE || sys.out(0) !== sys.geteuid())
    throw new TsrunError("TS7040", `the image store "${path}" is not private`, {
      hint: "it must be a directory of its own, of the caller's, with mode 0700: what it holds is run unread",
    });
  const real = checkText(sys.real_path(path), "find the image store", path, "realpath");
  makeDirectories(`${real}/containers`, STORE_MODE);
  return real;
}

/** Calls `first` if the lock was to be had exclusively, then `then` with the lock shared: no layer goes away, no leftover is looked for. */
export function withStoreLock<T>(store: string, first: () => void, then: () => T): T {
  const path = `${store}/lock`;
  const lock = check(sys.open(path, O_CREAT_RDWR, 0o600), "open the image store's lock", path, "open");
  try {
    if (sys.flock(lock, 1, 0) === 0) first();
    check(sys.flock(lock, 0, LOCK_TIMEOUT_MS), "lock the image store", path, "flock");
    return then();
  } finally {
    sys.close(lock);
  }
}

/** images/KEY and what is in it; undefined when the image tool has to look: it has the words for what is wrong, too. */
export function findPrepared(store: string, choice: ImageChoice): { readonly path: string; readonly image: PreparedImage } | undefined {
  const digest = digestInIndex(choice.image);
  if (digest === undefined) return undefined;
  const path = `${store}/images/${imageKey(digest, choice.platform)}`;
  const text = sys.read_text(path);
  if (typeof text === "number") return undefined;
  const image = parsePrepared(text);
  return image?.format === STORE_FORMAT ? { path, image } : undefined;
}

/** Undefined: it was not written to its end. */
function parsePrepared(text: string): PreparedImage | undefined {
  try {
    return JSON.parse(text) as PreparedImage;
  } catch {
    return undefined;
  }
}

/** The digest of the one image of this name. As in the image tool, the first colon ends the layout's path. */
function digestInIndex(reference: string): string | undefined {
  const colon = reference.indexOf(":");
  const layout = colon < 0 ? reference : reference.slice(0, colon);
  const name = colon < 0 ? undefined : reference.slice(colon + 1);
  const text = sys.read_text(`${layout}/index.json`);
  if (typeof text === "number") return undefined;
  try {
    const { manifests } = JSON.parse(text) as { manifests: { digest: string; annotations?: Record<string, string> }[] };
    const [found, ...others] = manifests.filter(({ annotations }) => name === undefined || annotations?.[REF_NAME] === name);
    return found !== undefined && others.length === 0 && /^[a-z0-9]+:[0-9a-f]+$/.test(found.digest) ? found.digest : undefined;
  } catch {
    return undefined;
  }
}
