// Standard output of a command.
import { sys } from "../sys.ts";

export function print(text: string): number {
  sys.write_fd(1, `${text}\n`);
  return 0;
}
