// Paths of the command line count from the working directory.
import { checkText } from "../errors.ts";
import { sys } from "../sys.ts";

export function absolute(path: string): string {
  return path[0] === "/" ? path : `${checkText(sys.getcwd(), "find the working directory", ".", "getcwd")}/${path}`;
}
