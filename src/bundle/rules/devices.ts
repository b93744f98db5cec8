// linux.devices (spec 8.11).
import type { Config } from "../../spec/config.ts";
import type { Problem } from "../rules.ts";

export function deviceProblems(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const [index, { type, path, major, minor }] of (config.linux?.devices ?? []).entries()) {
    const pointer = `/linux/devices/${index}`;
    if (!path.startsWith("/")) problems.push({ pointer: `${pointer}/path`, message: `the device path "${path}" is not absolute` });
    if (type !== "p" && (major === undefined || minor === undefined)) problems.push({ pointer, message: `a device of type ${type} needs major and minor` });
  }
  return problems;
}
