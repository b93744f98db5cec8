// Bundles of the runtime's own (`run --image`), in the store's containers/: made for one container, removed with it. One is in use while
// its lock is held (by the run that made it) or while the record of its container names it; else it is a leftover of a run that was killed.
import { check } from "../errors.ts";
import { warn } from "../log.ts";
import { type BundleOwner, directoryOfBundle } from "../state/image-store.ts";
import { find } from "../state/store.ts";
import { sys } from "../sys.ts";

const EEXIST = 17;
const O_CREAT_EXCL = 0o300;
const O_RDWR = 0o2;
const CLOCK_REALTIME = 0;
/** So many mounts on one another are somebody's game. */
const MOST_MOUNTS = 64;

export interface OwnBundle {
  /** In the store's containers/. */
  readonly directory: string;
  /** The bundle directory below it. */
  readonly bundle: string;
  /** The fd of owner.json that holds its lock for as long as this process lives. */
  readonly lock: number;
}

/** With the store's lock held, so that nobody takes a half-made one for a leftover. */
export function makeOwnBundle(containers: string, owner: BundleOwner): OwnBundle {
  const directory = makeDirectory(containers, owner.id);
  const bundle = `${directory}/bundle`;
  const path = `${directory}/owner.json`;
  try {
    const lock = check(sys.open(path, O_CREAT_EXCL | O_RDWR, 0o600), "make the file", path, "open");
    check(sys.flock(lock, 1, 0), "lock the file", path, "flock");
    check(sys.write_fd(lock, JSON.stringify(owner)), "write the file", path, "write");
    return { directory, bundle, lock };
  } catch (error) {
    removeOwnBundle(bundle);
    throw error;
  }
}

/** "web-mk3v9x2": the id is for people, the rest makes it new. */
function makeDirectory(containers: string, id: string): string {
  for (let tick = sys.clock_ns(CLOCK_REALTIME) / 1000; ; tick++) {
    const directory = `${containers}/${id.slice(0, 100)}-${Math.floor(tick).toString(36)}`;
    const made = sys.mkdir(directory, 0o700);
    if (made !== -EEXIST) check(made, "make the directory", directory, "mkdir");
    else continue;
    return directory;
  }
}

/** The root filesystem's mount and all files. `bundle` is what the record names. */
export function removeOwnBundle(bundle: string): void {
  // Until it is no mount any more. What cannot be unmounted, remove_tree does not enter.
  for (let i = 0; i < MOST_MOUNTS && sys.umount(`${bundle}/rootfs`) === 0; i++);
  const directory = directoryOfBundle(bundle);
  check(sys.remove_tree(directory), "remove the container's own bundle", directory, "unlink");
}

/** A leftover, and the lock on it that keeps others from it. */
export interface Leftover {
  readonly bundle: string;
  readonly lock: number;
}

/** With the store's lock held exclusively. */
export function findLeftovers(containers: string): Leftover[] {
  const names = sys.read_dir(containers);
  if (typeof names === "number") return [];
  const leftovers: Leftover[] = [];
  for (const name of names.split("\0")) {
    if (name === "") continue;
    const directory = `${containers}/${name}`;
    const bundle = `${directory}/bundle`;
    const lock = sys.open(`${directory}/owner.json`, O_RDWR, 0);
    if (lock >= 0 && (sys.flock(lock, 1, 0) < 0 || isNamedByRecord(directory, bundle))) sys.close(lock);
    else leftovers.push({ bundle, lock });
  }
  return leftovers;
}

export function removeLeftovers(leftovers: readonly Leftover[]): void {
  for (const { bundle, lock } of leftovers) {
    try {
      removeOwnBundle(bundle);
    } catch (error) {
      warn(`cannot remove "${directoryOfBundle(bundle)}", which a killed run has left: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (lock >= 0) sys.close(lock);
  }
}

function isNamedByRecord(directory: string, bundle: string): boolean {
  const owner = readOwner(directory);
  return owner !== undefined && find(owner.root, owner.id)?.bundle === bundle;
}

/** Undefined: the run was killed before it had written it. */
function readOwner(directory: string): BundleOwner | undefined {
  try {
    return JSON.parse(String(sys.read_text(`${directory}/owner.json`))) || undefined;
  } catch {
    return undefined;
  }
}
