// Speaks to systemd by busctl(1), which is there wherever systemd is: the released tool stays static, and needs no D-Bus library of its own.
// Every call has a bound.
import { StateError, SystemError } from "../errors.ts";
import { O_PATH, sys } from "../sys.ts";

const PROGRAMS = ["/usr/bin/busctl", "/bin/busctl"] as const;
const SERVICE = "org.freedesktop.systemd1";
const OBJECT = "/org/freedesktop/systemd1";
const CALL_TIMEOUT_S = 20;
const OUTPUT_BYTES = 4096;
const SYSTEM_HINT = "--systemd-cgroup needs systemd as process 1, and its bus";
const USER_HINT = "a user's systemd is found by XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS, and is there after a login or loginctl enable-linger";
const ETIMEDOUT = 110;

/** Calls a method of the manager: "" when it worked, else what is wrong. */
export function callManager(user: boolean, method: string, signature: string, words: readonly string[]): string {
  const { code, text } = busctl(user, ["--quiet", "call", SERVICE, OBJECT, `${SERVICE}.Manager`, method, signature, "--", ...words]);
  return code === 0 ? "" : text || "busctl failed without a word";
}

/** The cgroup below which a user's systemd has its units. */
export function managerCgroup(): string {
  const { code, text } = busctl(true, ["--json=short", "get-property", SERVICE, OBJECT, `${SERVICE}.Manager`, "ControlGroup"]);
  if (code !== 0) throw systemdError("find the user's systemd", text, true);
  const path: string = JSON.parse(text).data;
  return path === "/" ? "" : path;
}

/** ActiveState of a unit, and whether a job for it is under way; undefined when nobody answers. */
export function unitState(user: boolean, unit: string): { readonly state: string; readonly hasJob: boolean } | undefined {
  const path = `${OBJECT}/unit/${unit.replace(/[^A-Za-z0-9]/g, (letter) => `_${letter.charCodeAt(0).toString(16).padStart(2, "0")}`)}`;
  const { code, text } = busctl(user, ["--json=short", "get-property", SERVICE, path, `${SERVICE}.Unit`, "ActiveState", "Job"]);
  const [state = "", job = ""] = text.split("\n");
  return code === 0 ? { state: JSON.parse(state).data, hasJob: JSON.parse(job).data[0] !== 0 } : undefined;
}

export function systemdError(action: string, problem: string, user: boolean, hint = user ? USER_HINT : SYSTEM_HINT): StateError {
  return new StateError("TS6101", `cannot ${action}: systemd: ${problem}`, { hint });
}

function busctl(user: boolean, words: readonly string[]): { readonly code: number; readonly text: string } {
  const program = PROGRAMS.find((path) => isThere(path));
  if (program === undefined) throw systemdError("speak to systemd", "there is no busctl on this machine", user);
  const argv = ["busctl", user ? "--user" : "--system", `--timeout=${CALL_TIMEOUT_S}`, ...words];
  const limit = CALL_TIMEOUT_S + 5;
  const output = sys.run_program(program, `${argv.join("\0")}\0`, environment(user), "", limit * 1000, OUTPUT_BYTES);
  if (output === -ETIMEDOUT) throw systemdError("speak to systemd", `no answer in ${limit} s`, user);
  if (typeof output === "number") throw new SystemError("run", program, "execve", -output);
  return { code: sys.out(0), text: output.trim() };
}

/** A user's bus is found by its environment, or where logind puts it; the system's needs nothing. */
function environment(user: boolean): string {
  if (!user) return "";
  const given = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"]
    .map((name) => [name, sys.getenv(name)] as const)
    .flatMap(([name, value]) => (typeof value === "string" && value !== "" ? [`${name}=${value}\0`] : []));
  return given.length > 0 ? given.join("") : `XDG_RUNTIME_DIR=/run/user/${sys.geteuid()}\0`;
}

function isThere(path: string): boolean {
  const fd = sys.open(path, O_PATH, 0);
  if (fd >= 0) sys.close(fd);
  return fd >= 0;
}
