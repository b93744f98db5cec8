// How far a long command is: a bar on a terminal, a line now and then elsewhere, nothing with --quiet. Goes to standard error.
// A command has one stage at a time: const stage = startStage("unpacking", bytes); stage.add(chunk.length) ...; stage.end().
import { type Options, type Params, SingleBar } from "cli-progress";

export interface Stage {
  /** So many bytes more are done. */
  add(bytes: number): void;
  end(): void;
}

/** A stage that is over sooner says nothing where there is no terminal. */
const FIRST_LINE_MS = 1000;
const NEXT_LINE_MS = 5000;
const BAR_SIZE = 40;

let isQuiet = false;
let present: Stage | undefined;

export function setQuiet(quiet: boolean): void {
  isQuiet = quiet;
}

/** `label` says what is being done ("unpacking"); without a total there is no end to be told. */
export function startStage(label: string, total?: number): Stage {
  stopProgress();
  if (isQuiet) return { add() {}, end() {} };
  const stage = process.stderr.isTTY && process.env["TERM"] !== "dumb" ? terminalStage(label, total) : plainStage(label, total);
  present = stage;
  return stage;
}

/** Takes the bar away, for a message or for good. */
export function stopProgress(): void {
  const stage = present;
  present = undefined;
  stage?.end();
}

function terminalStage(label: string, total: number | undefined): Stage {
  const format = (options: Options, { value, startTime, progress, maxWidth }: Params & { maxWidth: number }): string => {
    const words = `  ${describe(value, total, Date.now() - startTime)}`;
    const room = Math.min(BAR_SIZE, maxWidth - label.length - words.length - 4);
    if (total === undefined || room < 5) return `${label}${words}`.slice(0, maxWidth - 1);
    const done = Math.round(progress * room);
    return `${label} [${(options.barCompleteString ?? "").slice(0, done)}${(options.barIncompleteString ?? "").slice(0, room - done)}]${words}`;
  };
  // Without gracefulExit, which would keep SIGINT and SIGTERM from ending the program.
  const bar = new SingleBar({ format: format as (options: Options, params: Params) => string, clearOnComplete: true, gracefulExit: false });
  let isOver = false;
  bar.start(total ?? 0, 0);
  return {
    add: (bytes) => bar.increment(bytes),
    end() {
      if (!isOver) bar.stop();
      isOver = true;
    },
  };
}

function plainStage(label: string, total: number | undefined): Stage {
  const start = Date.now();
  let value = 0;
  let nextLine = start + FIRST_LINE_MS;
  let hasLines = false;
  let isOver = false;
  const line = (text: string) => process.stderr.write(`${label}: ${text}\n`);
  return {
    add(bytes) {
      value += bytes;
      const now = Date.now();
      if (isOver || now < nextLine) return;
      nextLine = now + NEXT_LINE_MS;
      hasLines = true;
      line(describe(value, total, now - start));
    },
    end() {
      if (!isOver && hasLines) line(`${bytesText(value)} in ${durationText(Date.now() - start)}`);
      isOver = true;
    },
  };
}

/** "45%, 1.2 GB of 2.6 GB, 180.3 MB/s, 0:08 left". */
function describe(value: number, total: number | undefined, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (value * 1000) / elapsedMs : 0;
  const parts = [total === undefined ? bytesText(value) : `${bytesText(value)} of ${bytesText(total)}`, `${bytesText(rate)}/s`];
  if (total === undefined) return parts.join(", ");
  parts.unshift(`${total === 0 ? 100 : Math.min(100, Math.floor((value * 100) / total))}%`);
  if (rate > 0) parts.push(`${durationText((Math.max(0, total - value) * 1000) / rate)} left`);
  return parts.join(", ");
}

const UNITS = ["kB", "MB", "GB", "TB", "PB"] as const;

/** "999 B", "1.0 kB", "12.3 MB". */
export function bytesText(bytes: number): string {
  let rest = bytes / 1000;
  let unit = 0;
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  while (rest >= 999.95 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${rest.toFixed(1)} ${UNITS[unit]}`;
}

/** "0:08", "12:34", "1:02:03". */
function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (number: number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
