// What to take back when a command fails half way: in reverse order, the first error wins.
import { TsrunError } from "../errors.ts";

export class Undo {
  readonly #steps: { readonly what: string; readonly run: () => void }[] = [];

  add(what: string, run: () => void): void {
    this.#steps.push({ what, run });
  }

  /** Takes everything back because of this error, which hears of what could not be. A step that fails does not keep the others from being run. */
  run(cause: unknown): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step.run();
      } catch (error) {
        if (cause instanceof TsrunError) cause.leftBehind.push({ what: step.what, error });
      }
    }
  }
}
