// The symbolic links of an image while its layers go by: which file an entry's name means, when its parents lead through links.
import { partsOf } from "../layer/place.ts";
import type { Raw } from "../raw.ts";

/** As the kernel's limit. */
const MAX_LINKS = 40;

/** A directory that has links somewhere below, or a link. */
interface Node {
  readonly children: Map<string, Node>;
  link?: Raw;
  /** Of the link. */
  layer: number;
}

export class ImageLinks {
  readonly #root: Node = { children: new Map(), layer: 0 };

  /** The place of this name: parents are followed inside the root, the last component is not. Undefined where links lead in a circle. */
  resolve(name: Raw): Raw | undefined {
    const rest = partsOf(name).reverse();
    const place: string[] = [];
    for (let followed = 0; rest.length > 0; ) {
      const part = rest.pop() ?? "";
      if (part === "..") {
        place.pop();
        continue;
      }
      place.push(part);
      const link = rest.length > 0 ? this.#find(place)?.link : undefined;
      if (link === undefined) continue;
      if (++followed > MAX_LINKS) return undefined;
      place.pop();
      if (link.startsWith("/")) place.length = 0;
      rest.push(...partsOf(link).reverse());
    }
    return place.join("/") as Raw;
  }

  /** Target of the symbolic link at this place. */
  linkAt(place: Raw): Raw | undefined {
    return this.#find(partsOf(place))?.link;
  }

  /** A new entry is at this place; `link` is the target of a symbolic link. */
  put(place: Raw, isDirectory: boolean, link: Raw | undefined, layer: number): void {
    const node = this.#find(partsOf(place));
    if (node !== undefined) {
      delete node.link;
      if (!isDirectory) node.children.clear();
    }
    if (link === undefined) return;
    let at = this.#root;
    for (const part of partsOf(place)) {
      const next = at.children.get(part) ?? { children: new Map(), layer };
      at.children.set(part, next);
      at = next;
    }
    at.link = link;
    at.layer = layer;
  }

  /** A whiteout in this layer: what lower layers have at this place and below it is gone; of an opaque directory only what is below. */
  remove(place: Raw, layer: number, isOpaque: boolean): void {
    const node = this.#find(partsOf(place));
    if (node === undefined) return;
    if (!isOpaque && node.layer < layer) delete node.link;
    forget(node, layer);
  }

  #find(parts: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const part of parts) node = node?.children.get(part);
    return node;
  }
}

function forget(node: Node, layer: number): void {
  for (const [name, child] of node.children) {
    forget(child, layer);
    if (child.layer < layer) delete child.link;
    if (child.link === undefined && child.children.size === 0) node.children.delete(name);
  }
}
