// linux.netDevices: network devices of the runtime's namespace that the container is given (spec 8.20 to 8.24).
import { StateError, SystemError } from "../errors.ts";
import { pointerPart } from "../plan/paths.ts";
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";

const EEXIST = 17;
const ENODEV = 19;

/** After init has its namespaces. That a device comes back at the end is the kernel's business, or its end. */
export function moveNetDevices({ linux }: Config, pid: number): void {
  for (const [name, device] of Object.entries(linux?.netDevices ?? {})) {
    const newName = (device.name ?? "") ? (device.name ?? "") : name;
    const pointer = `/linux/netDevices/${pointerPart(name)}`;
    const result = sys.move_netdev(name, newName, pid);
    if (result === -ENODEV) throw new StateError("TS6301", `there is no network device "${name}" to move`, { pointer });
    if (result === -EEXIST) throw new StateError("TS6302", `the container has a network device "${newName}" already`, { pointer });
    if (result < 0) throw new SystemError("move the network device", name, "sendmsg", -result, { pointer });
  }
}
