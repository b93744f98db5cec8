// bundle/load: from a directory to a validated configuration, on a machine that is a table.
import { expect, test } from "bun:test";
import { type Bundle, loadBundle } from "../../../src/bundle/load.ts";
import { ConfigError } from "../../../src/errors.ts";
import { installUnitHost } from "../../helpers/unit-host.ts";

const DIRECTORY = 0o040755;
const REGULAR = 0o100644;
const PROC = 0x9fa0;
const ENOENT = -2;
const EILSEQ = -84;

interface Machine {
  readonly config: string | number;
  readonly modes?: Readonly<Record<string, number>>;
  readonly plain?: boolean;
  /** What the kernel says of AppArmor. */
  readonly apparmor?: string;
}

/** The bundle is /b, reached by a link. */
function load({ config, modes = { "/b/rootfs": DIRECTORY }, plain = false, apparmor }: Machine): Bundle {
  installUnitHost({
    json_is_plain: () => (plain ? 1 : 0),
    real_path: () => "/b",
    read_text: (path) => (path === "/b/config.json" ? config : ENOENT),
    read_lossy: (path) => (path === "/sys/module/apparmor/parameters/enabled" ? (apparmor ?? ENOENT) : ENOENT),
    stat_mode: (path) => modes[path] ?? ENOENT,
    fs_magic: (path) => (path === "/proc" ? PROC : 0xef53),
  });
  return loadBundle("/link");
}

function refusal(machine: Machine): ConfigError {
  try {
    load(machine);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

function config(more: Readonly<Record<string, unknown>> = {}): string {
  const process = { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 } };
  return JSON.stringify({ ociVersion: "1.0.2", root: { path: "rootfs" }, process, ...more });
}

test("the directory without links, the root filesystem, the text and the value", () => {
  for (const plain of [true, false]) {
    const bundle = load({ config: config(), plain });
    expect(bundle).toMatchObject({ dir: "/b", configPath: "/b/config.json", rootfs: "/b/rootfs", text: config(), warnings: [] });
    expect(bundle.config.process?.args).toEqual(["sh"]);
  }
  expect(load({ config: config({ root: { path: "/r" } }), modes: { "/r": DIRECTORY } }).rootfs).toBe("/r");
});

test("spec 1.12: without a config.json the error names it and says what to do", () => {
  const error = refusal({ config: ENOENT });
  expect(error.code).toBe("TS1106");
  expect(error.message).toContain("config.json");
  expect(error.hint).toContain("--bundle");
});

test("spec 1.05: not UTF-8", () => {
  expect(refusal({ config: EILSEQ }).code).toBe("TS1105");
});

test("spec 1.06: a newer minor version is a warning", () => {
  expect(load({ config: config({ ociVersion: "1.99.0" }) }).warnings).toEqual([
    "ociVersion 1.99.0 is newer than 1.3.0: properties that are not known are ignored",
  ]);
  expect(load({ config: config({ ociVersion: "1.0.2-dev" }) }).warnings).toEqual([]);
});

test("spec 8.13 10.02: one device by two names, and reserved annotations, are warnings", () => {
  const device = { type: "c", path: "/dev/a", major: 1, minor: 3 };
  const fifo = { type: "p", path: "/dev/p" };
  const devices = [device, { ...device, path: "/dev/b", type: "u" }, { ...device, path: "/dev/c", minor: 5 }, fifo, { ...fifo, path: "/dev/q" }];
  const annotations = { "org.opencontainers.x": "", "org.opencontainers.image.os": "linux", "org.example": "" };
  expect(load({ config: config({ linux: { devices }, annotations }) }).warnings).toEqual([
    'the annotation "org.opencontainers.x" is ignored: names that begin with org.opencontainers. are reserved',
    'the devices "/dev/a" and "/dev/b" are the same: c 1:3',
  ]);
});

test("spec 7.13: an AppArmor profile needs a kernel with AppArmor", () => {
  const process = { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 } };
  const withProfile = (apparmorProfile: string) => config({ process: { ...process, apparmorProfile } });
  expect(refusal({ config: withProfile("p") })).toMatchObject({ code: "TS1103", pointer: "/process/apparmorProfile" });
  expect(load({ config: withProfile("unconfined") }).warnings).toEqual([]);
  expect(load({ config: withProfile("p"), apparmor: "Y\n" }).warnings).toEqual([]);
});

test("spec 1.01: unknown properties are ignored, and null is as if it were absent", () => {
  const linux = { resources: null, seccomp: null, unknown: { a: [null] }, namespaces: [{ type: "pid", path: null }] };
  const bundle = load({ config: config({ linux, hooks: null, mounts: null, later: { x: 1 } }) });
  expect(bundle.config.linux).toEqual({ unknown: { a: [null] }, namespaces: [{ type: "pid" }] } as object);
  expect("mounts" in bundle.config).toBe(false);
});

test("spec 5.02: the root filesystem must be there and be a directory", () => {
  expect(refusal({ config: config(), modes: {} })).toMatchObject({ code: "TS1103", pointer: "/root/path" });
  expect(refusal({ config: config(), modes: { "/b/rootfs": REGULAR } }).message).toContain("not a directory");
});

test("CVE-2019-19921: only a proc filesystem may be bound over /proc", () => {
  const bind = (source: string) =>
    config({ mounts: [{ destination: "/proc", type: "proc", source, options: ["rbind"] }], linux: { namespaces: [{ type: "mount" }] } });
  expect(load({ config: bind("/proc") }).config.mounts?.length).toBe(1);
  expect(refusal({ config: bind("volume") })).toMatchObject({ code: "TS1103", pointer: "/mounts/0" });
});

test("all findings come at once, with the document for their places", () => {
  const process = { cwd: "x", args: [], user: { uid: 0, gid: 4294967295 } };
  const error = refusal({ config: config({ process, hostname: "h" }), modes: {} });
  expect(error.findings.map((finding) => finding.pointer)).toEqual(["/process/cwd", "/process/args", "/process/user/gid", "/hostname", "/root/path"]);
  expect(error.document?.path).toBe("/b/config.json");
});

test("64-bit integers are exact", () => {
  const rlimits = '"rlimits": [{"type": "RLIMIT_CORE", "soft": 9007199254740993, "hard": 18446744073709551615}]';
  const bundle = load({ config: config().replace('"cwd"', `${rlimits}, "cwd"`) });
  expect(bundle.config.process?.rlimits?.[0]).toEqual({ type: "RLIMIT_CORE", soft: 9007199254740993n, hard: 18446744073709551615n });
});

test("__proto__ is a name like any other", () => {
  const text = config().replace("{", '{"annotations": {"__proto__": "x", "b": null}, "__proto__": {"hooks": 5},');
  for (const plain of [true, false]) {
    const bundle = load({ config: text, plain });
    expect(Object.keys(bundle.config.annotations ?? {})).toEqual(["__proto__"]);
    expect(bundle.config.hooks).toBeUndefined();
  }
});
