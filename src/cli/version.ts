// The version text. go-runc reads its lines by prefix: "... version ", "commit: ", "spec: ".
import { SPEC_VERSION, TSRUN_VERSION } from "../spec/version.ts";

export function versionText(): string {
  return `tsrun version ${TSRUN_VERSION}\nspec: ${SPEC_VERSION}`;
}
