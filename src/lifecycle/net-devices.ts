// linux.netDevices: network devices of the runtime's namespace that the container is given (spec 8.20 to 8.24).
import { check, StateError, SystemError } from "../errors.ts";
import { pointerPart } from "../plan/paths.ts";
import type { Config } from "../spec/config.ts";
import { sys } from "../sys.ts";

const EEXIST = 17;
const ENODEV = 19;

/** What has been moved, to be taken back while nobody has the container yet (spec 1.08). */
export interface MovedDevices {
  /** The container's network namespace, or -1: with this it outlives init, and the devices in it do. */
  namespace: number;
  readonly devices: { readonly name: string; readonly index: number; readonly wasUp: number }[];
}

/** After init has its namespaces. That a device comes back at the container's end is the kernel's business, or its end. */
export function moveNetDevices({ linux }: Config, pid: number, moved: MovedDevices): void {
  for (const [name, device] of Object.entries(linux?.netDevices ?? {})) {
    const newName = (device.name ?? "") ? (device.name ?? "") : name;
    const pointer = `/linux/netDevices/${pointerPart(name)}`;
    if (moved.namespace < 0) moved.namespace = openNamespace(linux?.namespaces?.find(({ type }) => type === "network")?.path || `/proc/${pid}/ns/net`);
    const index = sys.move_netdev(name, newName, moved.namespace);
    if (index === -ENODEV) throw new StateError("TS6301", `there is no network device "${name}" to move`, { pointer });
    if (index === -EEXIST) throw new StateError("TS6302", `the container has a network device "${newName}" already`, { pointer });
    if (index < 0) throw new SystemError("move the network device", name, "sendmsg", -index, { pointer });
    moved.devices.push({ name, index, wasUp: sys.out(0) });
  }
}

/** One that is given by path is opened itself: init may not have joined it yet. One of its own init has from the start. */
function openNamespace(path: string): number {
  return check(sys.open(path, 0, 0), "open the container's network namespace", path, "open");
}

/** Undo: all of them, as they were; the first that cannot be is the error. */
export function returnNetDevices({ namespace, devices }: MovedDevices): void {
  const results = devices.splice(0).map(({ name, index, wasUp }) => ({ name, result: sys.return_netdev(index, name, wasUp, namespace) }));
  for (const { name, result } of results) check(result, "move the network device back", name, "sendmsg");
}
