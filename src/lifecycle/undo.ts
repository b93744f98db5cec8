// What to take back when a command fails half way: in reverse order, the first error wins.
import { warn } from "../log.ts";

export class Undo {
  readonly #steps: { readonly what: string; readonly run: () => void }[] = [];

  add(what: string, run: () => void): void {
    this.#steps.push({ what, run });
  }

  /** Takes everything back. A step that fails does not keep the others from being run. */
  run(): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step.run();
      } catch (error) {
        warn(`cannot undo "${step.what}": ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
