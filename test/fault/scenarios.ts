// How each container of configs.ts is made: its bundle, what has to be there for it, and what else must be as it was before.
/// <reference types="bun" />
import { readlinkSync } from "node:fs";
import { spawn } from "bun";
import { type Bundle, bundle, probe } from "../helpers/bundle.ts";
import { Container } from "../helpers/container.ts";
import { exec, until } from "../helpers/exec.ts";
import { everything, hostMounts, hostProcesses, joined, movingDevices, notifying, RICH_PROCESS, terminal, userAndTime } from "./configs.ts";
import { Creating, Executing, type Subject } from "./life.ts";

export interface Scenario {
  readonly bundle: Bundle;
  /** Flags of create and run, without --bundle. */
  readonly flags: readonly string[];
  /** Another command in front of the tool. */
  readonly prefix: readonly string[];
  /** To be called before each container: what ended with the one before. */
  readonly prepare: () => Promise<void>;
  /** "", or what is not as it was before, beside the leftovers of the container. */
  readonly problem: () => Promise<string>;
  readonly end: () => void;
}

function scenario(made: Bundle, more: Partial<Scenario> = {}): Scenario {
  return { bundle: made, flags: [], prefix: [], prepare: async () => {}, problem: async () => "", end: () => {}, ...more };
}

/** A socket that takes whatever is sent. */
function listener(path: string): () => void {
  const server = Bun.listen({ unix: path, socket: { data() {} } });
  return () => server.stop(true);
}

async function withTerminal(): Promise<Scenario> {
  const made = terminal();
  const path = `${made.directory}/console.sock`;
  return scenario(made, { flags: ["--console-socket", path], end: listener(path) });
}

async function withAgent(): Promise<Scenario> {
  const holder = bundle();
  const path = `${holder.directory}/agent.sock`;
  return scenario(notifying(path), { end: listener(path) });
}

async function withJoined(): Promise<Scenario> {
  const holder = await new Container(bundle(probe("pause"))).up();
  return scenario(joined((await holder.state()).pid));
}

const ADDRESS = "10.9.8.7/24";
const DEVICES = [
  "ip link add v0 type veth peer name v1",
  "ip link set v0 mtu 1400",
  `ip addr add ${ADDRESS} dev v0`,
  "ip link set v0 up",
  "ip link add v2 type veth peer name v3",
].join(" && ");

/** The runtime is in a network namespace of the test's own, with two devices that are to be moved. */
async function withDevices(): Promise<Scenario> {
  const child = spawn(["unshare", "--net", "sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });
  const own = readlinkSync("/proc/self/ns/net");
  await until("the network namespace", () => readlinkSync(`/proc/${child.pid}/ns/net`) !== own);
  const prefix = ["nsenter", `--net=/proc/${child.pid}/ns/net`];
  const inside = (script: string) => exec([...prefix, "sh", "-c", script]);
  const problem = async () => {
    const { stdout } = await inside("ip -o link; ip -o addr");
    const isThere = /\bv0@\S+ <[^>]*\bUP\b[^>]*> mtu 1400/.test(stdout) && /\bv2@\S+ <(?![^>]*\bUP\b)/.test(stdout) && stdout.includes(ADDRESS);
    return isThere ? "" : `the network devices are not back: ${stdout}`;
  };
  const prepare = async () => {
    if ((await problem()) === "") return;
    // Also by their peers: the kernel takes its time to end a container's namespace, and the device in it.
    const result = await inside(`for device in v0 v1 v2 v3; do ip link del $device 2>/dev/null; done; ${DEVICES}`);
    if (result.code !== 0) throw new Error(`no network devices: ${result.stderr}`);
  };
  return scenario(movingDevices(), { prefix, prepare, problem, end: () => child.kill("SIGKILL") });
}

export const everySection = async () => scenario(everything());
/** The usual container: nothing in it waits for the runtime to come so far. */
export const usual = async () => scenario(bundle({ process: { args: ["true"] } }));
export const onHost = async () => scenario(hostProcesses());
/** A container with every section that runs until it is killed. */
export const running = async () => scenario(everything().rewrite({ process: { args: ["/probe", "pause"] } }));

/** All containers. Each is made anew for each test. */
export const SCENARIOS: Readonly<Record<string, () => Promise<Scenario>>> = {
  "every section": everySection,
  "user and time namespaces": async () => scenario(userAndTime()),
  "joined namespaces": withJoined,
  "mounts on the host": async () => scenario(hostMounts()),
  "processes on the host": onHost,
  "no pivot": async () => scenario(hostProcesses(), { flags: ["--no-pivot"] }),
  "a terminal": withTerminal,
  "a seccomp agent": withAgent,
  "network devices": withDevices,
};

/** In the foreground: whoever closes a terminal's master hangs up on the process. */
export async function execInside(...flags: string[]): Promise<Executing> {
  return new Executing(await running(), { ...RICH_PROCESS, cwd: "/", terminal: true, execCPUAffinity: { initial: "0", final: "0" } }, flags);
}

/** Where there is no mount namespace to enter. */
async function execOnHost(): Promise<Executing> {
  const made = hostMounts().rewrite({ process: { args: ["/probe", "pause"] } });
  return new Executing(scenario(made), { ...RICH_PROCESS, cwd: "/" }, ["--detach"]);
}

/** All that has a plan. */
export const SUBJECTS: Readonly<Record<string, () => Promise<Subject>>> = {
  ...Object.fromEntries(Object.entries(SCENARIOS).map(([name, make]) => [name, async () => new Creating(await make())])),
  exec: () => execInside(),
  "exec without a mount namespace": execOnHost,
};
