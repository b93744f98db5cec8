// SIGINT, SIGTERM and SIGHUP while a command has something half done: it stops, takes it away, and then ends by that signal.
import { stopProgress } from "./progress.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** `work` is to look at the signal now and then. */
export async function interruptibly<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const receive = (name: NodeJS.Signals) => {
    received ??= name;
    controller.abort(new Error(`interrupted by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, receive);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, receive);
    if (received !== undefined) {
      stopProgress();
      // Without a handler it ends the process, and whoever waits for it sees by what.
      process.kill(process.pid, received);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** What a source gives, until the signal comes: also while a pipe that nobody writes to is waited for. The source is left as it is then. */
export async function* untilAborted<T>(source: AsyncIterator<T, void, undefined>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  for (;;) {
    signal.throwIfAborted();
    let stop = () => {};
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      const step = await Promise.race([source.next(), aborted]);
      if (step.done) return;
      yield step.value;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
