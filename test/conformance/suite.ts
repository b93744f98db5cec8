// The OCI's own suite, github.com/opencontainers/runtime-tools: built from the Go module proxy at a pinned version, once.
/// <reference types="bun" />
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dir, "../..");
export const MODULE = "github.com/opencontainers/runtime-tools";
export const VERSION = "v0.9.1-0.20251114084447-edf4cb3d2116";
export const SUITE = `${REPOSITORY}/build/conformance`;
export const PATH = `${process.env["PATH"]}:/usr/local/go/bin:/usr/sbin:/sbin`;

export function sh(argv: string[], cwd: string, env: Record<string, string> = {}): string {
  const result = Bun.spawnSync(argv, { cwd, env: { ...process.env, PATH, ...env } as Record<string, string>, stdout: "pipe", stderr: "inherit" });
  if (result.exitCode !== 0) throw new Error(`${argv.join(" ")}: exit code ${result.exitCode}`);
  return result.stdout.toString();
}

/** The suite needs Go 1.21 or later; false when there is none. */
export function hasGo(): boolean {
  const go = Bun.which("go", { PATH });
  const version = go === null ? null : /go1\.(\d+)/.exec(sh([go, "version"], REPOSITORY));
  return Number(version?.[1] ?? 0) >= 21;
}

export function buildSuite(): void {
  if (existsSync(`${SUITE}/${VERSION}`)) return;
  console.log(`== building ${MODULE} ${VERSION}`);
  rmSync(SUITE, { recursive: true, force: true });
  const { Dir } = JSON.parse(sh(["go", "mod", "download", "-json", `${MODULE}@${VERSION}`], REPOSITORY));
  cpSync(Dir, SUITE, { recursive: true });
  sh(["chmod", "-R", "u+w", SUITE], REPOSITORY);
  rmSync(`${SUITE}/vendor`, { recursive: true, force: true });
  mkdirSync(`${SUITE}/tests`);
  sh(["go", "build", "-mod=mod", "-o", "tests/", "./validation/..."], SUITE);
  // It runs inside the containers.
  sh(["go", "build", "-mod=mod", "-tags", "netgo", "-o", "runtimetest", "./cmd/runtimetest"], SUITE, { CGO_ENABLED: "0" });
  rmSync(`${SUITE}/tests/util`, { force: true });
  writeFileSync(`${SUITE}/${VERSION}`, "");
}

/** Names of the validation programs. */
export function testNames(): string[] {
  return readdirSync(`${SUITE}/tests`).sort();
}
