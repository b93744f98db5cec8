// Takes chunks from a source before they are asked for: while one layer is applied, the next ones are read, inflated and hashed.

export class ReadAhead implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #most: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  /** Whoever waits for a chunk, and the pump that waits for room. */
  #wakeTaker: (() => void) | undefined;
  #wakePump: (() => void) | undefined;
  readonly #pumping: Promise<void>;

  /** Begins at once; stops when it has `most` bytes. */
  constructor(source: AsyncIterable<Uint8Array>, most: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#most = most;
    this.#pumping = this.#pump();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next(), return: () => this.#return() };
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#isOver) {
        if (this.#size >= this.#most) {
          await new Promise<void>((resolve) => {
            this.#wakePump = resolve;
          });
          continue;
        }
        const step = await this.#source.next();
        if (step.done) break;
        this.#chunks.push(step.value);
        this.#size += step.value.length;
        this.#wakeTaker?.();
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#isOver = true;
    this.#wakeTaker?.();
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    // A turn of the event loop for each chunk: only then are the threads of the pool given their next one.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#chunks.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isOver) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
    }
    const value = this.#chunks.shift() ?? new Uint8Array();
    this.#size -= value.length;
    this.#wakePump?.();
    return { done: false, value };
  }

  /** Ends the source before its end. */
  async #return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isOver = true;
    this.#chunks.length = 0;
    this.#wakePump?.();
    await this.#pumping;
    await this.#source.return?.();
    return { done: true, value: undefined };
  }
}
