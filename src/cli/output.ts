// Standard output of a command.
import { check } from "../errors.ts";
import { sys } from "../sys.ts";

/** Returns the exit code. Whoever reads half of an answer, from a disk that is full, has to hear of it. */
export function print(text: string): number {
  check(sys.write_fd(1, `${text}\n`), "write the answer", "standard output", "write");
  return 0;
}
