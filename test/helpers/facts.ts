// Reads the probe's `key=value` lines.

export class Facts {
  readonly #values = new Map<string, string[]>();
  readonly text: string;
  constructor(text: string) {
    this.text = text;
    for (const line of text.split("\n")) {
      // Keys such as read:/a=b do not occur: paths in tests have no equals sign.
      const at = line.indexOf("=");
      if (at < 0) continue;
      const key = line.slice(0, at);
      const list = this.#values.get(key) ?? [];
      list.push(line.slice(at + 1).replace(/\\([n0\\])/g, (_, code: string) => (code === "n" ? "\n" : code === "0" ? "\0" : "\\")));
      this.#values.set(key, list);
    }
  }
  /** The only value of a key. */
  get(key: string): string {
    const list = this.#values.get(key);
    if (list === undefined || list.length !== 1) throw new Error(`the probe gave ${list?.length ?? 0} values of ${key}:\n${this.text.slice(0, 2000)}`);
    return list[0] ?? "";
  }
  all(key: string): string[] {
    return this.#values.get(key) ?? [];
  }
  has(key: string): boolean {
    return this.#values.has(key);
  }
  /** The last mountinfo line of a mount point. */
  mount(point: string): Mount {
    const found = this.mounts(point).at(-1);
    if (found === undefined) throw new Error(`nothing is mounted on ${point}:\n${this.all("mount").join("\n")}`);
    return found;
  }
  mounts(point: string): Mount[] {
    return this.all("mount")
      .map(parseMount)
      .filter((mount) => mount.point === point);
  }
}

export interface Mount {
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
  /** "shared:1", "master:2", "unbindable" */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

export function parseMount(line: string): Mount {
  const [before = "", after = ""] = line.split(" - ");
  const fields = before.split(" ");
  const [type = "", source = "", superOptions = ""] = after.split(" ");
  return {
    root: fields[3] ?? "",
    point: fields[4] ?? "",
    options: (fields[5] ?? "").split(","),
    propagation: fields.slice(6),
    type,
    source,
    superOptions: superOptions.split(","),
  };
}
