// process.rlimits
import { expect } from "bun:test";
import { bundle } from "../helpers/bundle.ts";
import type { Json } from "../helpers/config.ts";
import { facts, refused } from "../helpers/container.ts";
import { needs, oracle, spec } from "../helpers/spec.ts";

const UNLIMITED = 18446744073709551615n;
const withLimits = (...rlimits: Json[]) => bundle({ process: { args: ["/probe", "rlimits"], rlimits } });

spec("7.06 soft and hard limits are exactly what is asked for", async () => {
  const f = await facts(
    withLimits(
      { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
      { type: "RLIMIT_CORE", soft: 0, hard: 4096 },
      { type: "RLIMIT_FSIZE", soft: 1 << 20, hard: 1 << 30 },
    ),
  );
  expect(f.get("rlimit.RLIMIT_NOFILE")).toBe("100 200");
  expect(f.get("rlimit.RLIMIT_CORE")).toBe("0 4096");
  expect(f.get("rlimit.RLIMIT_FSIZE")).toBe(`${1 << 20} ${1 << 30}`);
});

spec("7.06 64 bits are kept exactly", async () => {
  const odd = 9007199254740993n; // 2^53 + 1
  const f = await facts(
    withLimits(
      { type: "RLIMIT_AS", soft: odd, hard: UNLIMITED },
      { type: "RLIMIT_DATA", soft: 18446744073709551614n, hard: UNLIMITED },
      { type: "RLIMIT_CPU", soft: UNLIMITED, hard: UNLIMITED },
    ),
  );
  expect(f.get("rlimit.RLIMIT_AS")).toBe(`${odd} ${UNLIMITED}`);
  expect(f.get("rlimit.RLIMIT_DATA")).toBe(`18446744073709551614 ${UNLIMITED}`);
  expect(f.get("rlimit.RLIMIT_CPU")).toBe(`${UNLIMITED} ${UNLIMITED}`);
});

spec("7.06 every kind of limit", async () => {
  const kinds = [
    "AS",
    "CORE",
    "CPU",
    "DATA",
    "FSIZE",
    "LOCKS",
    "MEMLOCK",
    "MSGQUEUE",
    "NICE",
    "NOFILE",
    "NPROC",
    "RSS",
    "RTPRIO",
    "RTTIME",
    "SIGPENDING",
    "STACK",
  ];
  // One number per kind that a machine without CAP_SYS_RESOURCE can still set: a small one, or the 0 that is there already.
  const small: Record<string, number> = {
    AS: 1 << 30,
    CORE: 1,
    CPU: 1000,
    DATA: 1 << 30,
    FSIZE: 1 << 20,
    LOCKS: 5,
    MEMLOCK: 65536,
    MSGQUEUE: 4096,
    NICE: 0,
    NOFILE: 64,
    NPROC: 500,
    RSS: 1 << 30,
    RTPRIO: 0,
    RTTIME: 1000000,
    SIGPENDING: 100,
    STACK: 1 << 20,
  };
  const f = await facts(withLimits(...kinds.map((kind) => ({ type: `RLIMIT_${kind}`, soft: small[kind] ?? 0, hard: small[kind] ?? 0 }))));
  for (const kind of kinds) expect(f.get(`rlimit.RLIMIT_${kind}`)).toBe(`${small[kind]} ${small[kind]}`);
});

spec("7.06 no rlimits: those of the caller stay", async () => {
  const own = await Bun.file("/proc/self/limits").text();
  const f = await facts(bundle({ process: { args: ["/probe", "rlimits"], rlimits: undefined } }));
  const core = /Max core file size\s+(\S+)\s+(\S+)/.exec(own);
  const word = (text: string | undefined) => (text === "unlimited" ? String(UNLIMITED) : (text ?? ""));
  expect(f.get("rlimit.RLIMIT_CORE")).toBe(`${word(core?.[1])} ${word(core?.[2])}`);
});

spec("7.06 an unknown kind is an error", async () => {
  await refused(withLimits({ type: "RLIMIT_NOSUCH", soft: 1, hard: 1 }));
  await refused(withLimits({ type: "NOFILE", soft: 1, hard: 1 }), undefined);
});

spec("7.06 the same kind twice is an error", oracle({ runc: "the last one wins", crun: "the last one wins" }), async () => {
  await refused(withLimits({ type: "RLIMIT_NOFILE", soft: 100, hard: 100 }, { type: "RLIMIT_NOFILE", soft: 50, hard: 50 }));
});

spec("7.06 soft and hard are required", oracle({ crun: "takes 0" }), async () => {
  await refused(withLimits({ type: "RLIMIT_NOFILE", soft: 100 }));
  await refused(withLimits({ type: "RLIMIT_NOFILE", hard: 100 }));
});

spec("7.06 soft above hard is an error", async () => {
  await refused(withLimits({ type: "RLIMIT_NOFILE", soft: 101, hard: 100 }));
});

spec("7.06 limits beyond 64 bits and below 0 are errors", async () => {
  await refused(withLimits({ type: "RLIMIT_NOFILE", soft: 1, hard: 18446744073709551616n }));
  await refused(withLimits({ type: "RLIMIT_NOFILE", soft: -1, hard: -1 }));
  await refused(withLimits({ type: "RLIMIT_NOFILE", soft: 1.5, hard: 2 }));
});

spec("7.06 a hard limit may be raised", needs("resource"), async () => {
  const f = await facts(withLimits({ type: "RLIMIT_MEMLOCK", soft: 1n << 40n, hard: UNLIMITED }));
  expect(f.get("rlimit.RLIMIT_MEMLOCK")).toBe(`${1n << 40n} ${UNLIMITED}`);
});
