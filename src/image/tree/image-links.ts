// The symbolic links of an image while its layers go by: which file an entry's name means, when its parents lead through links.
// There may be a million of them: nothing is kept in the JavaScript heap, and their targets are in a file.
import { partsOf } from "../layer/place.ts";
import type { Raw } from "../raw.ts";
import { TextFile } from "./nameless.ts";
import { Column } from "./numbers.ts";
import { Paths } from "./path-table.ts";

/** As the kernel's limit. */
const MAX_LINKS = 40;
const NONE = -1;

/** Where a walk along a path is, and what the directories above say of links there. */
interface Step {
  /** In `Paths`; NONE: there is no link, neither here nor below. */
  readonly node: number;
  readonly path: Raw;
  /** A link below is still there when it was put later than this, and when its layer is not lower. */
  readonly cleared: number;
  readonly hidden: number;
}

export class ImageLinks {
  readonly #folder: string;
  /** Of links, and of all directories that lead to one. */
  readonly #paths = new Paths();
  #targets: TextFile;
  /** Of a link: its target's place in the file, and 1; its layer; when it was put. */
  readonly #target = new Column(Float64Array);
  readonly #layer = new Column(Uint32Array);
  readonly #time = new Column(Uint32Array);
  /** When all below was taken away, and the highest layer that hides what lower ones have there. */
  readonly #cleared = new Column(Uint32Array);
  readonly #hidden = new Column(Uint32Array);
  #now = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#targets = new TextFile(folder);
    this.#paths.add("" as Raw);
  }

  /** Forgets all of them. */
  clear(): void {
    this.#targets.close();
    this.#targets = new TextFile(this.#folder);
    this.#paths.clear();
    this.#paths.add("" as Raw);
    for (const column of [this.#target, this.#layer, this.#time, this.#cleared, this.#hidden]) column.clear();
    this.#now = 0;
  }

  close(): void {
    this.#targets.close();
  }

  /** The place of this name: parents are followed inside the root, the last component is not. Undefined where links lead in a circle. */
  resolve(name: Raw): Raw | undefined {
    const rest = partsOf(name).reverse();
    const steps = [this.#root()];
    for (let followed = 0; rest.length > 0; ) {
      const part = rest.pop() ?? "";
      if (part === "..") {
        if (steps.length > 1) steps.pop();
        continue;
      }
      const above = steps.at(-1) ?? this.#root();
      // Its own link is not followed.
      if (rest.length === 0) return joined(above.path, part);
      const step = this.#down(above, part);
      const link = this.#linkOf(step, above);
      if (link === undefined) {
        steps.push(step);
        continue;
      }
      if (++followed > MAX_LINKS) return undefined;
      if (link.startsWith("/")) steps.length = 1;
      rest.push(...partsOf(link).reverse());
    }
    return (steps.at(-1) ?? this.#root()).path;
  }

  /** Target of the symbolic link at this place. */
  linkAt(place: Raw): Raw | undefined {
    const parts = partsOf(place);
    let above = this.#root();
    for (const [i, part] of parts.entries()) {
      const step = this.#down(above, part);
      if (i === parts.length - 1) return this.#linkOf(step, above);
      above = step;
    }
    return undefined;
  }

  /** A new entry is at this place; `link` is the target of a symbolic link. */
  put(place: Raw, isDirectory: boolean, link: Raw | undefined, layer: number): void {
    const parts = partsOf(place);
    this.#now++;
    const node = this.#find(parts);
    if (node !== NONE) {
      this.#target.set(node, 0);
      if (!isDirectory) this.#cleared.set(node, this.#now);
    }
    if (link === undefined) return;
    let path = "" as Raw;
    let added = NONE;
    for (const part of parts) {
      path = joined(path, part);
      added = this.#paths.add(path);
    }
    if (added === NONE) return;
    this.#target.set(added, this.#targets.add(link) + 1);
    this.#layer.set(added, layer);
    this.#time.set(added, this.#now);
  }

  /** A whiteout in this layer: what lower layers have at this place and below it is gone; of an opaque directory only what is below. */
  remove(place: Raw, layer: number, isOpaque: boolean): void {
    const node = this.#find(partsOf(place));
    if (node === NONE) return;
    if (!isOpaque && this.#layer.get(node) < layer) this.#target.set(node, 0);
    this.#hidden.set(node, Math.max(layer, this.#hidden.get(node)));
  }

  #root(): Step {
    return { node: 0, path: "" as Raw, cleared: this.#cleared.get(0), hidden: this.#hidden.get(0) };
  }

  #down(above: Step, part: string): Step {
    const path = joined(above.path, part);
    const node = above.node === NONE ? NONE : this.#paths.find(path);
    if (node === NONE) return { node, path, cleared: 0, hidden: 0 };
    return { node, path, cleared: Math.max(above.cleared, this.#cleared.get(node)), hidden: Math.max(above.hidden, this.#hidden.get(node)) };
  }

  #find(parts: readonly string[]): number {
    let step = this.#root();
    for (const part of parts) {
      if (step.node === NONE) return NONE;
      step = this.#down(step, part);
    }
    return step.node;
  }

  /** Its target; undefined: it is no link, or it is gone. */
  #linkOf({ node }: Step, above: Step): Raw | undefined {
    const target = node === NONE ? 0 : this.#target.get(node);
    if (target === 0 || this.#time.get(node) < above.cleared || this.#layer.get(node) < above.hidden) return undefined;
    return this.#targets.text(target - 1);
  }
}

function joined(parent: Raw, name: string): Raw {
  return (parent === "" ? name : `${parent}/${name}`) as Raw;
}
